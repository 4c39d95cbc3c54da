"""Submission files: predictions of the test pictures as the competitions want them."""

import gzip
import os
import pathlib
from collections import Counter
from collections.abc import Sequence

import numpy as np

from kerasfast.basics import arguments
from kerasfast.basics.files import atomic_path, made_folder


def write_submission(
    path: str | os.PathLike,
    files: Sequence[str],
    predictions: np.ndarray,
    classes: Sequence[str],
    *,
    threshold: float | Sequence[float] | None = None,
    ids: Sequence[object] | None = None,
    id_column: str | None = None,
    tag_column: str = "tags",
    quote_formulas: bool = False,
) -> pathlib.Path:
    """Write predictions to a CSV file, a row per picture in the order of `files`; its id is its name without ending.

    Without `threshold`, a column of probabilities per class after the column `id` (dog breeds). With it, the columns
    `image_name` and `tags` (Planet): the tags whose probability is above it, or the likeliest where none is.

    Ids and classes are written as they are. A spreadsheet that opens the file takes those that begin with `=`, `+`, `-`
    or `@` for formulas, and runs them: with names from strangers pass `quote_formulas=True`.

    Args:
        path: The file; `.gz` at its end compresses it. Missing folders are made. The same rows give the same bytes.
        files: (n,) file names; folders and endings are dropped.
        predictions: (n, classes) probabilities.
        classes: Class names in the order of the columns.
        threshold: One threshold from 0 to 1, or one per class.
        ids: (n,) what to write in the first column; the names of the files by default.
        id_column: Name of the first column; `id`, or `image_name` with a threshold.
        tag_column: Name of the column of tags.
        quote_formulas: Whether to put an apostrophe before ids and classes that a spreadsheet would take for formulas.

    Returns:
        The path.

    Raises:
        ValueError: If the shapes do not fit, a prediction is NaN or infinite, ids or class names repeat, a threshold is
            out of its range, or a tag holds a space, which separates tags.

    Example:
        >>> likely = np.array([[0.9, 0.3], [0.1, 0.8]])
        >>> path = write_submission("tags.csv", ["a.jpg", "b.jpg"], likely, ["clear", "haze"], threshold=0.2)
        >>> print(path.read_text().strip())
        image_name,tags
        a,clear haze
        b,haze
    """
    import pandas as pd

    arguments.text("tag_column", tag_column)
    path = arguments.path("path", path)
    names = checked_ids(files, classes, threshold=threshold, ids=ids, id_column=id_column)
    predictions = _checked_predictions(predictions, files, classes)
    if arguments.flag("quote_formulas", quote_formulas):
        names, classes = _quoted(names), _quoted(classes)
    # As objects: pandas cannot hold the name of a file that is no text otherwise. It is written byte for byte.
    names = pd.Series(names, dtype=object)
    if threshold is None:
        frame = pd.DataFrame(predictions, columns=list(classes))
        frame.insert(0, id_column or "id", names)
    else:
        tags = tags_above(predictions, classes, threshold)
        frame = pd.DataFrame({id_column or "image_name": names, tag_column: tags})
    return _written(path, frame.to_csv(index=False).encode("utf-8", "surrogateescape"))


def checked_ids(
    files: Sequence[str],
    classes: Sequence[str],
    *,
    threshold: float | Sequence[float] | None = None,
    ids: Sequence[object] | None = None,
    id_column: str | None = None,
) -> list[str]:
    """Return the ids of a submission after every check that needs no predictions: they can take hours.

    Args:
        files, classes, threshold, ids, id_column: As in `write_submission`.

    Raises:
        ValueError: As `write_submission` does.
    """
    classes = arguments.names("classes", classes, least=1)
    if id_column is not None:
        arguments.text("id_column", id_column)
    if ids is None:
        arguments.names("files", files)
    repeated = _repeated(classes)
    if repeated:
        raise ValueError(f"Class names repeat: {repeated}; the columns of a submission need different names.")
    if threshold is None and (id_column or "id") in classes:
        raise ValueError(f"A class is called {id_column or 'id'!r}, as the column of ids is; pass another `id_column`.")
    if threshold is not None:
        _check_threshold(threshold, classes)
    if ids is not None and len(arguments.sized("ids", ids)) != len(files):
        raise ValueError(f"`ids` must be {len(files)}, one for each file; received {len(ids)}.")
    names = [pathlib.PurePosixPath(file).stem for file in files] if ids is None else [str(name) for name in ids]
    repeated = _repeated(names)
    if repeated and ids is None:
        raise ValueError(
            f"File names repeat without folder and ending: {repeated}; a submission needs unique ids, pass `ids`."
        )
    if repeated:
        raise ValueError(f"`ids` repeat: {repeated}; a submission needs unique ids.")
    return names


