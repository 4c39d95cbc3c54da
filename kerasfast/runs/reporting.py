"""The report of a trained model on labelled pictures or rows: what `kerasfast report` writes."""

import json
import os
import pathlib
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from kerasfast.runs.layout import detect_layout
from kerasfast.runs.settings import KIND_NAMES, KINDS, RECORD, RunRecord
from kerasfast.tabular.insight.interpretation import TableInterpretation
from kerasfast.tabular.predictor import TablePredictor
from kerasfast.vision.data import ImageData
from kerasfast.vision.insight.grad_cam import grad_cam
from kerasfast.vision.insight.number_interpretation import interpretation_of
from kerasfast.vision.insight.origin import Origin
from kerasfast.vision.pipeline.transforms import Transforms
from kerasfast.vision.prediction.predictor import ImagePredictor

BATCH = 32


def report_pictures(
    predictor: ImagePredictor,
    root: str | os.PathLike,
    out: str | os.PathLike,
    *,
    file: str | os.PathLike,
    csv: str | os.PathLike | None = None,
    seed: int | None = None,
) -> pathlib.Path:
    """Write the report of a model on the validation pictures of a folder, and return its path.

    Args:
        predictor: What is judged.
        root: Folder of the data set, as `kerasfast train` takes it.
        out: The page.
        file: Where the predictor was read from; what a run left beside it is told too.
        csv: The table of labels; that of the run by default.
        seed: Of the split, where the folder has no validation pictures of its own; that of the run, or 42, by default.

    Raises:
        FileNotFoundError: If the folder or the table is missing.
        ValueError: If the labels do not fit the model's classes.
    """
    run = _run_of(file)
    if run is not None:
        csv, seed = csv or run.settings.csv, run.settings.seed if seed is None else seed
    kind = next(name for name, kind in KINDS.items() if kind == predictor.target_kind)
    layout = detect_layout(root, csv, labels=None if run is None else run.settings.labels, kind=kind)
    transforms = predictor.transforms
    data = layout.open(
        Transforms(transforms.size, crop=transforms.crop),
        batch_size=BATCH,
        seed=42 if seed is None else seed,
        skip_broken=run is not None and run.settings.skip_broken,
    )
    order = _outputs_of(data, predictor)
    predictions = predictor.predict(data.valid.files.tolist(), root=data.source.root)
    names = [f"{name}_class" if f"{name}_class" in predictions.columns else name for name in data.classes]
    beside, origin = _beside(file, run), Origin.of_predictor(predictor, data)
    origin = replace(origin, file=file, history=beside["history"], facts={**origin.facts, **beside["facts"]})
    threshold = predictor.threshold
    return interpretation_of(
        predictions[names].to_numpy(), data.valid.targets, data.classes, data.target_kind, view=data.valid,
        threshold=threshold if np.ndim(threshold) == 0 else np.asarray(threshold)[order].tolist(),
        heat=lambda pixels, index: grad_cam(predictor, pixels, int(order[index])), origin=origin,
    ).report(out)  # fmt: skip


def report_rows(
    predictor: TablePredictor,
    rows: pd.DataFrame,
    out: str | os.PathLike,
    *,
    file: str | os.PathLike,
    train: pd.DataFrame | None = None,
) -> pathlib.Path:
    """Write the report of a model on rows with the target column, and return its path.

    Args:
        predictor: What is judged.
        rows: Rows that the model did not learn from.
        out: The page.
        file: Where the predictor was read from; what a run left beside it is told too.
        train: Rows that it learned from, to fit peers to.

    Raises:
        ValueError: If a column is missing.
    """
    beside = _beside(file, None)
    report = TableInterpretation.of_frame(predictor, rows, train=train)
    return report.report(out, model=file, facts=beside["facts"], history=beside["history"])


def _run_of(file: str | os.PathLike) -> RunRecord | None:
    folder = pathlib.Path(file).parent
    return RunRecord.load(folder) if (folder / RECORD).is_file() else None


def _beside(file: str | os.PathLike, run: RunRecord | None) -> dict[str, Any]:
    """Return the facts and the history that a run left beside its model."""
    folder = pathlib.Path(file).parent
    facts = {} if run is None else run.settings.facts()
    if (folder / "summary.json").is_file():
        summary = json.loads((folder / "summary.json").read_text("utf-8"))
        seconds = summary.get("seconds", {})
        facts |= {"time": f"{seconds['total']:.0f} seconds"} if "total" in seconds else {}
    history = folder / "history.csv"
    return {"facts": facts, "history": pd.read_csv(history) if history.is_file() else None}


def _outputs_of(data: ImageData, predictor: ImagePredictor) -> np.ndarray:
    """Return which output of the model each class of the data is."""
    if data.target_kind != predictor.target_kind:
        raise ValueError(
            f"The model predicts {KIND_NAMES[predictor.target_kind]}, these labels are {KIND_NAMES[data.target_kind]}; "
            "a report needs labels of the model's kind."
        )
    strangers = sorted(set(data.classes) ^ set(predictor.classes))
    if strangers:
        raise ValueError(f"The labels and the model do not share the classes {strangers[:8]}; use the model's data.")
    return np.array([predictor.classes.index(name) for name in data.classes])
