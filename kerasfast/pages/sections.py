"""Parts of a report that pictures and tables share: curves, results, calibration, versions."""

import platform
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import keras
import numpy as np
import tensorflow as tf

from kerasfast.interpretation.results import Judge, verdict
from kerasfast.pages.page import Block, Chart, Facts, Section, Table, Text, Tile, Tiles, figure_text
from kerasfast.plots.curves import BLUE, GROUP_COLOURS, ORANGE
from kerasfast.plots.pictures import INK, new_axes
from kerasfast.training.callbacks import Recorder
from kerasfast.version import __version__

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

CONSTANT, MODEL = "best constant answer", "this model"
_LOSSES = ("loss", "val_loss")


def recipe(facts: Mapping[str, str]) -> Section:
    """Return what is said of the training, but not where on this machine it was."""
    called = {"groups": "layer groups, early to late"}
    told = {called.get(name, name): value for name, value in facts.items() if name != "path"}
    return Section("Recipe", [Facts(told)] if told else [])


def curves(recorders: Mapping[str, Recorder], history: "pd.DataFrame | None" = None) -> Section:
    """Return losses and rates of what was recorded, or losses by epoch from a history.

    Args:
        recorders: By the name of the stage.
        history: A row per epoch, as `history.csv` of a run has it; used where nothing was recorded.
    """
    blocks: list[Block] = []
    for name, recorder in recorders.items():
        if len(recorder.losses) > 1:  # one step is no curve
            before = f"{name}: " if len(recorders) > 1 else ""
            losses, rates = recorder.plot_losses(), recorder.plot_rates()
            losses.set_title(f"{before}loss", color=INK, loc="left", fontweight="bold")
            rates.set_title(f"{before}learning rate", color=INK, loc="left", fontweight="bold")
            blocks += [Chart.of(losses, f"{before}training and validation loss"), Chart.of(rates, f"{before}rates")]
    if not blocks and history is not None and len(history):
        blocks.append(Chart.of(_history_axes(history), "Losses by epoch"))
    return Section("Curves", blocks)


def results(
    judge: Judge,
    answers: Sequence[tuple[str, Any, Any]],
    notes: Sequence[str] = (),
    more: Mapping[str, Callable[[np.ndarray], float]] | None = None,
    of: str = "rows",
) -> tuple[str, Section, Tiles]:
    """Return the verdict, the section of results, and the figures for the top of the page.

    Args:
        judge: Of the held-out rows.
        answers: (name, predictions, threshold) of each answer; `CONSTANT` first, `MODEL` last.
        notes: Sentences below the table.
        more: Further scores of predictions, by name.
        of: What the rows are.
    """
    frame = judge.frame(answers)
    for called, score in (more or {}).items():
        frame[called] = [score(predictions) for _, predictions, _ in answers]
    name = judge.names[0]
    tiles = [
        Tile(
            row.name,
            figure_text(row[name]),
            f"{name}, {figure_text(row[f'{name}_low'])} to {figure_text(row[f'{name}_high'])}",
        )
        for _, row in frame.iloc[::-1].iterrows()
    ]
    about = (
        f"On {len(judge.targets):,} {of} that the model did not learn from. In brackets: where the figure would lie, "
        f"19 times in 20, with as many other {of}."
    )
    blocks = [Text(about), Table.of(frame), *map(Text, notes)]
    return verdict(frame, judge, MODEL, CONSTANT, of), Section("Results", blocks), Tiles(tiles)


def calibration(frame: "pd.DataFrame", error: float, axes: "Axes") -> list[Block]:
    """Return whether probabilities can be believed, said and drawn."""
    less = frame["probability"].to_numpy() > frame["share"].to_numpy()
    sure = "too sure of itself" if np.average(less, weights=frame["n"]) > 0.5 else "not sure enough of itself"
    said = "Probabilities can be taken as they are" if error < 0.02 else f"The model is mostly {sure}"
    text = f"{said}: on average they miss the share that is true by {error:.1%}."
    return [Text(text), Chart.of(axes, "Share that is true against probability")]


def footing() -> str:
    """Return the versions that a report was made with."""
    own = {"kerasfast": __version__, "TensorFlow": tf.__version__, "Keras": keras.__version__}
    return ", ".join(f"{name} {version}" for name, version in own.items()) + f", Python {platform.python_version()}"


def _history_axes(history: "pd.DataFrame") -> "Axes":
    ax = new_axes((7, 4.2))
    epochs = np.arange(1, len(history) + 1)
    for name, colour in zip(_LOSSES, (BLUE, ORANGE), strict=True):
        if name in history:
            ax.plot(
                epochs, history[name], color=colour, marker="o", label="training" if name == "loss" else "validation"
            )
    stages = history["stage"].astype(str) if "stage" in history else None
    if stages is not None:
        for epoch in np.flatnonzero(stages.to_numpy()[1:] != stages.to_numpy()[:-1]) + 1:
            ax.axvline(epoch + 0.5, color=GROUP_COLOURS[-1], linewidth=1, linestyle="--")
    ax.set(xlabel="epoch", ylabel="loss")
    ax.set_title("Loss", color=INK, loc="left", fontweight="bold")
    ax.spines[["top", "right"]].set_visible(False)
    ax.legend(frameon=False)
    return ax
