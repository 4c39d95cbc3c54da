"""Draw what a look into a model shows: its calibration, and where in a picture it looks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from kerasfast.plots.curves import BLUE, ORANGE
from kerasfast.plots.pictures import GREY, INK, new_axes

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_MOST_COVER = 0.6


def plot_calibration(frame: Any, *, title: str = "Calibration", ax: Axes | None = None) -> Axes:
    """Draw the share that is true against the probability; an honest model lies on the diagonal.

    Args:
        frame: `probability`, `share` and `n` of each bin, as `Interpretation.calibration` gives them. The area of a
            point grows with n.
        title: Title above the curve.
        ax: Where to draw; a new figure when not given.

    Returns:
        The axes.

    Example:
        >>> bins = {"probability": [0.2, 0.9], "share": [0.25, 0.8], "n": [40, 60]}
        >>> plot_calibration(bins).get_title(loc="left")
        'Calibration'
    """
    ax = new_axes((4.6, 4.4)) if ax is None else ax
    counts = np.asarray(frame["n"], dtype=float)
    ax.plot([0, 1], [0, 1], color=GREY, linewidth=1, linestyle="--")
    ax.plot(frame["probability"], frame["share"], color=BLUE, linewidth=1.5)
    ax.scatter(frame["probability"], frame["share"], s=12 + 160 * counts / counts.max(), color=BLUE, alpha=0.6)
    ax.set(xlim=(-0.03, 1.03), ylim=(-0.03, 1.03), xlabel="probability", ylabel="share that is true", aspect="equal")
    ax.set_title(title, color=INK, fontsize=12, loc="left", fontweight="bold")
    return ax


def plot_truth(predictions: Any, targets: Any, frame: Any, *, title: str = "", ax: Axes | None = None) -> Axes:
    """Draw true numbers against predicted ones, and their mean by ranges; an honest model's means lie on the diagonal.

    Args:
        predictions, targets: (n,).
        frame: `prediction`, `truth`, `truth_low` and `truth_high` of each range, as `NumberInterpretation.calibration`
            gives them.
        title: Title above the points.
        ax: Where to draw; a new figure when not given.

    Returns:
        The axes.
    """
    ax = new_axes((4.8, 4.4)) if ax is None else ax
    ends = [min(np.min(predictions), np.min(targets)), max(np.max(predictions), np.max(targets))]
    ax.plot(ends, ends, color=GREY, linewidth=1, linestyle="--")
    ax.scatter(predictions, targets, s=9, color=BLUE, alpha=max(0.08, min(0.5, 60 / len(targets))), linewidths=0)
    reach = np.abs(np.stack([frame["truth"] - frame["truth_low"], frame["truth_high"] - frame["truth"]]))
    ax.errorbar(frame["prediction"], frame["truth"], yerr=reach, color=ORANGE, marker="o", markersize=4, linewidth=1.5)
    ax.set(xlabel="predicted", ylabel="true")
    ax.set_title(title, color=INK, fontsize=12, loc="left", fontweight="bold")
    ax.spines[["top", "right"]].set_visible(False)
    return ax


def plot_heat(picture: np.ndarray, heat: np.ndarray, *, title: str = "", ax: Axes | None = None) -> Axes:
    """Draw a picture with a map over it; what is cold stays visible.

    Args:
        picture: (height, width, 3) in 0..255.
        heat: (height, width) in 0..1.
        title: Title above the picture.
        ax: Where to draw; a new figure when not given.

    Returns:
        The axes.
    """
    if np.shape(picture)[:2] != np.shape(heat):
        raise ValueError(f"`heat` must be {np.shape(picture)[:2]} as the picture; received {np.shape(heat)}.")
    ax = new_axes((3.6, 3.8)) if ax is None else ax
    ax.imshow(heated(picture, heat))
    ax.axis("off")
    ax.set_title(title, color=INK, fontsize=11, loc="left")
    return ax


def heated(picture: np.ndarray, heat: np.ndarray) -> np.ndarray:
    """Return a picture (height, width, 3) uint8 coloured by a map (height, width) in 0..1."""
    from matplotlib import colormaps

    colours = 255 * colormaps["inferno"](np.asarray(heat))[..., :3]
    cover = _MOST_COVER * np.asarray(heat)[..., None]
    return np.round((1 - cover) * np.asarray(picture) + cover * colours).astype("uint8")
