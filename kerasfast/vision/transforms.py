"""Image transforms: what to do with a picture, drawn per image and applied to a batch as one affine warp.

Every random choice is made from a vector of uniform numbers per image, so a seed repeats it exactly and the batch is
transformed without a loop over its images.
"""

import math
from dataclasses import dataclass, replace
from numbers import Integral, Real

import tensorflow as tf

CROPS = ("random", "center", "squash", "area")
PADDINGS = ("reflect", "constant", "nearest", "wrap")
LIMITS = {"rotate": (0, 180), "max_zoom": (1, 100), "brightness": (0, 1), "contrast": (0, 1)}
LEAST_AREA, AREA_ATTEMPTS = 0.08, 10  # of the crop "area"
DRAWS = 12  # uniform numbers per image; the constants below say what each is for
TOP, LEFT, ZOOM, ZOOMS, ANGLE, ROTATES, FLIP, QUARTER_TURNS, BRIGHTNESS, CONTRAST, SHIFT_Y, SHIFT_X = range(DRAWS)


@dataclass(frozen=True)
class Transforms:
    """How pictures become squares of `size` pixels, for training and (see `validation`) without chance.

    The shorter side is scaled to `size`, then a square is cropped, as in the course. Probabilities are the course's.

    Args:
        size: Side of the square in pixels.
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

    Raises:
        ValueError: If an argument is out of its range.
    """

    size: int = 224
    crop: str = "random"
    rotate: float = 0.0
    max_zoom: float = 1.0
    flip: bool = False
    dihedral: bool = False
    brightness: float = 0.0
    contrast: float = 0.0
    pad: int = 0
    padding: str = "reflect"

    def __post_init__(self):
        if isinstance(self.size, bool) or not isinstance(self.size, Integral) or self.size < 1:
            raise ValueError(f"`size` must be a whole number of pixels, 1 or more; received {self.size!r}.")
        object.__setattr__(self, "size", int(self.size))  # NumPy's numbers cannot be written to JSON
        for name, choices in (("crop", CROPS), ("padding", PADDINGS)):
            if getattr(self, name) not in choices:
                raise ValueError(f"`{name}` must be one of {', '.join(choices)}; received {getattr(self, name)!r}.")
        for name, (least, most) in (LIMITS | {"pad": (0, self.size)}).items():
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, Real) or not least <= value <= most:
                raise ValueError(f"`{name}` must be a number from {least} to {most}; received {value!r}.")
        if self.pad != int(self.pad):
            raise ValueError(f"`pad` must be a whole number of pixels; received {self.pad!r}.")

    @property
    def warps(self) -> bool:
        """Whether a batch has to be warped."""
        return bool(self.rotate or self.flip or self.dihedral or self.pad)

    @property
    def lights(self) -> bool:
        """Whether brightness or contrast change."""
        return bool(self.brightness or self.contrast)

    def validation(self) -> "Transforms":
        """Return the same without chance: the centre window, or the squashed picture."""
        return Transforms(self.size, "squash" if self.crop == "squash" else "center")

    def at_size(self, size: int) -> "Transforms":
        """Return the same for another size."""
        return replace(self, size=size)


def transforms_basic(size: int, **changes) -> Transforms:
    """Rotation by up to 10 degrees, brightness and contrast by up to 0.05 (the course's `transforms_basic`)."""
    return Transforms(size, **{"rotate": 10.0, "brightness": 0.05, "contrast": 0.05, **changes})


def transforms_side_on(size: int, **changes) -> Transforms:
    """`transforms_basic` and mirroring: pictures taken from the side."""
    return transforms_basic(size, **{"flip": True, **changes})


def transforms_top_down(size: int, **changes) -> Transforms:
    """`transforms_basic` and the eight symmetries of the square: pictures taken from above."""
    return transforms_basic(size, **{"dihedral": True, **changes})


def window(transforms: Transforms, height: tf.Tensor, width: tf.Tensor, draw: tf.Tensor) -> tf.Tensor:
    """Return the window (top, left, height, width) to crop from a picture, in its own pixels.

    Args:
        transforms: What to do; only `crop` and `max_zoom` matter here.
        height: () height of the picture.
        width: () width of the picture.
        draw: (DRAWS,) uniform numbers of the picture.
    """
    if transforms.crop == "squash":
        return tf.stack([0, 0, height, width])
    if transforms.crop == "area":
        return _area_window(height, width, draw)
    side = tf.cast(tf.minimum(height, width), tf.float32)
    if transforms.max_zoom > 1:
        zoom = tf.where(draw[ZOOMS] < 0.75, 1.0 + draw[ZOOM] * (transforms.max_zoom - 1.0), 1.0)
        side = tf.maximum(side / zoom, 1.0)
    side = tf.cast(tf.round(side), tf.int32)
    room = tf.stack([height - side, width - side])
    if transforms.crop == "center":
        corner = (room + 1) // 2
    else:
        corner = tf.cast(tf.stack([draw[TOP], draw[LEFT]]) * tf.cast(room + 1, tf.float32), tf.int32)
    return tf.concat([tf.clip_by_value(corner, 0, room), [side, side]], 0)


