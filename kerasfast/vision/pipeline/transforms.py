"""Image transforms: what to do with a picture, and the window that each picture is cropped to.

Every random choice is made from a vector of uniform numbers per image, so a seed repeats it exactly.
"""

from dataclasses import dataclass, replace
from typing import Any

import tensorflow as tf

from kerasfast.basics.arguments import choice, flag, number, whole
from kerasfast.vision.pipeline.changes import AreaWindow, Change, Scale
from kerasfast.vision.sources.decoding.reading import Size, both_sides

CROPS = ("random", "center", "squash", "area")
PADDINGS = ("reflect", "constant", "nearest", "wrap")
LIMITS = {"rotate": (0, 180), "max_zoom": (1, 100), "brightness": (0, 1), "contrast": (0, 1)}
AREA_ATTEMPTS = 10  # of the crop "area"
DRAWS = 12  # uniform numbers per image; the constants below say what each is for
TOP, LEFT, ZOOM, ZOOMS, ANGLE, ROTATES, FLIP, QUARTER_TURNS, BRIGHTNESS, CONTRAST, SHIFT_Y, SHIFT_X = range(DRAWS)


@dataclass(frozen=True)
class Transforms:
    """How pictures become squares of `size` pixels, or rectangles, for training and (see `validation`) without chance.

    The shorter side is scaled to `size`, then a square is cropped, as in the course; for a rectangle the largest window
    of its shape. Probabilities are the course's.

    Args:
        size: Side of the square in pixels; (height, width) of a rectangle.
        crop: "random" (a random window, the centre for validation), "center", "squash" (the whole picture pressed into
            the square) or "area" (a random window of 8% to 100% of the area and 3:4 to 4:3 aspect, as
            GoogLeNet's; the central square where ten of them do not fit).
        rotate: Largest rotation in degrees, either way, for three pictures in four.
        max_zoom: Scale up to this factor before cropping, for three pictures in four; 1 for never.
        flip: Mirror left-right every second picture.
        dihedral: Apply one of the eight symmetries of the square.
        brightness: Largest change of brightness, as a fraction of the full range.
        contrast: Largest relative change of contrast, either way: from dividing by 1 + contrast to multiplying by it.
        pad: Shift the picture by up to this many whole pixels each way.
        padding: What rotation and shift fill in from: "reflect", "constant" (black), "nearest" or "wrap".
        changes: Further random changes of `kerasfast.vision.pipeline.changes`: `Cutout(1, side=56)` (black squares),
            `Blur((3, 5))`, `Stretch(0.2)`, `Zoom(0.2)` and `Rotation(30, p=0.5)`, or `OneOf` several. Rotations, zooms
            and stretches of a picture are one warp; then it is blurred, lit and cut out.

    Raises:
        ValueError: If an argument is out of its range.

    Example:
        >>> transforms = Transforms(224, flip=True, max_zoom=1.1)
        >>> transforms.validation() == Transforms(224, crop="center")
        True
    """

    size: Size = 224
    crop: str = "random"
    rotate: float = 0.0
    max_zoom: float = 1.0
    flip: bool = False
    dihedral: bool = False
    brightness: float = 0.0
    contrast: float = 0.0
    pad: int = 0
    padding: str = "reflect"
    changes: tuple[Change, ...] = ()

    def __post_init__(self):
        # NumPy's numbers cannot be written to JSON
        for name in ("flip", "dihedral"):
            object.__setattr__(self, name, flag(name, getattr(self, name)))
        object.__setattr__(self, "size", checked_size(self.size))
        object.__setattr__(self, "pad", whole("pad", self.pad, least=0, most=min(self.sides)))
        if self.dihedral and self.sides[0] != self.sides[1]:
            raise ValueError("`dihedral` turns pictures by a quarter, which rectangles do not bear; use `flip=True`.")
        for name, choices in (("crop", CROPS), ("padding", PADDINGS)):
            choice(name, getattr(self, name), choices)
        for name, (least, most) in LIMITS.items():
            number(name, getattr(self, name), least=least, most=most)
        object.__setattr__(self, "changes", tuple(self.changes))
        if any(not isinstance(change, Change) for change in self.changes):
            raise ValueError(f"`changes` are such as `Cutout(1, side=56)`; received {self.changes!r}.")

    @property
    def sides(self) -> tuple[int, int]:
        """Height and width."""
        return both_sides(self.size)

    @property
    def warps(self) -> bool:
        """Whether a batch has to be changed otherwise than in its lighting."""
        return bool(self.rotate or self.flip or self.dihedral or self.pad or self.changes)

    @property
    def most_degrees(self) -> float:
        """The largest rotation."""
        return min(180.0, self.rotate + sum(change.most_degrees for change in self.changes))

    @property
    def scale(self) -> Scale:
        """How pictures are scaled before they are cropped."""
        return next((change for change in self.changes if isinstance(change, Scale)), Scale(self.max_zoom))

    @property
    def area(self) -> AreaWindow:
        """How the crop "area" draws its windows."""
        return next((change for change in self.changes if isinstance(change, AreaWindow)), AreaWindow())

    @property
    def lights(self) -> bool:
        """Whether brightness or contrast change."""
        return bool(self.brightness or self.contrast)

    def validation(self) -> "Transforms":
        """Return the same without chance: the centre window, or the squashed picture."""
        return Transforms(self.size, "squash" if self.crop == "squash" else "center")

    def at_size(self, size: Size) -> "Transforms":
        """Return the same for another size."""
        return replace(self, size=size)


