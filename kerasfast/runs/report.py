"""What a training shows of itself: plots, its history, a summary for people and one for programs."""

import json
import pathlib
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from kerasfast.basics.files import atomic_path
from kerasfast.plots.curves import plot_images, plot_losses, plot_predictions, plot_rates, save_figure
from kerasfast.training.callbacks import Recorder
from kerasfast.training.lr_finder import LearningRateSearch
from kerasfast.vision.data import ImageData

GROUP_NAMES = ("early layers", "late layers", "head")
EXAMPLES = 12
TARGETS_IN_WORDS = {
    "single": "classes, one for each picture",
    "multi": "tags, several for each picture",
    "regression": "number to predict",
}
FINDER_PLOT = "learning_rate_finder.png"


@dataclass(frozen=True)
class Scores:
    """How good the predictions of the validation pictures are.

    Args:
        metric: "F2", "F1", "accuracy" or "mean absolute error".
        constant: Score of the best prediction that looks at no picture.
        plain: Score of the plain predictions.
        tta: Score of the mean over augmented views.
        predictions: (n, classes) that mean.
        threshold: Above it a tag is predicted; None where each picture has one class.
        plain_threshold: The same for predictions without test-time augmentation.
        perfect: The best score that there can be.
    """

    metric: str
    constant: float
    plain: float
    tta: float
    predictions: np.ndarray
    threshold: float | None = None
    plain_threshold: float | None = None
    perfect: float = 1.0

    def gain(self) -> float:
        """Return which part of the way from the constant to a perfect score the model takes."""
        way = self.perfect - self.constant
        return (self.tta - self.constant) / way if way else 0.0

    def figures(self) -> dict[str, Any]:
        """Return the numbers for the summary."""
        own = {"metric": self.metric, "constant": self.constant, "plain": self.plain, "tta": self.tta}
        return {**own, "threshold": self.threshold, "plain_threshold": self.plain_threshold}


def describe_data(data: ImageData) -> str:
    """Return a line with the numbers of pictures and the classes."""
    counts = {"training": data.train, "validation": data.valid, "test": data.test}
    pictures = ", ".join(f"{len(view)} {name}" for name, view in counts.items() if view is not None)
    kind = TARGETS_IN_WORDS[data.target_kind]
    shown = ", ".join(data.classes[:20]) + (", ..." if len(data.classes) > 20 else "")
    return f"Pictures: {pictures}. {len(data.classes)} {kind}: {shown}."


def plot_finder(search: LearningRateSearch, out: pathlib.Path) -> pathlib.Path:
    """Draw the learning-rate finder."""
    return save_figure(search.plot(), out / FINDER_PLOT)


def plot_training(recorders: Mapping[str, Recorder], out: pathlib.Path) -> pathlib.Path:
    """Draw losses above rates, a column for each stage of the training."""
    # Not pyplot: that would pick a window system and keep every figure alive.
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6 * len(recorders), 7.5), layout="constrained")
    axes = figure.subplots(2, len(recorders), squeeze=False)
    bold = {"loc": "left", "fontsize": 12, "fontweight": "bold"}
    for column, (name, recorder) in enumerate(recorders.items()):
        valid = [logs["val_loss"] for logs in recorder.epochs]
        steps = len(recorder.losses) // len(recorder.epochs)
        plot_losses(recorder.losses, valid, steps, ax=axes[0, column]).set_title(f"Loss: {name}", **bold)
        groups = recorder.learning_rates.shape[1]
        names = GROUP_NAMES if groups == len(GROUP_NAMES) else None
        axes_of_rates = plot_rates(recorder.learning_rates, group_names=names, ax=axes[1, column])
        axes_of_rates.set_title(f"Learning rate: {name}", **bold)
    return save_figure(figure, out / "losses_and_rates.png")


def plot_examples(data: ImageData, scores: Scores, out: pathlib.Path, seed: int) -> pathlib.Path:
    """Draw some validation pictures, chosen by the seed, with what is predicted for them."""
    view, count = data.valid, len(data.valid)
    rows = np.sort(np.random.default_rng(seed).choice(count, min(EXAMPLES, count), replace=False))
    pictures, targets = np.stack([view[int(row)][0] for row in rows]), view.targets[rows]
    columns = min(4, len(rows))
    if data.target_kind == "regression":
        numbers = zip(targets.reshape(len(rows), -1), scores.predictions[rows], strict=True)
        titles = [f"{_numbers(predicted)} (is {_numbers(true)})" for true, predicted in numbers]
        axes = plot_images(pictures, titles, columns=columns, title="Validation pictures: predicted (and true)")
        return save_figure(axes, out / "predictions.png")
    truth = targets if data.target_kind == "multi" else np.eye(len(data.classes))[targets]
    axes = plot_predictions(
        pictures,
        truth,
        scores.predictions[rows],
        data.classes,
        threshold=scores.threshold,
        columns=columns,
        title="Validation pictures: \u2713 right, \u2717 wrong, \u2013 missed",
    )
    return save_figure(axes, out / "predictions.png")