def _area_window(height: tf.Tensor, width: tf.Tensor, draw: tf.Tensor) -> tf.Tensor:
    """Return the first of ten random windows that lies inside the picture, or the central square where none does."""
    area, aspect, upright, down, right = tf.unstack(
        tf.random.stateless_uniform([AREA_ATTEMPTS, 5], seed=tf.bitcast(draw[TOP : LEFT + 1], tf.int32)), axis=1
    )
    area = (LEAST_AREA + area * (1.0 - LEAST_AREA)) * tf.cast(height * width, tf.float32)
    aspect = 3 / 4 + aspect * (4 / 3 - 3 / 4)
    aspect = tf.where(upright < 0.5, 1.0 / aspect, aspect)
    sides = tf.cast(tf.round(tf.sqrt(tf.stack([area / aspect, area * aspect], 1))), tf.int32)
    room = tf.stack([height, width]) - sides
    corners = tf.cast(tf.stack([down, right], 1) * tf.cast(room + 1, tf.float32), tf.int32)
    side = tf.minimum(height, width)
    centre = tf.stack([(height - side + 1) // 2, (width - side + 1) // 2, side, side])
    candidates = tf.concat([tf.concat([tf.clip_by_value(corners, 0, tf.maximum(room, 0)), sides], 1), centre[None]], 0)
    fits = tf.concat([tf.reduce_all((room >= 0) & (sides > 0), axis=1), [True]], 0)
    return candidates[tf.argmax(fits)]


def squared(pixels: tf.Tensor, size: int) -> tf.Tensor:
    """Scale one window (height, width, 3) to (size, size, 3) uint8 pixels, antialiased."""
    pixels = tf.image.resize(tf.cast(pixels, tf.float32), [size, size], antialias=True)
    return tf.cast(tf.clip_by_value(tf.round(pixels), 0.0, 255.0), tf.uint8)


def augment(images: tf.Tensor, draws: tf.Tensor, transforms: Transforms) -> tf.Tensor:
    """Rotate, mirror, shift and light a batch.

    Args:
        images: (n, size, size, channels) pixels from 0 to 255.
        draws: (n, DRAWS) uniform numbers, a row per image.
        transforms: What to do.

    Returns:
        (n, size, size, channels) uint8 pixels.
    """
    if images.dtype == tf.uint8 and not (transforms.warps or transforms.lights):
        return images
    images = tf.cast(images, tf.float32)
    if transforms.warps:
        images = _warp(images, affine_matrices(draws, transforms), transforms.padding)
    if transforms.lights:
        images = _light(images, draws, transforms)
    return tf.cast(tf.clip_by_value(tf.round(images), 0.0, 255.0), tf.uint8)


def affine_matrices(draws: tf.Tensor, transforms: Transforms) -> tf.Tensor:
    """Return (n, 6) rows (a, b, c, d, e, f): output pixel (x, y) comes from (a x + b y + c, d x + e y + f)."""
    angle = tf.zeros_like(draws[:, ANGLE])
    if transforms.rotate:
        most = transforms.rotate * math.pi / 180.0
        angle = tf.where(draws[:, ROTATES] < 0.75, (2.0 * draws[:, ANGLE] - 1.0) * most, 0.0)
    cosine, sine = tf.cos(angle), tf.sin(angle)
    if transforms.dihedral:
        turns = tf.cast(draws[:, QUARTER_TURNS] * 4.0, tf.int32)
        # Tables, since the sine of a right angle in float32 is not quite 1 and the symmetries should be exact.
        quarter_cosine, quarter_sine = tf.gather([1.0, 0.0, -1.0, 0.0], turns), tf.gather([0.0, 1.0, 0.0, -1.0], turns)
        cosine, sine = (
            cosine * quarter_cosine - sine * quarter_sine,
            sine * quarter_cosine + cosine * quarter_sine,
        )
    mirror = tf.ones_like(cosine)
    if transforms.flip or transforms.dihedral:
        mirror = tf.where(draws[:, FLIP] < 0.5, -1.0, 1.0)
    pad = transforms.pad
    shift_x, shift_y = (tf.floor(draws[:, column] * (2 * pad + 1)) - pad for column in (SHIFT_X, SHIFT_Y))
    centre = (transforms.size - 1) / 2.0
    a, b, d, e = cosine * mirror, -sine, sine * mirror, cosine
    return tf.stack([a, b, centre - (a + b) * centre + shift_x, d, e, centre - (d + e) * centre + shift_y], 1)


def _warp(images: tf.Tensor, matrices: tf.Tensor, padding: str) -> tf.Tensor:
    return tf.raw_ops.ImageProjectiveTransformV3(
        images=images,
        transforms=tf.pad(matrices, [[0, 0], [0, 2]]),
        output_shape=tf.shape(images)[1:3],
        fill_value=0.0,
        interpolation="BILINEAR",
        fill_mode=padding.upper(),
    )


def _light(images: tf.Tensor, draws: tf.Tensor, transforms: Transforms) -> tf.Tensor:
    """Change contrast about each image's mean, and brightness; c < 0 divides as much as c > 0 multiplies."""
    brightness = (2.0 * draws[:, BRIGHTNESS] - 1.0) * transforms.brightness * 255.0
    contrast = (2.0 * draws[:, CONTRAST] - 1.0) * transforms.contrast
    factor = tf.where(contrast < 0, 1.0 / (1.0 - contrast), 1.0 + contrast)[:, None, None, None]
    mean = tf.reduce_mean(images, [1, 2, 3], keepdims=True)
    return (images - mean) * factor + mean + brightness[:, None, None, None]