def checked_size(size: Any, *, least: int = 1) -> Size:
    """Return a side, or the two of a rectangle; NumPy's numbers as Python's.

    Raises:
        ValueError: For anything else, or a side of fewer pixels than `least`.
    """
    if not isinstance(size, (tuple, list)):
        return whole("size", size, least=least)
    if len(size) != 2:
        raise ValueError(f"`size` must be a side or a pair (height, width) in pixels; received {size!r}.")
    height, width = (whole("size", side, least=least) for side in size)
    return height if height == width else (height, width)


def transforms_basic(size: Size, **changes) -> Transforms:
    """Rotation by up to 10 degrees, brightness and contrast by up to 0.05 (the course's `transforms_basic`).

    Args:
        size: Side of the square in pixels.
        **changes: Any other arguments of `Transforms`, such as `max_zoom=1.1`.

    Returns:
        The transforms.

    Raises:
        ValueError: If an argument is out of its range.

    Example:
        >>> transforms_basic(64).rotate
        10.0
    """
    return Transforms(size, **{"rotate": 10.0, "brightness": 0.05, "contrast": 0.05, **changes})


def transforms_side_on(size: Size, **changes) -> Transforms:
    """`transforms_basic` and mirroring: pictures taken from the side.

    Args:
        size: Side of the square in pixels.
        **changes: Any other arguments of `Transforms`, such as `max_zoom=1.1`.

    Returns:
        The transforms.

    Raises:
        ValueError: If an argument is out of its range.

    Example:
        >>> transforms_side_on(64, max_zoom=1.1).flip
        True
    """
    return transforms_basic(size, **{"flip": True, **changes})


def transforms_top_down(size: Size, **changes) -> Transforms:
    """`transforms_basic` and the eight symmetries of the square: pictures taken from above.

    Args:
        size: Side of the square in pixels.
        **changes: Any other arguments of `Transforms`, such as `max_zoom=1.1`.

    Returns:
        The transforms.

    Raises:
        ValueError: If an argument is out of its range.

    Example:
        >>> transforms_top_down(64, pad=4).dihedral
        True
    """
    return transforms_basic(size, **{"dihedral": True, **changes})


