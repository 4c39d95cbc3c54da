"""What an interpretation of pictures draws."""

from typing import TYPE_CHECKING, Any

import numpy as np

from kerasfast.plots.curves import plot_confusion_matrix
from kerasfast.plots.insight import heated, plot_calibration
from kerasfast.plots.pictures import plot_images

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes


class PicturePlots:
    """The plots of `Interpretation`: each returns axes."""

    _heat_says = "looks for {}"

    def plot_confusion(self, *, ordered: bool = True, ax: "Axes | None" = None) -> "Axes":
        """Draw `confusion` on axes and return them."""
        frame = self.confusion(ordered=ordered)
        return plot_confusion_matrix(frame.to_numpy(), list(frame.index), ax=ax)

    def plot_calibration(self, *, bins: int = 10, ax: "Axes | None" = None) -> "Axes":
        """Draw `calibration` on axes, with its error in the title, and return them."""
        title = f"Calibration, error {self.calibration_error(bins=bins):.3f}"
        return plot_calibration(self.calibration(bins=bins), title=title, ax=ax)

    def plot_top_losses(self, count: int = 9, *, grad_cam: bool = False, ax: "Axes | None" = None) -> "Axes":
        """Draw `top_losses` on axes and return them; see `plot_pictures`."""
        return self.plot_pictures(self.top_losses(count), grad_cam=grad_cam, title="Top losses", ax=ax)

    def plot_pictures(
        self, frame: "pd.DataFrame", *, grad_cam: bool = False, title: str = "", ax: "Axes | None" = None
    ) -> "Axes":
        """Draw the pictures of a frame with prediction, truth and loss, and return the axes.

        Args:
            frame: Of `top_losses`, `most_correct`, `most_wrong` or `most_uncertain`.
            grad_cam: Whether to put beside each picture where the network looked for what it predicted (of tags, for
                the tag in the column `class`).
            title: Title above the pictures.
            ax: Where to draw; a new figure when not given.

        Raises:
            ValueError: When the frame is empty, or `grad_cam` is asked for where there is no network.
        """
        if frame.empty:
            raise ValueError("The frame has no pictures.")
        if self.view is None:
            raise ValueError("There are no pictures to draw; pass `view`, or make the report by `learn.interpret()`.")
        if grad_cam and self.heat is None:
            raise ValueError("Grad-CAM needs the network; make the report by `learn.interpret()`.")
        pictures, titles = [], []
        for row, about in zip(frame.index, frame.to_dict("records"), strict=True):
            pixels = self.view[row][0]
            pictures.append(pixels)
            titles.append(self._title(row, about))
            if grad_cam:
                looked_for = self.looked_for(about)
                pictures.append(heated(pixels, self.heat(pixels, self.classes.index(looked_for))))
                titles.append(self._heat_says.format(looked_for))
        columns = (2 if len(frame) < 3 else 4) if grad_cam else None
        return plot_images(np.stack(pictures), titles, columns=columns, title=title, ax=ax)

    def looked_for(self, about: dict[str, Any]) -> str:
        """Return the class, tag or number that Grad-CAM is asked for in a row of a frame."""
        return about["class"] if self.tags else about["prediction"]

    def _title(self, row: int, about: dict[str, Any]) -> str:
        if self.tags:
            true = self.truth[row, self.classes.index(about["class"])]
            said = f"{about['class']}: {'true' if true else 'not true'}"
        else:
            said = f"{about['prediction']}, truly {about['truth']}"
        return f"{said} (probability {about['probability_of_truth']:.2g}), loss {about['loss']:.2f}"
