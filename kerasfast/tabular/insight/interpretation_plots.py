"""What a table's interpretation draws."""

from typing import TYPE_CHECKING

import pandas as pd

from kerasfast.plots.curves import plot_confusion_matrix
from kerasfast.plots.insight import plot_calibration
from kerasfast.plots.tables import plot_bars, plot_line

if TYPE_CHECKING:
    from matplotlib.axes import Axes


class TablePlots:
    """The plots of `TableInterpretation`, each of one of its frames."""

    def plot_importance(self, frame: pd.DataFrame | None = None, *, most: int = 20, ax: "Axes | None" = None) -> "Axes":
        """Draw `importance` (a frame of it, where one is given) on axes and return them."""
        frame = self.importance() if frame is None else frame
        return plot_bars(
            frame.head(most), "importance", title="What the loss grows by when a column is shuffled", ax=ax
        )

    def plot_partial_dependence(self, column: str, output: str | None = None, *, ax: "Axes | None" = None) -> "Axes":
        """Draw `partial_dependence` on axes and return them."""
        frame = self.partial_dependence(column, output).set_index(column)
        title = f"Mean prediction of {self.classes[self.output_place(output)]} by {column}"
        draw = plot_bars if self.positions[column][0] else plot_line
        return draw(frame, "prediction", title=title, ax=ax)

    def plot_residuals(self, column: str, *, bins: int = 12, ax: "Axes | None" = None) -> "Axes":
        """Draw `residuals` on axes and return them."""
        return plot_bars(self.residuals(column, bins=bins), "residual", title=f"Mean residual by {column}", ax=ax)

    def plot_calibration(self, *, bins: int = 10, ax: "Axes | None" = None) -> "Axes":
        """Draw `calibration` on axes, with its error in the title, and return them."""
        title = f"Calibration, error {self.calibration_error(bins=bins):.3f}"
        return plot_calibration(self.calibration(bins=bins), title=title, ax=ax)

    def plot_confusion(self, *, ax: "Axes | None" = None) -> "Axes":
        """Draw counts by true and predicted class on axes and return them."""
        return plot_confusion_matrix(self.confusion(), self.classes, ax=ax)