def windows(transforms: Transforms, heights: tf.Tensor, widths: tf.Tensor, draws: tf.Tensor) -> tf.Tensor:
    """Return the windows (n, 4) (top, left, height, width) to crop from pictures, in their own pixels.

    Args:
        transforms: What to do; only the crop and the scale matter here.
        heights: (n,) int32 heights of the pictures.
        widths: (n,) int32 widths of the pictures.
        draws: (n, DRAWS) uniform numbers, a row per picture.
    """
    if transforms.crop == "squash":
        return tf.stack([tf.zeros_like(heights), tf.zeros_like(widths), heights, widths], 1)
    largest = _largest(transforms, heights, widths)
    if transforms.crop == "area":
        return _area_windows(transforms, heights, widths, largest, draws)
    sides, scale = largest, transforms.scale
    if scale.most > 1:
        zooms = tf.where(draws[:, ZOOMS] < scale.p, scale.least + draws[:, ZOOM] * (scale.most - scale.least), 1.0)
        sides = tf.maximum(sides / zooms[:, None], 1.0)
    sides = tf.cast(tf.round(sides), tf.int32)
    room = tf.stack([heights, widths], 1) - sides
    if transforms.crop == "center":
        corners = (room + 1) // 2
    else:
        corners = tf.cast(draws[:, TOP : LEFT + 1] * tf.cast(room + 1, tf.float32), tf.int32)
    return tf.concat([tf.clip_by_value(corners, 0, room), sides], 1)


def _largest(transforms: Transforms, heights: tf.Tensor, widths: tf.Tensor) -> tf.Tensor:
    """Return the sides (n, 2) float32 of the largest window of the transforms' shape in each picture."""
    height, width = transforms.sides
    if height == width:
        shorter = tf.cast(tf.minimum(heights, widths), tf.float32)
        return tf.stack([shorter, shorter], 1)
    both = tf.cast(tf.stack([heights, widths], 1), tf.float32)
    shape = tf.constant([[height, width]], tf.float32)
    return tf.clip_by_value(tf.reduce_min(both / shape, axis=1, keepdims=True) * shape, 1.0, both)


def _area_windows(
    transforms: Transforms, heights: tf.Tensor, widths: tf.Tensor, largest: tf.Tensor, draws: tf.Tensor
) -> tf.Tensor:
    """Return the first of ten random windows that lies inside the picture, or the largest central one."""
    seed = tf.bitcast(tf.reduce_sum(draws[:, TOP : LEFT + 1], 0), tf.int32)
    shape = [tf.shape(heights)[0], AREA_ATTEMPTS, 5]
    area, aspect, upright, down, right = tf.unstack(tf.random.stateless_uniform(shape, seed), axis=2)
    limits = transforms.area
    area = (limits.least_area + area * (1.0 - limits.least_area)) * tf.cast(heights * widths, tf.float32)[:, None]
    aspect = limits.least_aspect + aspect * (limits.most_aspect - limits.least_aspect)
    aspect = tf.where(upright < limits.turned, 1.0 / aspect, aspect) * (transforms.sides[1] / transforms.sides[0])
    sides = tf.cast(tf.round(tf.sqrt(tf.stack([area / aspect, area * aspect], 2))), tf.int32)
    room = tf.stack([heights, widths], 1)[:, None] - sides
    corners = tf.cast(tf.stack([down, right], 2) * tf.cast(room + 1, tf.float32), tf.int32)
    side = tf.cast(tf.round(largest), tf.int32)
    centre = tf.concat([(tf.stack([heights, widths], 1) - side + 1) // 2, side], 1)[:, None]
    candidates = tf.concat([tf.concat([tf.clip_by_value(corners, 0, tf.maximum(room, 0)), sides], 2), centre], 1)
    fits = tf.reduce_all((room >= 0) & (sides > 0), axis=2)
    fits = tf.concat([fits, tf.ones_like(fits[:, :1])], 1)
    return tf.gather(candidates, tf.argmax(fits, axis=1), batch_dims=1)
