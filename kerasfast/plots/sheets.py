"""Draws arrays as the lessons' spreadsheet does: small tables of numbers, coloured, side by side."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from kerasfast.plots.pictures import GREY, INK

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

CELL, GAP, HEAD = 0.3, 0.45, 0.35  # inches
MOST_CELLS = 40  # a side; larger arrays are drawn without numbers
_IMAGE, _FONT = 4.5, 6.2  # inches, points
_DARK = 0.55


@dataclass(frozen=True)
class Panel:
    """An array under a title.

    Args:
        title: Above it.
        numbers: (rows, columns).
        row_names, column_names: Beside and above the cells.
        digits: After the point.
    """

    title: str
    numbers: np.ndarray
    row_names: Sequence[str] = ()
    column_names: Sequence[str] = ()
    digits: int = 2

    @property
    def inches(self) -> tuple[float, float]:
        """Width and height of the cells."""
        rows, columns = self.numbers.shape
        if max(rows, columns) > MOST_CELLS:
            return _IMAGE * columns / max(rows, columns), _IMAGE * rows / max(rows, columns)
        wide = 2.4 if self.column_names else 1.0
        return wide * CELL * columns, CELL * rows

    @property
    def width(self) -> float:
        """Inches that the cells or the title take, whichever is wider."""
        return max(self.inches[0], 0.075 * len(self.title))

    @property
    def left(self) -> float:
        """Inches for the names of the rows."""
        return 0.075 * max(map(len, self.row_names), default=0)


def draw_sheet(rows: Sequence[Sequence[Panel]], *, title: str = "") -> Figure:
    """Draw rows of panels, each in cells of one size, and return the figure.

    Args:
        rows: Of panels.
        title: Above all.
    """
    from matplotlib.figure import Figure

    heights = [HEAD + max(panel.inches[1] + _above(panel) for panel in row) for row in rows]
    widths = [sum(panel.left + panel.width + GAP for panel in row) for row in rows]
    above = 0.6 if title else 0.2
    width, height = max(widths) + GAP, above + sum(heights) + GAP
    figure = Figure(figsize=(width, height))
    top = height - above
    if title:
        figure.text(GAP / width, 1 - 0.3 / height, title, color=INK, fontsize=15, fontweight="bold", va="center")
    for row, row_height in zip(rows, heights, strict=True):
        left = GAP
        for panel in row:
            left += panel.left
            wide, high = panel.inches
            bottom = top - HEAD - _above(panel) - high
            _draw(figure.add_axes((left / width, bottom / height, wide / width, high / height)), panel)
            left += panel.width + GAP
        top -= row_height
    return figure


def _above(panel: Panel) -> float:
    return 0.2 if panel.column_names else 0.0


def _draw(ax: Axes, panel: Panel) -> None:
    numbers = np.asarray(panel.numbers, dtype=float)
    rows, columns = numbers.shape
    # By column where columns are of different kinds.
    most = np.abs(numbers).max(axis=0, keepdims=True) if panel.column_names else np.abs(numbers).max()
    shares = numbers / np.maximum(most, 1e-12)
    ax.imshow(shares, cmap="RdBu_r", vmin=-1, vmax=1, aspect="auto", interpolation="nearest")
    pad = 18 if panel.column_names else 5
    ax.set_title(panel.title, color=INK, fontsize=9, loc="left", pad=pad)
    ax.set_xticks(range(len(panel.column_names)), panel.column_names, fontsize=8, color=INK)
    ax.set_yticks(range(len(panel.row_names)), panel.row_names, fontsize=8, color=INK)
    ax.tick_params(length=0, top=False, bottom=False, labeltop=True, labelbottom=False)
    ax.spines[:].set_color(GREY)
    if max(rows, columns) > MOST_CELLS:
        return
    for (row, column), value in np.ndenumerate(numbers):
        colour = "white" if abs(shares[row, column]) > _DARK else INK
        text = "0" if value == 0 else f"{value:.{panel.digits}f}"
        ax.text(column, row, text, ha="center", va="center", color=colour, fontsize=_FONT)