def _numbers(values: np.ndarray) -> str:
    return ", ".join(f"{value:.4g}" for value in values)


def write_history(recorders: Mapping[str, Recorder], out: pathlib.Path) -> pathlib.Path:
    """Write losses and metrics of every epoch to a CSV file, with the stage that it belongs to."""
    import pandas as pd

    rows = [
        {"stage": stage, "epoch": epoch, **logs}
        for stage, recorder in recorders.items()
        for epoch, logs in enumerate(recorder.epochs)
    ]
    path = out / "history.csv"
    with atomic_path(path) as unfinished:
        pd.DataFrame(rows).to_csv(unfinished, index=False)
    return path


def conclude(
    summary: dict[str, Any], files: Mapping[str, pathlib.Path], out: pathlib.Path, pictures: pathlib.Path
) -> dict[str, Any]:
    """Write `summary.json` in the folder, print the summary and how to use the model; return the summary.

    Args:
        summary: Without the files.
        files: What was written, by what it is.
        out: The run's folder.
        pictures: A folder of pictures to predict, for the example.
    """
    summary = _written(summary, files, out)
    print(summary_text(summary))
    print(usage_text(files["model"], pictures))
    return summary


def conclude_table(summary: dict[str, Any], files: Mapping[str, pathlib.Path], out: pathlib.Path) -> dict[str, Any]:
    """Do what `conclude` does for a model of a table."""
    summary = _written(summary, files, out)
    lines = ["", f"== Summary: {summary['metric']} on {summary['rows']} held-out rows"]
    lines += [f"  {'best constant answer':36} {summary['constant']:.4f}", f"  {'this model':36} {summary['score']:.4f}"]
    lines += _listed(summary)
    model = str(files["model"])
    lines += ["", "Use it anywhere, without the training rows:", "  import kerasfast as kf"]
    lines += [f"  predictor = kf.TablePredictor.load({model!r})", "  predictor.predict(frame)"]
    lines += [f"or: kerasfast predict {shlex.quote(model)} rows.csv --out predictions.csv"]
    print("\n".join(lines))
    return summary


def _written(summary: dict[str, Any], files: Mapping[str, pathlib.Path], out: pathlib.Path) -> dict[str, Any]:
    """Write `summary.json`, and return the summary with the files in it."""
    files = {**files, "summary": out / "summary.json"}
    summary = {**summary, "files": {name: str(path) for name, path in files.items()}}
    with atomic_path(files["summary"]) as unfinished:
        unfinished.write_text(json.dumps(summary, indent=2, allow_nan=False) + "\n", encoding="utf-8")
    return summary


def _listed(summary: Mapping[str, Any]) -> list[str]:
    lines = ["", "Seconds"]
    lines += [f"  {name:36} {value:6.1f}" for name, value in summary["seconds"].items()]
    lines += ["", "Files"]
    return lines + [f"  {name:22} {path}" for name, path in summary["files"].items()]


def usage_text(model: pathlib.Path, pictures: pathlib.Path) -> str:
    """Return the lines that use a model, in Python and in a terminal."""
    return "\n".join(
        [
            "",
            "Use it anywhere, without the training pictures:",
            "  import kerasfast as kf",
            f"  predictor = kf.ImagePredictor.load({str(model)!r})",
            f"  predictor.predict({str(pictures)!r})",
            f"or: kerasfast predict {shlex.quote(str(model))} {shlex.quote(str(pictures))} --out predictions.csv",
        ]
    )


def summary_text(summary: Mapping[str, Any]) -> str:
    """Return the summary as it is printed."""
    metric = summary["metric"]
    chosen = summary["threshold"]
    how = "" if chosen is None else f", tags above {chosen:.2f} (chosen on these pictures)"
    scores = {
        "best constant prediction": summary["constant"],
        "this model": summary["plain"],
        "this model, test-time augmentation": summary["tta"],
    }
    lines = ["", f"== Summary: {metric} on the validation pictures{how}"]
    lines += [f"  {name:36} {value:.4f}" for name, value in scores.items()]
    return "\n".join([*lines, *_listed(summary), "", _verdict(summary)])


def _verdict(summary: Mapping[str, Any]) -> str:
    figures = f"{summary['metric']} {summary['tta']:.4f} against {summary['constant']:.4f}"
    if summary["beats_constant"]:
        return f"The model clearly beats the best constant prediction: {figures}."
    return (
        f"The model does not clearly beat the best constant prediction: {figures}. Try more pictures, larger --sizes, "
        "or another --backbone, and look at the plots."
    )
