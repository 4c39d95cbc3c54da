"""The course's plots: grids of pictures, the confusion matrix, and the most right, wrong and uncertain pictures."""

import os
from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib import pyplot as plt

from kerasfast.fastai.dataset import ImageDataset, open_image
from kerasfast.fastai.imports import metrics
from kerasfast.fastai.internals.stand_ins import OptionalName
from kerasfast.plots import curves as core

__all__ = [
    "ImageModelResults",
    "ceildiv",
    "confusion_matrix",
    "load_img_id",
    "plot_confusion_matrix",
    "plots",
    "plots_from_files",
    "plots_raw",
]

SHOWN = 4  # pictures of `ImageModelResults`

confusion_matrix = OptionalName(metrics, "confusion_matrix")


def ceildiv(a: int, b: int) -> int:
    """Return a / b, rounded up."""
    return -(-a // b)


def plots(
    ims: Sequence[Any],
    figsize: tuple[float, float] = (12, 6),
    rows: int = 1,
    interp: bool = False,
    titles: Sequence[Any] | None = None,
    maintitle: str | None = None,
) -> None:
    """Draw pictures in a grid on a new figure of pyplot, which a notebook shows below the cell.

    Args:
        ims: Pictures (height, width, 3) or (height, width), uint8 or from 0 to 1; their sizes may differ.
        figsize: In inches.
        rows: Rows of the grid.
        interp: Smooth what is scaled.
        titles: One per picture.
        maintitle: Of the figure.
    """
    figure = plt.figure(figsize=figsize, layout="constrained")
    if maintitle is not None:
        figure.suptitle(maintitle, fontsize=16)
    axes = figure.subplots(rows, ceildiv(len(ims), rows), squeeze=False).ravel()
    for ax in axes:
        ax.axis("off")
    for index, (ax, im) in enumerate(zip(axes, ims, strict=False)):
        ax.imshow(_displayable(im), interpolation=None if interp else "none", cmap="gray")
        if titles is not None:
            ax.set_title(_short(titles[index]), fontsize=min(16, 1.1 * 72 * figsize[0] / len(axes) * rows / 12))


def plots_raw(ims: Sequence[Any], figsize=(12, 6), rows: int = 1, titles: Sequence[Any] | None = None) -> None:
    """Draw pictures in a grid as they are."""
    plots(ims, figsize, rows, titles=titles)


def plots_from_files(
    imspaths: Sequence[str | os.PathLike],
    figsize: tuple[float, float] = (10, 5),
    rows: int = 1,
    titles: Sequence[Any] | None = None,
    maintitle: str | None = None,
) -> None:
    """Draw pictures of files in a grid on a new figure."""
    plots([open_image(path) for path in imspaths], figsize, rows, titles=titles, maintitle=maintitle)


def load_img_id(ds: ImageDataset, idx: int, path: str | os.PathLike) -> np.ndarray:
    """Return a picture of a set as it is stored, (height, width, 3) uint8."""
    return np.round(open_image(os.path.join(path, ds.fnames[idx])) * 255).astype(np.uint8)


def plot_confusion_matrix(
    cm: np.ndarray,
    classes: Sequence[str],
    normalize: bool = False,
    title: str = "Confusion matrix",
    cmap: Any = "Blues",
    figsize: tuple[float, float] | None = None,
) -> None:
    """Print and draw a confusion matrix (true classes, predicted classes) on a new figure.

    Args:
        cm: Counts, as scikit-learn's `confusion_matrix` gives them.
        classes: Class names.
        normalize: Show shares of each row instead of counts.
        title: Above the matrix.
        cmap: Colours, as matplotlib takes them.
        figsize: In inches.
    """
    cm = np.asarray(cm)
    if normalize:
        cm = np.round(cm / np.maximum(cm.sum(axis=1, keepdims=True), 1), 3)
    print(cm)
    figure = plt.figure(figsize=figsize or (1.2 * len(classes) + 3,) * 2, layout="constrained")
    core.plot_confusion_matrix(cm, list(classes), title=title, ax=figure.subplots()).images[0].set_cmap(cmap)


class ImageModelResults:
    """The pictures that a classifier gets most right, most wrong, or is least sure of.

    Args:
        ds: The set, such as `data.val_ds`.
        log_preds: Log-probabilities (n, classes), as `learn.predict()` returns them.

    Example:

        results = ImageModelResults(data.val_ds, learn.predict())
        results.plot_most_incorrect(0)
    """

    def __init__(self, ds: ImageDataset, log_preds: np.ndarray):
        if np.ndim(log_preds) != 2 or len(log_preds) != len(ds):
            raise ValueError(
                f"`log_preds` must be (pictures, classes) for {len(ds)} pictures; received {np.shape(log_preds)}."
            )
        self.ds = ds
        self.preds = np.argmax(log_preds, axis=1)
        self.probs = np.exp(log_preds)
        self.num_classes = log_preds.shape[1]

    def most_by_mask(self, mask: np.ndarray, y: int, mult: int) -> np.ndarray:
        """Return up to four indices where `mask` is true, of the least probability of y; mult=-1: the largest."""
        idxs = np.flatnonzero(mask)
        return idxs[np.argsort(mult * self.probs[idxs, y], kind="stable")[:SHOWN]]

    def most_by_correct(self, y: int, is_correct: bool) -> np.ndarray:
        """Return the pictures of class y that are right with the largest probability, or wrong with the least."""
        mask = ((self.preds == self.ds.y) == is_correct) & (self.ds.y == y)
        return self.most_by_mask(mask, y, -1 if is_correct else 1)

    def most_by_uncertain(self, y: int) -> np.ndarray:
        """Return the pictures of class y whose probability is nearest to chance."""
        idxs = np.flatnonzero(self.ds.y == y)
        return idxs[np.argsort(np.abs(self.probs[idxs, y] - 1 / self.num_classes), kind="stable")[:SHOWN]]

    def plot_val_with_title(self, idxs: np.ndarray, y: int) -> None:
        """Draw pictures with their probabilities of class y."""
        if len(idxs) == 0:
            print("No such pictures.")
            return
        ims = np.stack([self.ds[index][0] for index in idxs])
        plots(self.ds.denorm(ims), rows=1, titles=[self.probs[index, y] for index in idxs])

    def plot_by_correct(self, y: int, is_correct: bool) -> None:
        """Draw the pictures of `most_by_correct`."""
        self.plot_val_with_title(self.most_by_correct(y, is_correct), y)

    def plot_most_correct(self, y: int) -> None:
        """Draw the pictures of class y that are right with the largest probability."""
        self.plot_by_correct(y, True)

    def plot_most_incorrect(self, y: int) -> None:
        """Draw the pictures of class y that are wrong with the least probability."""
        self.plot_by_correct(y, False)

    def plot_most_uncertain(self, y: int) -> None:
        """Draw the pictures of class y whose probability is nearest to chance."""
        self.plot_val_with_title(self.most_by_uncertain(y), y)


def _displayable(im: Any) -> np.ndarray:
    im = np.asarray(im)
    if im.ndim == 3 and im.shape[-1] not in (1, 3, 4):
        raise ValueError(f"Pictures have the channels last, (height, width, 3); received {im.shape}.")
    return im if im.dtype.kind in "iub" else np.clip(im, 0, 1)


def _short(title: Any) -> str:
    return f"{title:.3g}" if isinstance(title, (float, np.floating)) else str(title)
