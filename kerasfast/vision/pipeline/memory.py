"""Pictures of files kept in memory as pixels, so that only the first epoch reads and decodes them."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import tensorflow as tf

from kerasfast.basics.bars import progress_bar
from kerasfast.basics.processors import usable_processors
from kerasfast.vision.pipeline.transforms import Transforms, windows
from kerasfast.vision.sources.decoding.reading import Reader, scaled
from kerasfast.vision.sources.resize import scaled_size
from kerasfast.vision.sources.samples import Samples

_ROOM_OF_AREA_CROPS = 1.5  # these windows are up to 3.5 times smaller, but half of them are no smaller than this


@dataclass(frozen=True, eq=False)
class MemorySamples:
    """The `Samples` of files that were decoded and scaled.

    Args:
        pixels: All pictures, one after the other, uint8.
        starts: (n,) where each picture begins.
        sides: (n,) heights and (n,) widths.
        kept: The files, in the order of `starts`.
    """

    pixels: tf.Tensor
    starts: np.ndarray
    sides: tuple[np.ndarray, np.ndarray]
    kept: Samples

    on_disk = False

    def __len__(self) -> int:
        return len(self.starts)

    @property
    def files(self) -> np.ndarray:
        """(n,) names of the files."""
        return self.kept.files

    @property
    def channels(self) -> int:
        """Channels of the pictures."""
        return self.kept.channels

    @property
    def targets(self) -> np.ndarray | None:
        """The targets of the files."""
        return self.kept.targets

    def take(self, indices: np.ndarray | Sequence[int]) -> "MemorySamples":
        """Return the samples at these positions, in this order."""
        heights, widths = (side[indices] for side in self.sides)
        return replace(self, starts=self.starts[indices], sides=(heights, widths), kept=self.kept.take(indices))

    def reader(self, size: int) -> Reader:
        """Return what reads windows of the pictures as they are kept."""
        starts, widths, channels = tf.constant(self.starts), tf.constant(self.sides[1]), self.channels

        def read(index: tf.Tensor, box: tf.Tensor) -> tf.Tensor:
            top, left, rows, columns = tf.unstack(box)
            width = widths[index]
            first, count = (tf.cast(number * width * channels, tf.int64) for number in (top, rows))
            lines = tf.reshape(self.pixels[starts[index] + first :][:count], [rows, width, channels])
            return lines[:, left : left + columns]

        return read

    def picture(self, index: int) -> np.ndarray:
        """Return one whole picture of its file, (height, width, channels) uint8."""
        return self.kept.picture(index)

    def content_keys(self) -> list[str]:
        """Return a hash of the content of each file."""
        return self.kept.content_keys()

    def broken(self) -> dict[str, str]:
        """Return nothing: pictures in memory can always be read."""
        return {}


def kept_sides(samples: Samples, transforms: Transforms) -> np.ndarray:
    """Return the (n, 2) heights and widths in which pictures are kept: as small as the transforms allow.

    Without chance that is the final square; else the whole picture with its shorter side long enough for the largest
    zoom. Nothing is enlarged, but for the final square.
    """
    if _is_fixed(transforms):
        return np.full((len(samples), 2), transforms.sides)
    room = _ROOM_OF_AREA_CROPS if transforms.crop == "area" else transforms.max_zoom
    height, width = transforms.sides
    # Of a picture the shorter side decides, but for a rectangle the one that its window fills.
    wanted = [
        room * min(sides) / min(sides[0] / height, sides[1] / width) for sides in zip(*samples.sides, strict=True)
    ]
    return np.array(
        [
            scaled_size(sides, int(np.ceil(room * height if height == width else shorter)))
            for sides, shorter in zip(zip(*samples.sides, strict=True), wanted, strict=True)
        ]
    )


def bytes_of(sides: np.ndarray, channels: int = 3) -> int:
    """Return the memory that pictures of (n, 2) sides take."""
    return int(channels * sides.astype(np.int64).prod(1).sum())


def loaded(samples: Samples, transforms: Transforms) -> MemorySamples:
    """Decode and scale all pictures, in parallel, for what transforms will make of them.

    It takes twice their memory meanwhile.
    """
    sides = kept_sides(samples, transforms)
    heights, widths = samples.sides
    boxes = np.stack([np.zeros_like(heights), np.zeros_like(widths), heights, widths], 1)
    if _is_fixed(transforms):
        boxes = windows(transforms, tf.constant(heights), tf.constant(widths), tf.zeros([len(samples), 0])).numpy()
    read = samples.reader(transforms.size if _is_fixed(transforms) else int(sides.min(1).max()))
    starts = np.cumsum([0, *(samples.channels * sides.astype(np.int64).prod(1))])
    pixels = np.empty(starts[-1], np.uint8)
    with tf.device("CPU:0"):
        columns = (np.arange(len(samples)), boxes.astype(np.int32), sides.astype(np.int32))
        pictures = tf.data.Dataset.from_tensor_slices(columns).map(
            lambda index, box, side: tf.reshape(scaled(read(index, box), side), [-1]),
            num_parallel_calls=usable_processors(),
        )
        bar = progress_bar(pictures, total=len(samples), desc="Reading into memory", unit="image", delay=2, leave=False)
        for start, picture in zip(starts[:-1], bar, strict=True):
            pixels[start : start + len(picture)] = picture
        held = tf.constant(pixels)
    heights, widths = sides.T.astype(np.int32)
    return MemorySamples(held, starts[:-1], (heights, widths), samples)


def _is_fixed(transforms: Transforms) -> bool:
    return transforms == transforms.validation()
