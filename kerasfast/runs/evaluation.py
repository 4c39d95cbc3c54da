"""How good a predictor is on pictures or rows whose answer is known, and how good the best constant answer would be."""

import os
import pathlib
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from kerasfast.metrics.tags import best_constant, fbeta_score
from kerasfast.runs.layout import VALID_NAMES, detect_layout
from kerasfast.runs.settings import KINDS
from kerasfast.tabular.predictor import TablePredictor
from kerasfast.vision.pipeline.transforms import Transforms
from kerasfast.vision.prediction.predictor import ImagePredictor
from kerasfast.vision.sources.listing.folders import class_pictures

_NAMES = {kind: name for name, kind in KINDS.items()}


def evaluate_pictures(
    predictor: ImagePredictor,
    root: str | os.PathLike,
    csv: str | os.PathLike | None = None,
    *,
    labels: Sequence[str] | None = None,
    skip_broken: bool = False,
) -> dict[str, Any]:
    """Predict labelled pictures and return the scores.

    Args:
        predictor: What is judged.
        root: Folder with `valid/<class>/` or `<class>/` folders, or with a table of labels and its pictures.
        csv: The table of labels; None looks for one.
        labels: Names of the table's columns of labels, where it has further ones.
        skip_broken: Whether to leave broken pictures out, with a warning.

    Returns:
        "metric", "score", "constant" (of the best answer that looks at no picture), "rows", "of", "beats_constant", and
        "per_class" for one class a picture.

    Raises:
        FileNotFoundError: If the folder or the table is missing.
        ValueError: If the labels do not fit the model's classes.
    """
    root = pathlib.Path(root).expanduser()
    classes = _class_files(root) if csv is None else None
    if classes is not None:
        files = [file for own in classes.values() for file in own]
        names = [name for name, own in classes.items() for _ in own]
        if predictor.target_kind != "single":
            raise ValueError(f"The model predicts {_NAMES[predictor.target_kind]}, and class folders have none.")
    else:
        layout = detect_layout(root, csv, labels=labels, kind=_NAMES[predictor.target_kind])
        data = layout.open(Transforms(predictor.transforms.size), batch_size=1, seed=0, skip_broken=skip_broken)
        parts = [data.source.train, data.source.valid]
        files = np.concatenate([part.files for part in parts]).tolist()
        targets = np.concatenate([part.targets for part in parts])
        if data.target_kind == "multi":
            return _judge_tags(predictor, root, files, targets, data.classes)
        if data.target_kind == "regression":
            return _judge_numbers(predictor.predict(files, root=root)[list(predictor.classes)].to_numpy(), targets)
        names = [data.classes[target] for target in targets]
    _check_known(set(names), predictor.classes)
    frame = predictor.predict(files, root=root, on_error="skip" if skip_broken else "raise")
    broken = frame.attrs.get("skipped", ())
    names = [name for name, file in zip(names, files, strict=True) if file not in broken]
    return _of_classes(names, frame["prediction"].tolist(), "pictures")


def evaluate_rows(predictor: TablePredictor, frame: pd.DataFrame) -> dict[str, Any]:
    """Predict the rows of a table that has the target column, and return the scores as `evaluate_pictures` does."""
    target = predictor.target
    missing = [name for name in target.names if name not in frame.columns]
    if missing:
        raise ValueError(
            f"The table lacks the target {missing}, which judging needs; it has {list(frame.columns)[:20]}."
        )
    predictions = predictor.predict(frame).to_numpy()
    if target.kind == "single":
        truth = target.encode(frame)
        names = [str(name) for name in target.classes]
        return _of_classes([names[i] for i in truth], [names[i] for i in predictions.argmax(1)], "rows")
    truth = frame[list(target.names)].to_numpy(np.float64)
    if target.kind == "multi":
        hits = float(np.mean((predictions > 0.5) == (truth > 0.5)))
        constant = float(np.mean(np.maximum(truth.mean(0), 1 - truth.mean(0))))
        return _result("accuracy of labels", hits, constant, len(frame), "rows", hits > constant)
    error, constant = (float(np.sqrt(np.mean((truth - other) ** 2))) for other in (predictions, truth.mean(0)))
    return _result("root mean squared error", error, constant, len(frame), "rows", error < constant)


def _class_files(root: pathlib.Path) -> dict[str, list[str]] | None:
    """Return the pictures of each class folder; None where the folder holds none, or a table."""
    if not root.is_dir():
        raise FileNotFoundError(f"There is no folder {root}.")
    valid = next((name for name in VALID_NAMES if (root / name).is_dir()), None)
    if valid is not None:
        return class_pictures(root, valid, "DATA")
    folders = [entry.name for entry in root.iterdir() if entry.is_dir() and not entry.name.startswith(".")]
    if any(root.glob("*.csv")) or not folders or "train" in folders:
        return None
    return class_pictures(root, ".", "DATA")


def _judge_tags(
    predictor: ImagePredictor, root: pathlib.Path, files: Sequence[str], targets: np.ndarray, classes: Sequence[str]
) -> dict[str, Any]:
    _check_known(set(classes), predictor.classes)
    truth = np.zeros((len(files), len(predictor.classes)))
    truth[:, [predictor.classes.index(name) for name in classes]] = targets
    predicted = predictor.predict(files, root=root)["prediction"]
    chosen = np.array([[name in tags.split() for name in predictor.classes] for tags in predicted], float)
    tags, _ = best_constant(truth)
    constant = fbeta_score(truth, np.tile(tags, (len(truth), 1)))
    score = fbeta_score(truth, chosen)
    return _result("F2", score, constant, len(files), "pictures", score > constant)


def _judge_numbers(predictions: np.ndarray, targets: np.ndarray) -> dict[str, Any]:
    targets = targets.reshape(len(targets), -1)
    if predictions.shape != targets.shape:
        raise ValueError(f"The model predicts {predictions.shape[1]} numbers; the table has {targets.shape[1]}.")
    error, constant = (float(np.abs(targets - other).mean()) for other in (predictions, np.median(targets, axis=0)))
    return _result("mean absolute error", error, constant, len(targets), "pictures", error < constant)


def _check_known(found: set[str], classes: Sequence[str]) -> None:
    unknown = sorted(found - set(classes))
    if unknown:
        raise ValueError(f"The labels {unknown[:5]} are no classes of the model; it knows {list(classes)[:20]}.")


def _of_classes(truth: Sequence[str], predicted: Sequence[str], of: str) -> dict[str, Any]:
    truth, predicted = np.array(truth, dtype=object), np.array(predicted, dtype=object)
    right = truth == predicted
    names, counts = np.unique(truth.astype(str), return_counts=True)
    per_class = {
        str(name): {"rows": int(count), "right": float(right[truth == name].mean())}
        for name, count in zip(names, counts, strict=True)
    }
    score, constant = float(right.mean()), float(counts.max() / len(truth))
    return _result("accuracy", score, constant, len(truth), of, score > constant) | {"per_class": per_class}


def _result(metric: str, score: float, constant: float, rows: int, of: str, beats: bool) -> dict[str, Any]:
    own = {"metric": metric, "score": score, "constant": constant, "rows": rows, "of": of}
    return {**own, "beats_constant": bool(beats)}
