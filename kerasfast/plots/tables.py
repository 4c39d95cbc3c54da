"""Draw what frames of tables tell: figures with intervals by column or level, and curves."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from kerasfast.plots.curves import BLUE, ORANGE
from kerasfast.plots.pictures import GREY, INK, new_axes, shortened

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes


def plot_bars(frame: pd.DataFrame, name: str, *, title: str = "", ax: Axes | None = None) -> Axes:
    """Draw a column of a frame as bars from zero, a bar per row, the first on top, with intervals where there are some.

    Args:
        frame: With the column, and perhaps `<name>_low` and `<name>_high`.
        name: Of the column.
        title: Title above the bars.
        ax: Where to draw; a new figure when not given.

    Example:
        >>> import pandas as pd
        >>> plot_bars(pd.DataFrame({"gain": [2.0, 1.0]}, ["a", "b"]), "gain").get_xlabel()
        'gain'
    """
    ax = new_axes((7, 1.2 + 0.3 * len(frame))) if ax is None else ax
    places = np.arange(len(frame))[::-1]
    ax.barh(places, frame[name], color=BLUE, alpha=0.75, height=0.7, xerr=_reach(frame, name), ecolor=ORANGE)
    labels = [shortened(str(name)) for name in frame.index]
    ax.set_yticks(places, labels)
    ax.axvline(0, color=GREY, linewidth=1)
    return _named(ax, name, "", title)


def plot_line(frame: pd.DataFrame, name: str, *, title: str = "", ax: Axes | None = None) -> Axes:
    """Draw a column of a frame against its index, with a band of its interval where there is one.

    Args:
        frame, name, title, ax: As in `plot_bars`; the index holds numbers.
    """
    ax = new_axes((7, 4.2)) if ax is None else ax
    ax.plot(frame.index, frame[name], color=BLUE, marker="o", markersize=3)
    if f"{name}_low" in frame:
        ax.fill_between(frame.index, frame[f"{name}_low"], frame[f"{name}_high"], color=BLUE, alpha=0.2, linewidth=0)
    return _named(ax, str(frame.index.name or ""), name, title)


def _reach(frame: pd.DataFrame, name: str) -> Any:
    if f"{name}_low" not in frame:
        return None
    return np.abs(np.stack([frame[name] - frame[f"{name}_low"], frame[f"{name}_high"] - frame[name]]))


def _named(ax: Axes, across: str, up: str, title: str) -> Axes:
    ax.set_xlabel(across, color=INK)
    ax.set_ylabel(up, color=INK)
    ax.set_title(title, color=INK, fontsize=12, loc="left", fontweight="bold")
    ax.spines[["top", "right"]].set_visible(False)
    return ax
