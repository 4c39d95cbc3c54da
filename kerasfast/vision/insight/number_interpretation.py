"""How far an image model's numbers are off on the validation set, where most, and where it looks."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, NoReturn

import numpy as np

from kerasfast.basics.arguments import choice, whole
from kerasfast.basics.described import some
from kerasfast.interpretation.numbers import matching_numbers, number_frame, truth_by_prediction
from kerasfast.plots.insight import plot_truth
from kerasfast.vision.insight.interpretation import Interpretation
from kerasfast.vision.insight.origin import Origin

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

    from kerasfast.pages.page import Page


class NumberInterpretation(Interpretation):
    """Predicted numbers of a set of pictures beside the true ones, and frames and plots of what they tell.

    `learn.interpret()` makes one where the targets are numbers. What is about classes alone (`confusion`,
    `most_uncertain`, `temperature` ...) says so.

    Attributes:
        predictions, targets: (n, numbers), in the numbers' own units.
        classes: A name per number.
        losses: (n,) squared error of each picture, as a share of the targets' variance.

    Args:
        predictions, targets: See above; (n,) where there is one number.
        names: A name per number.
        view: The pictures, such as `data.valid`; without them the frames have numbers for files, and nothing is drawn.
        heat: The function (pixels (size, size, 3) uint8, index of the number) -> map (size, size) of what makes the
            number larger.
        origin: What is known of data, network and training; `report` tells it.

    Raises:
        ValueError: Where shapes differ or values are not finite.

    Example:
        >>> report = NumberInterpretation([30.0, 41.0, 70.0], [31.0, 40.0, 50.0], ["age"])
        >>> report.most_wrong(count=1)[["prediction", "truth", "error"]].iloc[0].tolist()
        [70.0, 50.0, 20.0]
    """

    _kinds = ("regression",)
    _heat_says = "what raises {}"

    def __init__(
        self,
        predictions: np.ndarray,
        targets: np.ndarray,
        names: Sequence[str],
        *,
        view: Any = None,
        heat: Callable[[np.ndarray, int], np.ndarray] | None = None,
        origin: Origin | None = None,
    ):
        super().__init__(predictions, targets, names, "regression", view=view, heat=heat, origin=origin)

    def _take(self, predictions: np.ndarray) -> None:
        self.targets, self.predictions = matching_numbers(self.targets, predictions, self.classes)
        self._errors = self.predictions - self.targets
        spread = self.targets.std(axis=0)
        self._far = np.abs(self._errors) / np.where(spread > 0, spread, 1)  # (n, numbers), comparable with each other

    @property
    def losses(self) -> np.ndarray:
        """(n,) squared error of each picture as a share of the targets' variance; of several numbers the mean."""
        return np.square(self._far).mean(axis=1)

    def top_losses(self, count: int = 9) -> "pd.DataFrame":
        """Return the pictures with the largest losses, each with the number that is farthest off."""
        rows = np.argsort(-self.losses, kind="stable")[: whole("count", count)]
        return self._frame(rows, self._far[rows].argmax(axis=1))

    def most_correct(self, name: str | None = None, count: int = 9) -> "pd.DataFrame":
        """Return the pictures whose number is nearest to the truth.

        Args:
            name: Of a number; all when not given, errors being compared in shares of each number's spread.
            count: How many at most.
        """
        return self._nearest(self._far, name, count)

    def most_wrong(self, name: str | None = None, count: int = 9) -> "pd.DataFrame":
        """Return the pictures whose number is farthest off: file, number, prediction, truth, error, loss.

        Args:
            name, count: See `most_correct`.
        """
        return self._nearest(-self._far, name, count)

    def per_class(self, *, resamples: int = 500, level: float = 0.95, seed: int = 42) -> "pd.DataFrame":
        """Return errors by number, with bootstrap intervals: see `kerasfast.interpretation.numbers.number_frame`."""
        return number_frame(self.targets, self.predictions, self.classes, resamples=resamples, level=level, seed=seed)

    def calibration(self, *, bins: int = 10, name: str | None = None) -> "pd.DataFrame":
        """Return the mean truth by ranges of the prediction: `low`, `high`, `n`, `prediction`, `truth` with interval.

        Args:
            bins: Ranges with about as many pictures each.
            name: Of a number; the first when not given.
        """
        place = self._place(name)
        return truth_by_prediction(self.targets[:, place], self.predictions[:, place], bins=bins)

    def plot_calibration(self, *, bins: int = 10, name: str | None = None, ax: "Axes | None" = None) -> "Axes":
        """Draw truth against prediction with the means of `calibration` on axes, and return them."""
        place = self._place(name)
        return plot_truth(
            self.predictions[:, place], self.targets[:, place], self.calibration(bins=bins, name=name),
            title=self.classes[place], ax=ax,
        )  # fmt: skip

    def looked_for(self, about: dict[str, Any]) -> str:
        """Return the number that Grad-CAM is asked for in a row of a frame."""
        return about["number"]

    def most_uncertain(self, name: str | None = None, count: int = 9) -> NoReturn:
        """Raise ValueError: numbers come without a probability."""
        self._of_classes("Uncertainty")

    def confusion(self, *, ordered: bool = True) -> NoReturn:
        """Raise ValueError: numbers are not confused but off."""
        self._of_classes("A confusion matrix")

    def calibration_error(self, *, bins: int = 10) -> NoReturn:
        """Raise ValueError: `calibration` of numbers has no single error but `per_class`."""
        self._of_classes("The calibration error")

    def temperature(self) -> NoReturn:
        """Raise ValueError: numbers have no temperature."""
        self._of_classes("A temperature")

    def calibrated(self, temperature: float | None = None) -> NoReturn:
        """Raise ValueError: numbers have no temperature."""
        self._of_classes("A temperature")

    @property
    def truth(self) -> NoReturn:
        """Raise ValueError: see `targets`."""
        self._of_classes("`truth`")

    def _of_classes(self, what: str) -> NoReturn:
        raise ValueError(
            f"{what} is of classes and tags; {some(self.classes)} are numbers: see `per_class()`, `calibration()`, "
            "`most_wrong()`."
        )

    def _page(self, origin: Origin, title: str | None) -> "Page":
        from kerasfast.vision.insight.number_report import number_page

        return number_page(self, origin, title)

    def _place(self, name: str | None) -> int:
        return 0 if name is None else self.classes.index(choice("name", name, self.classes))

    def _nearest(self, rank: np.ndarray, name: str | None, count: int) -> "pd.DataFrame":
        columns = np.arange(len(self.classes)) if name is None else np.array([self._place(name)])
        order = np.argsort(rank[:, columns], axis=None, kind="stable")[: whole("count", count)]
        rows, places = np.unravel_index(order, (len(rank), len(columns)))
        return self._frame(rows, columns[places])

    def _frame(self, rows: np.ndarray, columns: np.ndarray) -> "pd.DataFrame":
        import pandas as pd

        about = {
            "file": rows.astype(str) if self.view is None else np.asarray(self.view.files)[rows],
            "number": [self.classes[column] for column in columns],
            "prediction": self.predictions[rows, columns],
            "truth": self.targets[rows, columns],
            "error": self._errors[rows, columns],
            "loss": self.losses[rows],
        }
        return pd.DataFrame(about, index=pd.Index(rows, name="row"))

    def _title(self, row: int, about: dict[str, Any]) -> str:
        return f"{about['number']} {about['prediction']:.4g}, truly {about['truth']:.4g}"

    def _facts(self) -> dict[str, str]:
        frame = self.per_class(resamples=0)
        errors = ", ".join(f"{name} {error:.4g}" for name, error in frame["mean_absolute_error"].head(8).items())
        explained = ", ".join(f"{share:.1%}" for share in frame["explained"].head(8))
        return {
            "pictures": str(len(self.predictions)), "numbers": some(self.classes),
            "mean absolute error": errors, "variance explained": explained,
        }  # fmt: skip


def interpretation_of(
    predictions: np.ndarray,
    targets: np.ndarray,
    classes: Sequence[str],
    target_kind: str,
    *,
    threshold: float | Sequence[float] = 0.5,
    **known: Any,
) -> Interpretation:
    """Return the interpretation that suits a kind of target.

    Args:
        predictions, targets, classes, target_kind, threshold: As of `Interpretation`.
        known: `view`, `heat` and `origin`.
    """
    if target_kind == "regression":
        return NumberInterpretation(predictions, targets, classes, **known)
    return Interpretation(predictions, targets, classes, target_kind, threshold=threshold, **known)
