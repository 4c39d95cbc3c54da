"""Puts names beside points so that no two overlap."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from kerasfast.plots.pictures import GREY, INK

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_RADII = (5, 10, 18, 28)  # points
_WITHOUT_LINE = 12
_ANGLES = np.radians([30, -30, 150, -150, 90, -90, 0, 180, 60, -60, 120, -120])
_DOT, _SPACE = 2.5, 1.0  # points


def add_labels(ax: Axes, points: np.ndarray, names: Sequence[str], *, fontsize: float = 8) -> int:
    """Write a name beside each point where there is room, with a line to it from farther off; return how many are.

    Earlier points choose first; a name that finds no free place is left out.

    Args:
        ax: With the points drawn and the limits set.
        points: (n, 2) in the units of the axes.
        names: (n,).
        fontsize: In points.
    """
    figure = ax.figure
    figure.draw_without_rendering()  # the layout decides where the axes lie
    scale = figure.dpi / 72
    centres = ax.transData.transform(np.asarray(points, dtype=float)) / scale  # in points
    inside = ax.get_window_extent()
    frame = np.array([inside.x0, inside.y0, inside.x1, inside.y1]) / scale
    dots = np.column_stack([centres - _DOT, centres + _DOT])
    taken = np.zeros((0, 4))
    written = 0
    for centre, point, name in zip(centres, points, names, strict=True):
        size = _size(name, fontsize)
        found = _free_place(centre, size, taken, dots, frame)
        if found is None:
            continue
        box, offset = found
        taken, written = np.vstack([taken, box]), written + 1
        far = np.hypot(*offset) - np.hypot(*size) / 2 > _WITHOUT_LINE
        line = {"arrowstyle": "-", "color": GREY, "linewidth": 0.6, "shrinkA": 0, "shrinkB": 2} if far else None
        label = ax.annotate(
            name, tuple(point), tuple(offset), textcoords="offset points", fontsize=fontsize, color=INK, ha="center",
            va="center", arrowprops=line,
        )  # fmt: skip
        label.set_in_layout(False)  # else the axes would make room and the points move
    return written


def _size(name: str, fontsize: float) -> np.ndarray:
    """Return width and height of a text in points."""
    from matplotlib.textpath import TextPath

    box = TextPath((0, 0), name or " ", size=fontsize).get_extents()
    return np.array([box.width + 2, fontsize * 1.2])


def _free_place(
    centre: np.ndarray, size: np.ndarray, taken: np.ndarray, dots: np.ndarray, frame: np.ndarray
) -> tuple[np.ndarray, np.ndarray] | None:
    """Return the nearest free box (left, bottom, right, top) for a text, and its middle from the point."""
    for radius in _RADII:
        for angle in _ANGLES:
            direction = np.array([np.cos(angle), np.sin(angle)])
            offset = direction * (radius + np.abs(direction) @ size / 2)
            box = np.concatenate([centre + offset - size / 2, centre + offset + size / 2])
            within = (box[:2] >= frame[:2]).all() and (box[2:] <= frame[2:]).all()
            if within and not (_meets(box, taken) or _meets(box, dots)):
                return box, offset
    return None


def _meets(box: np.ndarray, others: np.ndarray) -> bool:
    apart = (others[:, :2] >= box[2:] + _SPACE).any(axis=1) | (others[:, 2:] <= box[:2] - _SPACE).any(axis=1)
    return not apart.all()
