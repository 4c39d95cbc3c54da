"""Submission files: predictions of the test pictures as the competitions want them."""

import os
import pathlib
from collections.abc import Sequence

import numpy as np

from kerasfast.files import atomic_path


def write_submission(
    path: str | os.PathLike,
    files: Sequence[str],
    predictions: np.ndarray,
    classes: Sequence[str],
    *,
    threshold: float | Sequence[float] | None = None,
    id_column: str | None = None,
    tag_column: str = "tags",
) -> pathlib.Path:
    """Write predictions to a CSV file, a row per picture in the order of `files`; the id is the name without ending.

    Without `threshold`, a column of probabilities per class after the column `id` (Dogs vs Cats, dog breeds). With it,
    the columns `image_name` and `tags` (Planet): the tags whose probability is above it, or the likeliest where none is.

    Args:
        path: The file; `.gz` at its end compresses it. Missing folders are made.
        files: (n,) file names; folders and endings are dropped.
        predictions: (n, classes) probabilities.
        classes: Class names in the order of the columns.
        threshold: One threshold, or one per class.
        id_column: Name of the first column; `id`, or `image_name` with a threshold.
        tag_column: Name of the column of tags.

    Raises:
        ValueError: If the shapes do not fit, or the names without folder and ending repeat.
    """
    import pandas as pd

    predictions = np.asarray(predictions)
    if predictions.shape != (len(files), len(classes)):
        raise ValueError(
            f"`predictions` must have shape ({len(files)}, {len(classes)}), a row per file and a column per class; "
            f"received {predictions.shape}. Average the views of `tta` first: `np.mean(views, axis=0)`."
        )
    ids = [pathlib.PurePosixPath(file).stem for file in files]
    repeated = sorted({name for name in ids if ids.count(name) > 1}) if len(set(ids)) < len(ids) else []
    if repeated:
        raise ValueError(f"File names repeat without folder and ending: {', '.join(repeated[:5])}; a submission needs unique ids.")
    if threshold is None:
        frame = pd.DataFrame(predictions, columns=list(classes))
        frame.insert(0, id_column or "id", ids)
    else:
        frame = pd.DataFrame({id_column or "image_name": ids, tag_column: tags_above(predictions, classes, threshold)})
    path = pathlib.Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    with atomic_path(path) as unfinished:
        frame.to_csv(unfinished, index=False, compression="gzip" if path.suffix == ".gz" else None)
    return path


def tags_above(predictions: np.ndarray, classes: Sequence[str], threshold: float | Sequence[float]) -> list[str]:
    """Return the tags of each row above the threshold, separated by spaces; the likeliest where none is."""
    chosen = predictions > np.asarray(threshold)
    chosen[np.arange(len(chosen)), predictions.argmax(axis=1)] |= ~chosen.any(axis=1)
    names = np.asarray(classes)
    return [" ".join(names[row]) for row in chosen]
