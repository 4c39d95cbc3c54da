"""The course's transforms: pairs of callables for training and validation, made of kerasfast's `Transforms`."""

from collections.abc import Iterable, Sequence
from dataclasses import fields
from enum import IntEnum
from typing import Any

import numpy as np

from kerasfast.fastai.architectures import Architecture, inception_4, inceptionresnet_2
from kerasfast.vision.pipeline import transforms as core
from kerasfast.vision.pipeline.augment import augment
from kerasfast.vision.sources.decoding.reading import squared

__all__ = [
    "AddPadding", "CropType", "Cutout", "GoogleNetResize", "RandomBlur", "RandomDihedral", "RandomFlip",
    "RandomLighting", "RandomRotate", "RandomRotateZoom", "RandomScale", "RandomStretch", "RandomZoom", "TfmType",
    "Transforms", "imagenet_stats", "inception_stats", "tfms_from_model", "tfms_from_stats", "transforms_basic",
    "transforms_side_on", "transforms_top_down",
]  # fmt: skip

imagenet_stats = [np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225])]
inception_stats = [np.array([0.5, 0.5, 0.5]), np.array([0.5, 0.5, 0.5])]
PADDINGS = {0: "constant", 1: "nearest", 2: "reflect", 3: "wrap", 4: "reflect"}  # OpenCV's numbers of border modes
REFLECT = 2
SHIFTED_SEED = 2**31 - 1


class CropType(IntEnum):
    """How a square is cut from a picture whose shorter side was scaled; NO presses the whole picture into it."""

    RANDOM = 1
    CENTER = 2
    NO = 3
    GOOGLENET = 4


class TfmType(IntEnum):
    """What a transform does to the target; here always nothing."""

    NO = 1
    PIXEL = 2
    COORD = 3
    CLASS = 4


CROPS = {CropType.RANDOM: "random", CropType.CENTER: "center", CropType.NO: "squash", CropType.GOOGLENET: "area"}


def _padding(mode: int | str) -> str:
    return PADDINGS.get(mode, mode)


def _check_share(name: str, p: float, only: float) -> None:
    if p != only:
        raise ValueError(f"`{name}` changes {only:.0%} of the pictures; received `p`={p}.")


def _check_target(tfm_y: TfmType | None) -> None:
    if tfm_y not in (None, TfmType.NO):
        raise ValueError(f"Targets are not transformed here; received `tfm_y`={tfm_y!r}.")


class Augmentation:
    """One entry of `aug_tfms`: fields of kerasfast's `Transforms`."""

    def __init__(self, **changes):
        self.changes = changes

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(f'{name}={value!r}' for name, value in self.changes.items())})"


class RandomRotate(Augmentation):
    """Rotate three pictures in four by up to `deg` degrees either way.

    Args:
        deg: Largest angle.
        p: The share of pictures that are rotated; 0.75 is the only one there is.
        mode: What fills the corners: OpenCV's number or "reflect", "constant", "nearest", "wrap".
        tfm_y: `TfmType.NO`.
    """

    def __init__(self, deg: float, p: float = 0.75, mode: int | str = REFLECT, tfm_y: TfmType | None = None):
        _check_target(tfm_y)
        _check_share("RandomRotate", p, 0.75)
        super().__init__(rotate=deg, padding=_padding(mode))


class RandomLighting(Augmentation):
    """Change brightness by up to `b` of the full range and contrast by up to `c`."""

    def __init__(self, b: float, c: float, tfm_y: TfmType | None = None):
        _check_target(tfm_y)
        super().__init__(brightness=b, contrast=c)


class RandomFlip(Augmentation):
    """Mirror every second picture left-right."""

    def __init__(self, tfm_y: TfmType | None = None, p: float = 0.5):
        _check_target(tfm_y)
        _check_share("RandomFlip", p, 0.5)
        super().__init__(flip=True)


class RandomDihedral(Augmentation):
    """Apply one of the eight symmetries of the square."""

    def __init__(self, tfm_y: TfmType | None = None):
        _check_target(tfm_y)
        super().__init__(dihedral=True)


class RandomScale(Augmentation):
    """Scale three pictures in four up to `max_zoom` before cropping; `sz` is that of the transforms."""

    def __init__(self, sz: int, max_zoom: float, p: float = 0.75, tfm_y: TfmType | None = None):
        _check_target(tfm_y)
        _check_share("RandomScale", p, 0.75)
        super().__init__(max_zoom=max_zoom)


class RandomZoom(Augmentation):
    """Scale three pictures in four up to 1 + `zoom_max` before cropping."""

    def __init__(self, zoom_max: float, zoom_min: float = 0, mode: int | str = REFLECT, tfm_y: TfmType | None = None):
        _check_target(tfm_y)
        if zoom_min:
            raise ValueError(f"`RandomZoom` begins at no zoom; received `zoom_min`={zoom_min}.")
        super().__init__(max_zoom=1 + zoom_max)


class AddPadding(Augmentation):
    """Shift by up to `pad` pixels each way, filled in from the border."""

    def __init__(self, pad: int, mode: int | str = REFLECT, tfm_y: TfmType | None = None):
        _check_target(tfm_y)
        super().__init__(pad=pad, padding=_padding(mode))


class GoogleNetResize(Augmentation):
    """Cut a random window of 8% to 100% of the area and 3:4 to 4:3 aspect; also `crop_type=CropType.GOOGLENET`."""

    def __init__(self, targ_sz: int):
        super().__init__(crop="area")


class _Absent(Augmentation):
    """A transform of the course that kerasfast does not have; making one says what comes nearest."""

    nearest = ""

    def __init__(self, *args, **kwargs):
        raise ValueError(f"kerasfast has no {type(self).__name__}; the nearest is {self.nearest}.")


