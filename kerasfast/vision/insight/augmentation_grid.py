"""What augmentation makes of one picture, with the numbers that were drawn."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import tensorflow as tf

from kerasfast.basics.arguments import whole
from kerasfast.plots.pictures import plot_images
from kerasfast.vision.pipeline.augment import choices
from kerasfast.vision.pipeline.views import View, augmented

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from kerasfast.vision.data import ImageData


def augmentation(
    data: ImageData | View, row: int = 0, count: int = 12, *, seed: int = 0, columns: int = 4, ax: Axes | None = None
) -> Axes:
    """Draw what augmentation makes of one picture, with the numbers that were drawn for each.

    Args:
        data: Its training pictures are taken; or a view of your own.
        row: Which picture.
        count: How many times.
        seed: Of the numbers.
        columns: Of the grid.
        ax: Where to draw; a new figure when not given.

    Returns:
        The axes.

    Raises:
        ValueError: If there is no such picture.

    Example:
        >>> pictures = np.zeros((2, 16, 16, 3), "uint8"), np.array([0, 1])
        >>> data = kf.ImageData.from_arrays(pictures, pictures, transforms=kf.transforms_side_on(16))
        >>> len(augmentation(data, count=4).images)
        4
    """
    view = data if isinstance(data, View) else data.train
    place = whole("row", row, least=0, most=len(view) - 1)
    many = replace(view, samples=view.samples.take([place] * whole("count", count)), shuffle=False, on_device=False)
    boxes, draws = many.boxes_and_draws(tf.constant(whole("seed", seed, least=0), tf.int64))
    load = many.window_reader()
    pixels = tf.stack([load(tf.constant(index), box) for index, box in enumerate(boxes)])
    pictures = augmented(pixels, draws, many.transforms).numpy()
    titles = _drawn(many, boxes.numpy(), draws.numpy())
    return plot_images(pictures, titles, columns=columns, title="What augmentation makes of one picture", ax=ax)


def _drawn(view: View, boxes: np.ndarray, draws: np.ndarray) -> list[str]:
    """Return in words what was drawn for each picture."""
    made, found = choices(draws, view.transforms), []
    heights, widths = (np.asarray(side) for side in view.samples.sides)
    for index, (top, left, height, width) in enumerate(boxes):
        words = [f"window {height} x {width} at {top}, {left} of {heights[index]} x {widths[index]}"]
        words += [f"rotated {np.degrees(made.angles[index]):.1f}\u00b0"] if made.angles[index] else []
        words += [f"{90 * made.turns[index]}\u00b0 turn"] if made.turns[index] else []
        words += ["mirrored"] if made.mirrored[index] else []
        words += [f"moved {made.shifts[index][0]}, {made.shifts[index][1]}"] if made.shifts[index].any() else []
        if view.transforms.lights:
            words += [f"contrast x {made.factors[index]:.2f}", f"brightness {made.offsets[index] / 255:+.1%}"]
        found.append(", ".join(words))
    return found
