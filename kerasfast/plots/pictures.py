"""Draw pictures in a grid, with titles or with the classes predicted for them."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from kerasfast.basics.arguments import numbers, sized, whole
from kerasfast.basics.notebook import in_notebook, not_repeated

if TYPE_CHECKING:
    from matplotlib.axes import Axes

GREEN, RED, GREY, INK = "#2f855a", "#c53030", "#8a8f98", "#2d3748"
_CAPTION_LINES = 8
_TILE_INCHES, _LINE_INCHES, _FONT_POINTS = 2.3, 0.19, 9.5


def plot_images(
    images: Any,
    titles: Sequence[str] | None = None,
    *,
    rows: int | None = None,
    columns: int | None = None,
    title: str = "",
    ax: Axes | None = None,
) -> Axes:
    """Draw pictures in a grid, each with a title below.

    Args:
        images: (n, height, width, 3) or (n, height, width) in 0..255 or 0..1; of more channels the first three.
        titles: One per picture; long ones are broken into lines at spaces.
        rows: Rows of the grid; as many as needed when not given.
        columns: Columns of the grid; a nearly square grid, six wide at most, when not given.
        title: Title above the grid.
        ax: Where to draw; a new figure when not given.

    Returns:
        The axes.

    Raises:
        ValueError: When the pictures cannot be shown, or titles and pictures differ in number.

    Example:
        >>> plot_images(np.zeros((4, 8, 8, 3)), ["a", "b", "c", "d"], title="four").get_title(loc="left")
        'four'
    """
    pictures = _displayable(images)
    captions = [[] for _ in pictures]
    if titles is not None:
        check_same_length("titles", titles, "images", pictures)
        captions = [[(line, INK) for line in _wrapped(str(text))] for text in titles]
    return _draw_grid(pictures, captions, rows, columns, title, ax)


def plot_predictions(
    images: Any,
    truth: Any,
    predictions: Any,
    class_names: Sequence[str],
    *,
    threshold: float | np.ndarray | None = 0.5,
    rows: int | None = None,
    columns: int | None = None,
    title: str = "Predictions",
    ax: Axes | None = None,
) -> Axes:
    """Draw pictures with their predicted classes: green right, red wrong, grey for true ones that were missed.

    Args:
        images: (n, height, width, 3) in 0..255 or 0..1.
        truth: 0 or 1, (n, classes); `None` for pictures without labels.
        predictions: Probabilities, or 0 and 1 as bool or int, (n, classes).
        class_names: A name per class.
        threshold: A class is predicted above it (one number, or one per class); `None` takes the largest class alone.
        rows: Rows of the grid; as many as needed when not given.
        columns: Columns of the grid; a nearly square grid, six wide at most, when not given.
        title: Title above the grid.
        ax: Where to draw; a new figure when not given.

    Returns:
        The axes.

    Raises:
        ValueError: When the pictures cannot be shown, or shapes differ.

    Example:
        >>> tags, likely = np.array([[1, 0], [0, 1]]), np.array([[0.9, 0.2], [0.3, 0.4]])
        >>> ax = plot_predictions(np.zeros((2, 8, 8, 3)), tags, likely, ["clear", "haze"])
    """
    pictures, predictions = _displayable(images), np.asarray(predictions)
    expected = (len(pictures), len(class_names))
    for name, array in (("predictions", predictions), ("truth", predictions if truth is None else np.asarray(truth))):
        if array.shape != expected:
            raise ValueError(f"`{name}` must be (pictures, classes) = {expected}; received {array.shape}.")
    if threshold is None:
        chosen = predictions == predictions.max(axis=1, keepdims=True)
    else:
        chosen = predictions > threshold
    shown = predictions if np.issubdtype(predictions.dtype, np.floating) else [None] * len(predictions)
    truths = [None] * len(predictions) if truth is None else np.asarray(truth) > 0.5
    captions = [_tag_lines(*row, class_names) for row in zip(truths, chosen, shown, strict=True)]
    return _draw_grid(pictures, captions, rows, columns, title, ax)


def new_axes(size: tuple[float, float]) -> Axes:
    """Return empty axes on a figure of this many inches."""
    if in_notebook():
        from matplotlib.pyplot import figure as new  # whose figures a cell shows below it
    else:
        from matplotlib.figure import Figure as new  # pyplot would pick a window system and keep every figure alive

    figure = new(figsize=size, layout="constrained")
    figure.get_layout_engine().set(w_pad=0.08, h_pad=0.08)
    return not_repeated(figure.subplots())


def shortened(text: str, most: int = 28) -> str:
    """Return a text of so many letters at most; where some are left out it ends in an ellipsis.

    Example:
        >>> len(shortened("a very long name of a class of pictures"))
        28
    """
    return text if len(text) <= most else f"{text[: most - 1]}\u2026"


def check_same_length(name: str, values: Any, other_name: str, others: Any) -> None:
    """Raise ValueError when two sequences that belong together differ in length."""
    if len(sized(name, values)) != len(others):
        raise ValueError(f"As many `{name}` as {other_name} are needed; received {len(values)} and {len(others)}.")


def _displayable(images: Any) -> np.ndarray:
    images = numbers("images", images, finite=False)
    if images.ndim == 3:
        images = images[..., None]
    if images.ndim == 4 and images.shape[-1] > 3:
        images = images[..., :3]
    if images.ndim != 4 or images.shape[-1] not in (1, 3) or len(images) == 0:
        raise ValueError(f"`images` must be (n, height, width, 3) or (n, height, width); received {images.shape}.")
    images = np.repeat(images, 3, axis=-1) if images.shape[-1] == 1 else images
    scale = 255.0 if images.dtype == np.uint8 or images.max() > 2 else 1.0
    images = images.astype("float32") / scale
    # Resizing may overshoot a little; more than that is a picture prepared for a network.
    if not (images.min() >= -0.1 and images.max() <= 1.1):
        raise ValueError(
            f"Pictures must lie in 0..255 or 0..1; received {images.min() * scale:.3g} to {images.max() * scale:.3g}. "
            "Undo the network's preprocessing first."
        )
    return np.clip(images, 0, 1)


def _wrapped(text: str) -> list[str]:
    return textwrap.wrap(text, 26)[:_CAPTION_LINES]


def _tag_lines(
    truth: np.ndarray | None, chosen: np.ndarray, probabilities: np.ndarray | None, class_names: Sequence[str]
) -> list[tuple[str, str]]:
    right = chosen if truth is None else chosen & truth
    wrong, missed = chosen & ~right, np.zeros_like(chosen) if truth is None else truth & ~chosen
    # The signs say the same as the colours, for those who cannot tell green from red.
    kinds = [(right, "" if truth is None else "\u2713 ", INK if truth is None else GREEN)]
    kinds += [(wrong, "\u2717 ", RED), (missed, "\u2013 ", GREY)]
    lines = []
    for members, sign, colour in kinds:
        for index in np.flatnonzero(members):
            number = "" if probabilities is None else f" {probabilities[index]:.2f}"
            name = shortened(str(class_names[index]), 24)
            lines.append((f"{sign}{name}{number}", colour))
    if len(lines) > _CAPTION_LINES:
        lines[_CAPTION_LINES - 1 :] = [(f"and {len(lines) - _CAPTION_LINES + 1} more", INK)]
    return lines


def _grid_shape(count: int, rows: int | None, columns: int | None) -> tuple[int, int]:
    for name, value in {"rows": rows, "columns": columns}.items():
        if value is not None:
            whole(name, value)
    if columns is None:
        columns = math.ceil(count / rows) if rows else min(6, math.ceil(math.sqrt(count)))
    rows = math.ceil(count / columns) if rows is None else rows
    if rows * columns < count:
        raise ValueError(f"{rows} rows of {columns} hold {rows * columns} pictures; received {count}.")
    return rows, columns


def _tile_inches(ax: Axes, columns: float, height: float) -> float:
    """Return how wide a picture will be on these axes, so that captions can shrink with it."""
    box, (figure_width, figure_height) = ax.get_position(), ax.figure.get_size_inches()
    # The automatic layout uses nearly all of what the first position leaves as margins.
    return 1.2 * min(box.width * figure_width / columns, box.height * figure_height / height)


def _draw_grid(
    pictures: np.ndarray,
    captions: list[list[tuple[str, str]]],
    rows: int | None,
    columns: int | None,
    title: str,
    ax: Axes | None,
) -> Axes:
    rows, columns = _grid_shape(len(pictures), rows, columns)
    height = pictures.shape[1] / pictures.shape[2]
    # In units of a picture's width: each row is as high as its own longest caption needs.
    line = _LINE_INCHES / _TILE_INCHES
    longest = [max(map(len, captions[row * columns : (row + 1) * columns]), default=0) for row in range(rows)]
    tops = np.concatenate([[0], np.cumsum([height + line * (count + 0.8) for count in longest])])
    if ax is None:
        ax = new_axes((columns * 1.06 * _TILE_INCHES + 0.2, tops[-1] * _TILE_INCHES + (0.4 if title else 0.1)))
    font = _FONT_POINTS * min(1.0, _tile_inches(ax, columns * 1.06, tops[-1]) / _TILE_INCHES)
    for index, (picture, lines) in enumerate(zip(pictures, captions, strict=True)):
        left, top = index % columns * 1.06, tops[index // columns]
        ax.imshow(picture, extent=(left, left + 1, top + height, top), interpolation="antialiased")
        for number, (text, colour) in enumerate(lines):
            ax.text(left, top + height + line * (number + 0.35), text, color=colour, fontsize=font, va="top")
    ax.set_xlim(0, columns * 1.06 - 0.06)
    ax.set_ylim(tops[-1], 0)
    ax.set_aspect("equal")
    ax.axis("off")
    ax.set_title(title, color=INK, fontsize=12, loc="left", fontweight="bold")
    return ax