class RandomStretch(_Absent):
    """Stretching one side."""

    nearest = "`crop_type=CropType.GOOGLENET`, which changes the aspect"


class RandomRotateZoom(_Absent):
    """Rotation, zoom or stretching."""

    nearest = "`[RandomRotate(deg)]` with `max_zoom`"


class RandomBlur(_Absent):
    """Blurring."""

    nearest = "`data.resize`, which makes small copies and so loses detail"


class Cutout(_Absent):
    """Square holes."""

    nearest = "`keras.layers.RandomErasing` in a model of your own"


transforms_basic = [RandomRotate(10), RandomLighting(0.05, 0.05)]
transforms_side_on = [*transforms_basic, RandomFlip()]
transforms_top_down = [*transforms_basic, RandomDihedral()]


class Transforms:
    """What becomes of a picture: `tfm(open_image(file))` gives (sz, sz, 3) uint8, as the network takes it.

    Networks here read pixels from 0 to 255 and normalise them themselves, so nothing else is done to them.

    Args:
        core: kerasfast's transforms.
        stats: (mean, deviation) per channel from 0 to 1 that a model of one's own wants (see `from_model_data`).
    """

    def __init__(self, core: core.Transforms, stats: Sequence[np.ndarray] | None = None):
        self.core, self.stats = core, stats
        self._random = np.random.RandomState(np.random.randint(SHIFTED_SEED))

    @property
    def sz(self) -> int:
        """Side of the square in pixels."""
        return self.core.size

    def __call__(self, im: np.ndarray, y: Any = None):
        """Transform one picture (height, width, 3), uint8 or floats from 0 to 1; return it, with `y` if given."""
        pixels = eight_bits(im)
        draws = self._random.uniform(size=(1, core.DRAWS)).astype(np.float32)
        height, width = pixels.shape[:2]
        top, left, height, width = core.windows(self.core, [height], [width], draws).numpy()[0]
        square = squared(pixels[top : top + height, left : left + width], self.sz)
        result = augment(square.numpy()[None], draws, self.core)[0]
        return result if y is None else (result, y)

    def denorm(self, x: np.ndarray) -> np.ndarray:
        """Return pictures from 0 to 1, as `plt.imshow` takes them."""
        return denorm(x)

    def __repr__(self) -> str:
        return repr(self.core)


def eight_bits(im: np.ndarray) -> np.ndarray:
    """Return uint8 pixels of a picture of the course, floats from 0 to 1."""
    im = np.asarray(im)
    if im.ndim != 3 or im.shape[-1] != 3:
        raise ValueError(f"A picture has the shape (height, width, 3), channels last; received {im.shape}.")
    if im.dtype == np.uint8:
        return im
    if im.dtype.kind != "f" or not (im.min() >= 0 and im.max() <= 1):
        raise ValueError(f"A picture is uint8, or floats from 0 to 1; received {im.dtype} up to {im.max()}.")
    return np.round(im * 255).astype(np.uint8)


def denorm(x: Any) -> np.ndarray:
    """Return a batch of pictures (n, sz, sz, 3) from 0 to 1, of uint8 pixels; one picture becomes a batch of one."""
    x = np.asarray(x)
    return (x[None] if x.ndim == 3 else x) / np.float32(255)


def tfms_from_stats(
    stats: Sequence | None,
    sz: int,
    aug_tfms: Iterable[Augmentation] | Augmentation | None = None,
    max_zoom: float | None = None,
    pad: int = 0,
    crop_type: CropType = CropType.RANDOM,
    tfm_y: TfmType | None = None,
    pad_mode: int | str = REFLECT,
) -> tuple[Transforms, Transforms]:
    """Return the transforms for training and for validation.

    Args:
        stats: (mean, deviation) per channel from 0 to 1, or None. Pretrained networks use their own; a model of one's
            own gets them put in front by `from_model_data`.
        sz: Side of the squares in pixels.
        aug_tfms: Such as `transforms_side_on`.
        max_zoom: Scale up to this factor in training.
        pad: Shift by up to this many pixels in training.
        crop_type: How the square is cut; validation takes the centre instead of chance.
        tfm_y: `TfmType.NO`.
        pad_mode: What fills in: OpenCV's number or a name.
    """
    _check_target(tfm_y)
    changes: dict[str, Any] = {"crop": CROPS[CropType(crop_type)], "pad": pad, "padding": _padding(pad_mode)}
    if max_zoom is not None:
        changes["max_zoom"] = max_zoom
    for tfm in [aug_tfms] if isinstance(aug_tfms, Augmentation) else aug_tfms or []:
        if not isinstance(tfm, Augmentation):
            raise TypeError(
                f"`aug_tfms` are made of RandomRotate, RandomLighting, RandomFlip, ...; received {tfm!r}. "
                f"What can be drawn: {', '.join(field.name for field in fields(core.Transforms))}."
            )
        changes |= tfm.changes
    train = core.Transforms(sz, **changes)
    return Transforms(train, stats), Transforms(train.validation(), stats)


def tfms_from_model(f_model: Any, sz: int, *args, **kwargs) -> tuple[Transforms, Transforms]:
    """Return the transforms for training and for validation of a pretrained network.

    Args:
        f_model: Architecture name, `Backbone` or model. Only its statistics matter, and the network has those itself.
        sz: Side of the squares in pixels.
        *args, **kwargs: As in `tfms_from_stats`.
    """
    if isinstance(f_model, Architecture):
        f_model.backbone()  # what Keras lacks should say so before the data is made
    inception = f_model in (inception_4, inceptionresnet_2)
    return tfms_from_stats(inception_stats if inception else imagenet_stats, sz, *args, **kwargs)
