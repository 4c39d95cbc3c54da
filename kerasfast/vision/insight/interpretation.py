"""Where an image model is right, wrong and unsure on the validation set, and where it looks."""

import os
import pathlib
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from kerasfast.basics.arguments import choice, limits_of, number, numbers, sized, whole
from kerasfast.basics.described import Described, some
from kerasfast.interpretation import calibration
from kerasfast.interpretation.classes import class_frame, confused_order, confused_pairs, confusion_matrix, one_hot
from kerasfast.training.callbacks import Recorder
from kerasfast.vision.insight.interpretation_plots import PicturePlots
from kerasfast.vision.insight.origin import Origin

if TYPE_CHECKING:
    import pandas as pd

    from kerasfast.pages.page import Page

_LEAST = 1e-7


class Interpretation(Described, PicturePlots):
    """Predictions of a set of pictures beside their targets, and frames and plots of what they tell.

    `learn.interpret()` makes one; of numbers it is a `NumberInterpretation`, with the same methods. The frames that
    name pictures have their row in the set as index, so that `view[row]` is the picture; `plot_pictures` draws any.

    Attributes:
        predictions: (n, classes) probabilities, after `calibrated` those with the temperature.
        targets: (n,) class indices, or (n, classes) of 0 and 1 for tags.
        classes: A name per class.
        target_kind: "single" or "multi".
        threshold: A tag is predicted above it; one number, or one per tag.
        losses: (n,) cross-entropy of each picture; of tags the mean over them. (Without the weights that a loss of
            your own may give.)

    Args:
        predictions, targets, classes, target_kind, threshold: See above.
        view: The pictures, such as `data.valid`; without them the frames have numbers for files, and nothing is drawn.
        heat: The function (pixels (size, size, 3) uint8, class index) -> map (size, size) that `plot_pictures` uses.
        origin: What is known of data, network and training; `report` tells it.

    Raises:
        ValueError: For numbers, for outputs that are no probabilities, and where shapes differ.

    Example:
        >>> predictions = np.array([[0.9, 0.1], [0.4, 0.6], [0.7, 0.3]])
        >>> report = Interpretation(predictions, np.array([0, 0, 1]), ["cat", "dog"], "single")
        >>> report.most_wrong()[["file", "prediction", "truth"]].to_numpy().tolist()
        [['2', 'cat', 'dog'], ['1', 'dog', 'cat']]

    With a learner:

        report = learn.interpret()
        report.plot_confusion()
        report.plot_pictures(report.most_wrong("cat"), grad_cam=True)
        report.per_class().sort_values("f1")
    """

    _kinds: tuple[str, ...] = calibration.KINDS

    def __init__(
        self,
        predictions: np.ndarray,
        targets: np.ndarray,
        classes: Sequence[str],
        target_kind: str,
        *,
        view: Any = None,
        threshold: float | Sequence[float] = 0.5,
        heat: Callable[[np.ndarray, int], np.ndarray] | None = None,
        origin: Origin | None = None,
    ):
        self.target_kind = choice("target_kind", target_kind, self._kinds)
        self.classes = tuple(sized("classes", classes))
        self.targets, self.threshold = numbers("targets", targets), threshold
        self.view, self.heat, self.origin = view, heat, Origin() if origin is None else origin
        self._take(predictions)

    def _take(self, predictions: np.ndarray) -> None:
        """Keep predictions that suit the targets."""
        self._truth, self.predictions = one_hot(self.targets, predictions, self.classes)
        calibration.check_probabilities(self.predictions, self.target_kind)
        self._limits = limits_of("threshold", self.threshold, len(self.classes))
        self._of_truth = np.where(self._truth, self.predictions, 1 - self.predictions)  # (n, classes)

    @property
    def losses(self) -> np.ndarray:
        """(n,) cross-entropy of each picture; of tags the mean over them."""
        surprise = -np.log(np.maximum(self._of_truth, _LEAST))
        return surprise.mean(axis=1) if self.tags else surprise[self._truth]

    def top_losses(self, count: int = 9) -> "pd.DataFrame":
        """Return the pictures with the largest losses: file, prediction, truth, probability of the truth, loss.

        Of tags, `prediction` and `truth` are all of the picture's, and the probability is that of the tag that is most
        wrong, which `class` names.
        """
        rows = np.argsort(-self.losses, kind="stable")[: whole("count", count)]
        return self._frame(rows, self._of_truth[rows].argmin(axis=1) if self.tags else self.targets[rows])

    def most_correct(self, name: str | None = None, count: int = 9) -> "pd.DataFrame":
        """Return the pictures that are right and surest, the surest first.

        Args:
            name: Of a class: pictures that are of it. Of a tag: what is said about this tag. All when not given; then
                each row is about the tag that `class` names.
            count: How many at most.
        """
        return self._most(self._right, -self._of_truth, name, count)

    def most_wrong(self, name: str | None = None, count: int = 9) -> "pd.DataFrame":
        """Return the pictures that are wrong, those first whose truth was thought the least likely.

        Args:
            name, count: See `most_correct`.
        """
        return self._most(~self._right, self._of_truth, name, count)

    def most_uncertain(self, name: str | None = None, count: int = 9) -> "pd.DataFrame":
        """Return the pictures nearest to another decision, by the lead of the likeliest class or by the threshold.

        Args:
            name, count: See `most_correct`.
        """
        if self.tags:
            doubt = np.abs(self.predictions - self._limits)
        else:
            first_two = np.sort(self.predictions, axis=1)[:, -2:]
            doubt = np.repeat(np.diff(first_two, axis=1), len(self.classes), axis=1)
        return self._most(np.ones_like(self._truth), doubt, name, count)

    def confusion(self, *, ordered: bool = True) -> "pd.DataFrame":
        """Return counts by true (rows) and predicted class.

        Args:
            ordered: Whether classes that are confused stand side by side; else they are in the order of `classes`.

        Raises:
            ValueError: For tags, of which a picture may have several.
        """
        import pandas as pd

        if self.tags:
            raise ValueError("A confusion matrix is for one class a picture; these are tags. See `per_class()`.")
        matrix = confusion_matrix(self.targets, self.predictions.argmax(axis=1), len(self.classes))
        order = confused_order(matrix) if ordered else np.arange(len(matrix))
        names = np.array(self.classes)[order]
        return pd.DataFrame(
            matrix[np.ix_(order, order)],
            index=pd.Index(names, name="true"),
            columns=pd.Index(names, name="predicted"),
        )

    def confused_pairs(self, count: int = 20) -> "pd.DataFrame":
        """Return what is taken for what, the most frequent mistakes first: true, predicted, n, share of the true class.

        Args:
            count: How many at most.

        Raises:
            ValueError: For tags.
        """
        frame = self.confusion(ordered=False)
        return confused_pairs(frame.to_numpy(), self.classes).head(whole("count", count))

    def per_class(self, *, resamples: int = 500, level: float = 0.95, seed: int = 42) -> "pd.DataFrame":
        """Return precision, recall, F1 and average precision by class or tag, with bootstrap intervals.

        Args:
            resamples, level, seed: Of the bootstrap over pictures; 0 resamples leave the intervals out.
        """
        return class_frame(
            self.targets, self.predictions, self.classes,
            threshold=self.threshold, resamples=resamples, level=level, seed=seed,
        )  # fmt: skip

    def calibration(self, *, bins: int = 10) -> "pd.DataFrame":
        """Return a row per bin of probabilities: `low`, `high`, `n`, `probability` (its mean), `share` that is true."""
        return calibration.calibration_frame(self.targets, self.predictions, self.target_kind, bins=bins)

    def calibration_error(self, *, bins: int = 10) -> float:
        """Return the expected calibration error: the mean distance of probability and truth over the bins."""
        return calibration.expected_calibration_error(self.targets, self.predictions, self.target_kind, bins=bins)

    def temperature(self) -> float:
        """Return the temperature that suits these pictures best: above 1 where the model is too sure of itself."""
        return calibration.fit_temperature(self.targets, self.predictions, self.target_kind)

    def calibrated(self, temperature: float | None = None) -> "Interpretation":
        """Return the same with logits divided by a temperature; the model itself stays as it is.

        Args:
            temperature: By default the best for these very pictures, whose calibration then looks a little too good.
                Of tags the threshold moves with the probabilities, so that the same tags are predicted.
        """
        heat = self.temperature() if temperature is None else number("temperature", temperature, above=0)
        threshold: Any = self.threshold
        if self.tags:
            threshold = tuple(calibration.with_temperature(self._limits[None], heat, "multi")[0].tolist())
        return Interpretation(
            calibration.with_temperature(self.predictions, heat, self.target_kind), self.targets, self.classes,
            self.target_kind, view=self.view, threshold=threshold, heat=self.heat, origin=self.origin,
        )  # fmt: skip

    def label_errors(self, *, folds: int = 5, seed: int = 42) -> "pd.DataFrame":
        """Return the training and validation pictures whose label is probably wrong, the likeliest errors first.

        By confident learning (see `kf.label_errors`) on what linear heads say of pictures that they did not learn
        from: the stored activations are divided into folds, and solved heads take seconds. A network that was long
        fine-tuned knows the training labels, wrong ones too: look with one whose head alone was trained.

        Args:
            folds: How many heads.
            seed: Of the folds.

        Returns:
            Frame by row in its split: `split` ("train" or "valid"), `file`, and the columns of `kf.label_errors`.

        Raises:
            ValueError: Where the training pictures are not known.
        """
        from kerasfast.vision.insight.cleaning import picture_label_errors

        return picture_label_errors(self.origin, folds=folds, seed=seed)

    def near_duplicates(self, *, least: float = 0.8) -> "pd.DataFrame":
        """Return the pictures of this set that are nearly a training picture: leaks, which make results too good.

        Args:
            least: Least similarity of the stored activations (see `kf.near_duplicates`).

        Returns:
            Frame, the most alike first: `row` and `file`, `training_row` and `training_file`, `similarity`,
            `same_label`.

        Raises:
            ValueError: Where the training pictures are not known.
        """
        from kerasfast.vision.insight.cleaning import picture_duplicates

        return picture_duplicates(self.origin, self.view, least=least)

    def report(
        self,
        path: str | os.PathLike = "report.html",
        *,
        title: str | None = None,
        model: str | os.PathLike | None = None,
        facts: Mapping[str, str] | None = None,
        recorders: Mapping[str, Recorder] | None = None,
    ) -> pathlib.Path:
        """Write all of this as one page that needs no network, and return its path.

        Data, recipe, curves, results beside the best constant answer and a logistic regression on the same pictures,
        the most wrong pictures with Grad-CAM, confused classes, figures by class, calibration, and how to use the
        model. Made by `learn.interpret()`, it looks at the training pictures for the peers, at 5000 of them at most.

        Args:
            path: The file; its name ends in .html.
            title: Headline; the number of classes by default.
            model: The exported file, for the lines that use it.
            facts: More to say of the training, by a word or two each.
            recorders: What was recorded, by stage; that of the learner's last fit by default.

        Raises:
            ValueError: If the name does not end in .html.
        """
        return self._page(self.origin.knowing(model, facts, recorders), title).write(path)

    def _page(self, origin: Origin, title: str | None) -> "Page":
        from kerasfast.vision.insight.image_report import image_page

        return image_page(self, origin, title)

    @property
    def tags(self) -> bool:
        """Whether a picture may have several classes."""
        return self.target_kind == "multi"

    @property
    def truth(self) -> np.ndarray:
        """(n, classes) bool: what is true of each picture."""
        return self._truth

    @property
    def _right(self) -> np.ndarray:
        """(n, classes) whether what is said about a tag is right, or the class of the picture is."""
        if self.tags:
            return (self.predictions > self._limits) == self._truth
        return np.repeat((self.predictions.argmax(axis=1) == self.targets)[:, None], len(self.classes), axis=1)

    def _most(self, wanted: np.ndarray, rank: np.ndarray, name: str | None, count: int) -> "pd.DataFrame":
        """Return the `count` pairs of picture and class of least rank among those wanted, both (n, classes)."""
        wanted = wanted if self.tags else wanted & self._truth
        if name is not None:
            choice("name", name, self.classes)
            wanted = wanted & (np.array(self.classes) == name)
        rows, columns = np.nonzero(wanted)
        first = np.argsort(rank[rows, columns], kind="stable")[: whole("count", count)]
        return self._frame(rows[first], columns[first])

    def _frame(self, rows: np.ndarray, columns: np.ndarray) -> "pd.DataFrame":
        import pandas as pd

        chosen = self.predictions > self._limits
        likeliest = self.predictions.argmax(axis=1)
        named = self._names if self.tags else lambda marks, row: self.classes[likeliest[row]]
        about = {
            "file": rows.astype(str) if self.view is None else np.asarray(self.view.files)[rows],
            "class": [self.classes[column] for column in columns],
            "prediction": [named(chosen, row) for row in rows],
            "truth": [self._names(self._truth, row) for row in rows],
            "probability_of_truth": self._of_truth[rows, columns],
            "loss": self.losses[rows],
        }
        return pd.DataFrame(about, index=pd.Index(rows, name="row"))

    def _names(self, marks: np.ndarray, row: int) -> str:
        between = ", " if any(" " in name for name in self.classes) else " "
        return between.join(np.array(self.classes)[marks[row]])

    def _facts(self) -> dict[str, str]:
        right = float(self._right.mean())
        return {
            "pictures": str(len(self.predictions)),
            "classes": some(self.classes),
            "right": f"{right:.1%} of {'tags' if self.tags else 'pictures'}",
            "loss": f"{self.losses.mean():.4g}",
            "calibration": f"error {self.calibration_error():.3f}",
        }
