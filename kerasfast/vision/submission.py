"""Submission files: predictions of the test pictures as the competitions want them."""

import gzip
import os
import pathlib
from collections import Counter
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
    """Write predictions to a CSV file, a row per picture in the order of `files`; its id is its name without ending.

    Without `threshold`, a column of probabilities per class after the column `id` (dog breeds). With it, the columns
    `image_name` and `tags` (Planet): the tags whose probability is above it, or the likeliest where none is.

    Args:
        path: The file; `.gz` at its end compresses it. Missing folders are made. The same rows give the same bytes.
        files: (n,) file names; folders and endings are dropped.
        predictions: (n, classes) probabilities.
        classes: Class names in the order of the columns.
        threshold: One threshold, or one per class.
        id_column: Name of the first column; `id`, or `image_name` with a threshold.
        tag_column: Name of the column of tags.

    Returns:
        The path.

    Raises:
        ValueError: If the shapes do not fit, a prediction is NaN or infinite, the names without folder and ending
            repeat, or a tag holds a space, which separates tags.
    """
    import pandas as pd

    predictions = np.asarray(predictions)
    if predictions.shape != (len(files), len(classes)):
        raise ValueError(
            f"`predictions` must have shape ({len(files)}, {len(classes)}), a row per file and a column per class; "
            f"received {predictions.shape}. Average the views of `tta` first: `np.mean(views, axis=0)`."
        )
    _check_finite(predictions, files)
    ids = _ids(files)
    if threshold is None:
        frame = pd.DataFrame(predictions, columns=list(classes))
        frame.insert(0, id_column or "id", ids)
    else:
        frame = pd.DataFrame({id_column or "image_name": ids, tag_column: tags_above(predictions, classes, threshold)})
    content = frame.to_csv(index=False).encode()
    path = pathlib.Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    with atomic_path(path) as unfinished:
        # pandas would put the time and the name of the unfinished file into the header.
        unfinished.write_bytes(gzip.compress(content, mtime=0) if path.suffix.lower() == ".gz" else content)
    return path


def tags_above(predictions: np.ndarray, classes: Sequence[str], threshold: float | Sequence[float]) -> list[str]:
    """Return the tags of each row above the threshold, separated by spaces; the likeliest where none is.

    Raises:
        ValueError: If there are neither one nor as many thresholds as classes, or a tag holds a space.
    """
    # In the type of the predictions: the float32 nearest to 0.2 is above the float64.
    threshold = np.asarray(threshold, dtype=np.result_type(predictions, np.float16))
    if threshold.shape not in ((), (len(classes),)):
        raise ValueError(
            f"`threshold` must be one number, or {len(classes)}, one per class; received shape {threshold.shape}."
        )
    spaced = [name for name in classes if len(name.split()) != 1]
    if spaced:
        raise ValueError(f"Tags are separated by spaces but {spaced[0]!r} holds one; rename it.")
    chosen = predictions > threshold
    chosen[np.arange(len(chosen)), predictions.argmax(axis=1)] |= ~chosen.any(axis=1)
    names = np.asarray(classes)
    return [" ".join(names[row]) for row in chosen]


def _check_finite(predictions: np.ndarray, files: Sequence[str]) -> None:
    unusable = np.flatnonzero(~np.isfinite(predictions).all(axis=1))
    if len(unusable):
        raise ValueError(
            f"{len(unusable)} predictions are NaN or infinite, first that of {files[unusable[0]]}; the training "
            "diverged, or the weights are damaged."
        )


def _ids(files: Sequence[str]) -> list[str]:
    ids = [pathlib.PurePosixPath(file).stem for file in files]
    repeated = [name for name, count in Counter(ids).items() if count > 1]
    if repeated:
        raise ValueError(
            f"File names repeat without folder and ending: {', '.join(repeated[:5])}; a submission needs unique ids."
        )
    return ids