def tags_above(predictions: np.ndarray, classes: Sequence[str], threshold: float | Sequence[float]) -> list[str]:
    """Return the tags of each row above the threshold, separated by spaces; the likeliest where none is.

    Raises:
        ValueError: If there are neither one nor as many thresholds as classes, one is out of its range, or a tag holds
            a space.
    """
    _check_threshold(threshold, classes)
    # In the type of the predictions: the float32 nearest to 0.2 is above the float64.
    threshold = np.asarray(threshold, dtype=np.result_type(predictions, np.float16))
    chosen = predictions > threshold
    chosen[np.arange(len(chosen)), predictions.argmax(axis=1)] |= ~chosen.any(axis=1)
    names = np.asarray(classes)
    return [" ".join(names[row]) for row in chosen]


def _check_threshold(threshold: float | Sequence[float], classes: Sequence[str]) -> None:
    try:
        values = np.asarray(threshold)
    except ValueError:  # lists of unequal length
        values = np.asarray("no numbers")
    if values.dtype.kind not in "iuf":
        raise ValueError(f"`threshold` must be a number, or one per class; received {threshold!r}.")
    if values.shape not in ((), (len(classes),)):
        raise ValueError(
            f"`threshold` must be one number, or {len(classes)}, one per class; received shape {values.shape}."
        )
    outside = values[~((values >= 0) & (values <= 1))]
    if len(np.atleast_1d(outside)):
        raise ValueError(f"`threshold` must lie from 0 to 1; received {np.atleast_1d(outside)[0]}.")
    spaced = [name for name in classes if len(name.split()) != 1]
    if spaced:
        raise ValueError(f"Tags are separated by spaces but {spaced[0]!r} holds one; rename it.")


def _written(path: pathlib.Path, content: bytes) -> pathlib.Path:
    made_folder(path.parent)
    with atomic_path(path, size=len(content)) as unfinished:
        # pandas would put the time and the name of the unfinished file into the header.
        unfinished.write_bytes(gzip.compress(content, mtime=0) if path.suffix.lower() == ".gz" else content)
    return path


def _checked_predictions(predictions: np.ndarray, files: Sequence[str], classes: Sequence[str]) -> np.ndarray:
    arguments.numbers("predictions", predictions, finite=False)
    predictions = np.asarray(predictions)
    if predictions.shape != (len(files), len(classes)):
        raise ValueError(
            f"`predictions` must have shape ({len(files)}, {len(classes)}), a row per file and a column per class; "
            f"received {predictions.shape}. Average the views of `tta` first: `np.mean(views, axis=0)`."
        )
    _check_finite(predictions, files)
    return predictions


def _check_finite(predictions: np.ndarray, files: Sequence[str]) -> None:
    unusable = np.flatnonzero(~np.isfinite(predictions).all(axis=1))
    if len(unusable):
        raise ValueError(
            f"{len(unusable)} predictions are NaN or infinite, first that of {files[unusable[0]]}; the training "
            "diverged, or the weights are damaged."
        )


def _repeated(names: Sequence[str]) -> str:
    """Return the first few names that are there more than once, in words."""
    return ", ".join([repr(name) for name, count in Counter(names).items() if count > 1][:5])


def _quoted(names: Sequence[str]) -> list[str]:
    return [f"'{name}" if name.startswith(("=", "+", "-", "@", "\t", "\r")) else name for name in names]
