"""Draw arrays on matplotlib axes: training curves, pictures with their tags, confusion matrices."""

from __future__ import annotations

import os
import pathlib
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from kerasfast.basics import arguments
from kerasfast.basics.arguments import numbers, sized, whole
from kerasfast.basics.files import atomic_path, made_folder
from kerasfast.plots.labels import add_labels
from kerasfast.plots.pictures import GREY, INK, check_same_length, new_axes, plot_images, plot_predictions, shortened

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = [
    "plot_confusion_matrix",
    "plot_images",
    "plot_losses",
    "plot_lr_finder",
    "plot_predictions",
    "plot_projection",
    "plot_rates",
    "plot_schedules",
    "save_figure",
]

MOST_NAMES = 200
BLUE, ORANGE = "#2b6cb0", "#dd6b20"
GROUP_COLOURS = ("#90cdf4", "#4299e1", "#2b6cb0", "#1a365d", "#d69e2e", "#975a16")


def plot_lr_finder(
    rates: Any,
    losses: Any,
    *,
    smoothed: Any = None,
    suggestion: float | None = None,
    skip_start: int | None = None,
    skip_end: int | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw loss against learning rate on a logarithmic axis, raw and smoothed.

    Args:
        rates: Learning rate of each step, (steps,) or (steps, groups); of several groups the last one counts.
        losses: Loss of each step, (steps,). Steps whose loss is not finite are left out.
        smoothed: The smooth curve of the losses, (steps,); one is made when not given.
        suggestion: A rate to mark.
        skip_start: Steps to leave out at the start; the course's 10 when not given, but at most a tenth of the steps.
        skip_end: Steps to leave out at the end, where the loss explodes; 5 or at most a tenth when not given.
        ax: Where to draw; a new figure when not given.

    Raises:
        ValueError: When lengths differ, a rate is not positive, or fewer than two steps are left.
    """
    rates, losses = _last_group(rates), np.asarray(losses, dtype=float)
    check_same_length("rates", rates, "losses", losses)
    if not np.all(rates > 0):
        raise ValueError(f"Learning rates must be above 0 on a logarithmic axis; received {rates.min()}.")
    tenth = len(rates) // 10
    first = min(10, tenth) if skip_start is None else skip_start
    last = len(rates) - (min(5, tenth) if skip_end is None else skip_end)
    kept = np.isfinite(losses) & (np.arange(len(losses)) >= first) & (np.arange(len(losses)) < last)
    if kept.sum() < 2:
        raise ValueError(
            f"At least 2 finite losses are needed; {kept.sum()} of {len(losses)} are left with skip_start={first} and "
            f"skip_end={len(rates) - last}."
        )
    ax = _prepared(ax, "Learning rate finder", "learning rate", "loss")
    smooth = _smoothed(losses[kept]) if smoothed is None else np.asarray(smoothed, dtype=float)[kept]
    ax.plot(rates[kept], losses[kept], color=BLUE, alpha=0.3, linewidth=1, label="each step")
    ax.plot(rates[kept], smooth, color=BLUE, linewidth=2, label="smoothed")
    ax.set_xscale("log")
    _cut_explosion(ax, smooth)
    if suggestion is not None:
        ax.axvline(suggestion, color=ORANGE, linestyle="--", label=f"suggested {suggestion:.2g}")
    ax.legend(frameon=False)
    return ax


def plot_losses(
    train_losses: Any, valid_losses: Any = None, steps_per_epoch: int | None = None, *, ax: Axes | None = None
) -> Axes:
    """Draw the training loss of every step and the validation loss of every epoch.

    Args:
        train_losses: Loss of each training step, (steps,).
        valid_losses: Validation loss at the end of each epoch, (epochs,).
        steps_per_epoch: Steps in an epoch; with it the axis counts epochs, without it steps.
        ax: Where to draw; a new figure when not given.

    Raises:
        ValueError: When validation losses come without `steps_per_epoch`, or there is nothing to draw.
    """
    train_losses = np.asarray(train_losses, dtype=float)
    if train_losses.ndim != 1 or len(train_losses) == 0:
        raise ValueError(f"`train_losses` must be (steps,) with at least one step; received {train_losses.shape}.")
    if valid_losses is not None and not steps_per_epoch:
        raise ValueError("`valid_losses` come once per epoch: pass `steps_per_epoch` too.")
    ax = _prepared(ax, "Loss", "epoch" if steps_per_epoch else "step", "loss")
    steps = np.arange(1, len(train_losses) + 1) / (steps_per_epoch or 1)
    ax.plot(steps, train_losses, color=BLUE, alpha=0.25, linewidth=1)
    ax.plot(steps, _smoothed(train_losses), color=BLUE, linewidth=2, label="training")
    if valid_losses is not None:
        epochs = np.arange(1, len(valid_losses) + 1)
        ax.plot(epochs, valid_losses, color=ORANGE, marker="o", linewidth=2, label="validation")
    ax.legend(frameon=False)
    return ax


def plot_rates(
    rates: Any, momentums: Any = None, *, group_names: Sequence[str] | None = None, ax: Axes | None = None
) -> Axes:
    """Draw the learning rate of every step, one line per layer group, and the momentum on a second axis.

    The axis is logarithmic when the groups' rates lie more than 30 times apart.

    Args:
        rates: Applied learning rates, (steps,) or (steps, groups).
        momentums: Applied momentum of each step, (steps,).
        group_names: A name per group for the legend.
        ax: Where to draw; a new figure when not given.

    Raises:
        ValueError: When lengths differ.
    """
    rates = np.asarray(rates, dtype=float)
    rates = rates[:, None] if rates.ndim == 1 else rates
    groups = rates.shape[1]
    names = list(group_names or ([f"group {group}" for group in range(groups)] if groups > 1 else ["learning rate"]))
    check_same_length("group_names", names, "groups in rates", range(groups))
    ax = _prepared(ax, "Learning rate", "step", "learning rate")
    for group, name in enumerate(names):
        ax.plot(rates[:, group], color=_group_colour(group, groups), linewidth=2, label=name)
    peaks = rates.max(axis=0)
    if peaks.min() > 0 and peaks.max() > 30 * peaks.min():
        ax.set_yscale("log")
        # A cosine ends near zero, which would squeeze everything else into the top of the axis.
        ax.set_ylim(peaks.min() / 100, peaks.max() * 2)
    handles = list(ax.lines)
    if momentums is not None:
        check_same_length("momentums", momentums, "rates", rates)
        handles += _add_momentum(ax, np.asarray(momentums, dtype=float))
    ax.legend(handles=handles, frameon=False, ncols=4, loc="upper center", bbox_to_anchor=(0.5, -0.16))
    return ax


def plot_schedules(times: Any, values: Mapping[str, Any], *, unit: str = "epochs", ax: Axes | None = None) -> Axes:
    """Draw schedules against time: factors of rates and weight decays, and momentum on a second axis.

    Args:
        times: (n,).
        values: Values (n,) by "rate", "weight decay" or "momentum".
        unit: Of the times.
        ax: Where to draw; a new figure when not given.
    """
    ax = _prepared(ax, "Schedule", unit, "factor of the optimizer's rate")
    handles = []
    for (name, curve), colour in zip(values.items(), (BLUE, ORANGE, GREY), strict=False):
        axes = ax.twinx() if name == "momentum" and len(values) > 1 else ax
        handles += axes.plot(times, curve, color=colour, linewidth=2, label=name)
        if name == "momentum":
            axes.set_ylabel("momentum", color=INK)
    ax.legend(handles=handles, frameon=False, ncols=3, loc="upper center", bbox_to_anchor=(0.5, -0.16))
    return ax


def plot_confusion_matrix(
    matrix: Any, class_names: Sequence[str], *, title: str = "Confusion matrix", ax: Axes | None = None
) -> Axes:
    """Draw a confusion matrix: counts in the cells, coloured by their share of the row.

    Args:
        matrix: Counts, (true classes, predicted classes), as scikit-learn's `confusion_matrix` gives them.
        class_names: A name per class.
        title: Title above the matrix.
        ax: Where to draw; a new figure when not given.

    Returns:
        The axes.

    Raises:
        ValueError: When the matrix is not (classes, classes).

    Example:
        >>> ax = plot_confusion_matrix([[9, 1], [2, 8]], ["cat", "dog"])
        >>> [text.get_text() for text in ax.texts]
        ['9', '1', '2', '8']
    """
    matrix, count = numbers("matrix", matrix), len(sized("class_names", class_names))
    if matrix.shape != (count, count):
        raise ValueError(f"`matrix` must be (classes, classes) = {(count, count)}; received {matrix.shape}.")
    side = 2.5 + 0.55 * min(count, 20) + 0.13 * max(count - 20, 0)
    ax = _prepared(ax, title, "predicted", "true", size=(side, side))
    ax.grid(False)
    shares = matrix / np.maximum(matrix.sum(axis=1, keepdims=True), 1)
    ax.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    font = 9 if count <= 20 else max(5.5, 180 / count)
    names = [shortened(str(name)) for name in class_names]
    short = count <= 3 and max(map(len, names)) <= 12
    ax.set_xticks(range(count), names, rotation=0 if short else 90, fontsize=font)
    ax.set_yticks(range(count), names, fontsize=font)
    for row, column in np.argwhere(matrix != 0) if count <= 30 else []:
        colour = "white" if shares[row, column] > 0.5 else INK
        ax.text(column, row, f"{matrix[row, column]:g}", ha="center", va="center", color=colour, fontsize=font)
    return ax


def plot_projection(vectors: Any, names: Sequence[str], *, title: str = "", ax: Axes | None = None) -> Axes:
    """Draw vectors in the plane of their two principal axes, with names that do not overlap.

    The outermost points are named first; where names would overlap, those farther in are left out.

    Args:
        vectors: (points, width).
        names: A name per point.
        title: Title above the points.
        ax: Where to draw; a new figure when not given.

    Raises:
        ValueError: When there are fewer than two vectors, or another number of names.
    """
    vectors = np.asarray(vectors, dtype=float)
    if vectors.ndim != 2 or len(vectors) < 2 or len(names) != len(vectors):
        raise ValueError(
            f"Two vectors or more with a name each are needed; received {vectors.shape}, {len(names)} names."
        )
    centred = vectors - vectors.mean(axis=0)
    left, scale, _ = np.linalg.svd(centred, full_matrices=False)
    points = np.pad(left * scale, ((0, 0), (0, 1)))[:, :2]
    share = np.pad(scale**2, (0, 1))[:2] / max(np.sum(scale**2), 1e-12)
    ax = _prepared(
        ax, title, f"first axis, {share[0]:.0%} of the variance", f"second axis, {share[1]:.0%}", size=(7, 5.5)
    )
    ax.scatter(*points.T, s=14, color=BLUE)
    ax.margins(0.12)
    order = np.argsort(-np.linalg.norm(points / np.maximum(points.std(axis=0), 1e-12), axis=1), kind="stable")[
        :MOST_NAMES
    ]
    add_labels(ax, points[order], [str(names[index]) for index in order])
    return ax


def save_figure(drawing: Axes | Figure, path: str | os.PathLike[str], *, dpi: int = 120) -> pathlib.Path:
    """Write a figure, or the figure of these axes, to a file; a reader never sees half of it.

    Args:
        drawing: A figure or axes.
        path: The file; its suffix (.png, .pdf, .svg ...) decides the format. Missing folders are made.
        dpi: Pixels per inch of bitmap formats.

    Returns:
        The path of the file.

    Raises:
        ValueError: When the suffix is missing or not a format matplotlib writes.

    Example:
        >>> save_figure(plot_confusion_matrix([[9, 1], [2, 8]], ["cat", "dog"]), "plots/confusion.png").name
        'confusion.png'
    """
    path = arguments.path("path", path)
    whole("dpi", dpi)
    figure = drawing if hasattr(drawing, "savefig") else getattr(drawing, "figure", None)
    if not hasattr(figure, "canvas"):
        raise ValueError(f"`drawing` must be a figure or axes of matplotlib; received {drawing!r:.100}.")
    kinds = figure.canvas.get_supported_filetypes()
    if path.suffix[1:].lower() not in kinds:
        raise ValueError(f"A figure's name must end in one of {', '.join(sorted(kinds))}; received {str(path)!r}.")
    made_folder(path.parent)
    with atomic_path(path) as unfinished:
        figure.savefig(unfinished, dpi=dpi)
    return path


def _prepared(ax: Axes | None, title: str, xlabel: str, ylabel: str, size: tuple[float, float] = (7, 4.2)) -> Axes:
    ax = new_axes(size) if ax is None else ax
    ax.set_title(title, color=INK, fontsize=12, loc="left", fontweight="bold")
    ax.set_xlabel(xlabel, color=INK)
    ax.set_ylabel(ylabel, color=INK)
    ax.grid(True, color="#e2e8f0", linewidth=0.8)
    ax.set_axisbelow(True)
    ax.spines[["top", "right"]].set_visible(False)
    return ax


def _last_group(rates: Any) -> np.ndarray:
    rates = np.asarray(rates, dtype=float)
    return rates[:, -1] if rates.ndim == 2 else rates


def _smoothed(values: np.ndarray) -> np.ndarray:
    # A centred window: a running average lags behind and would show the drop of an LR finder too late.
    width = max(1.0, len(values) / 40)
    finite = np.isfinite(values)
    reach = min(int(3 * width), (len(values) - 1) // 2)
    window = np.exp(-0.5 * (np.arange(-reach, reach + 1) / width) ** 2)
    total = np.convolve(np.where(finite, values, 0.0), window, mode="same")
    weight = np.convolve(finite.astype(float), window, mode="same")
    return np.divide(total, weight, out=np.full(len(values), np.nan), where=weight > 0)


def _cut_explosion(ax: Axes, smooth: np.ndarray) -> None:
    lowest, start = smooth.min(), smooth[0]
    drop = start - lowest
    if drop > 0 and smooth.max() > start + drop:
        ax.set_ylim(lowest - 0.15 * drop, start + drop)


def _group_colour(group: int, groups: int) -> str:
    return BLUE if groups == 1 else GROUP_COLOURS[group % len(GROUP_COLOURS)]


def _add_momentum(ax: Axes, momentums: np.ndarray) -> list[Any]:
    twin = ax.twinx()
    twin.set_ylabel("momentum", color=GREY)
    twin.tick_params(axis="y", colors=GREY)
    twin.spines["top"].set_visible(False)
    return twin.plot(momentums, color=GREY, linestyle="--", linewidth=1.5, label="momentum")
