"""The course's transforms: pairs of callables for training and validation, made of kerasfast's `Transforms`."""

from collections.abc import Iterable, Sequence
from dataclasses import fields as dataclass_fields
from enum import IntEnum
from typing import Any

import numpy as np

from kerasfast.fastai.internals import augmentations
from kerasfast.fastai.internals.architectures import inception_4, inceptionresnet_2
from kerasfast.fastai.internals.augmentations import *
from kerasfast.fastai.internals.augmentations import REFLECT, Augmentation, check_target, padding_name
from kerasfast.fastai.parts import picture_functions
from kerasfast.fastai.parts.absent import absent
from kerasfast.fastai.parts.picture_functions import *
from kerasfast.vision.pipeline import changes
from kerasfast.vision.pipeline import transforms as core
from kerasfast.vision.pipeline.augment import augment
from kerasfast.vision.sources.decoding.reading import squared

__all__ = [
    "CropType", "Transforms", "imagenet_stats", "inception_stats", "tfms_from_model", "tfms_from_stats",
    *augmentations.__all__, *picture_functions.__all__,
]  # fmt: skip
_REFUSED = absent(
    {
        "CoordTransform Transform": "`aug_tfms` are those of the course; a change of your own goes into the pictures "
        "before (`ImageClassifierData.from_arrays`), or into layers in front of a model of your own",
        "image_gen crop_fn_lu": "write `tfms_from_stats(stats, sz, aug_tfms=[...], crop_type=CropType.CENTER)`",
        "inception_models": "every network normalises its pixels itself",
    }
)
globals().update(_REFUSED)
__all__ += [*_REFUSED]

imagenet_stats = [np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225])]
inception_stats = [np.array([0.5, 0.5, 0.5]), np.array([0.5, 0.5, 0.5])]
SHIFTED_SEED = 2**31 - 1


class CropType(IntEnum):
    """How a square is cut from a picture whose shorter side was scaled; NO presses the whole picture into it."""

    RANDOM = 1
    CENTER = 2
    NO = 3
    GOOGLENET = 4
    NOOP = 5


CROPS = {CropType.RANDOM: "random", CropType.CENTER: "center", CropType.NO: "squash", CropType.GOOGLENET: "area"}


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
    max_zoom: float | Sequence[float] | None = None,
    pad: int = 0,
    crop_type: CropType = CropType.RANDOM,
    tfm_y: TfmType | None = None,
    sz_y: int | None = None,
    pad_mode: int | str = REFLECT,
    norm_y: bool = True,
    scale: Augmentation | Sequence[Augmentation] | None = None,
) -> tuple[Transforms, Transforms]:
    """Return the transforms for training and for validation.

    Rotations, zooms and stretches of a picture are one warp, which its square gets; then it is blurred, lit, cut out.

    Args:
        stats: (mean, deviation) per channel from 0 to 1, or None. Pretrained networks use their own; a model of one's
            own gets them put in front by `from_model_data`.
        sz: Side of the squares in pixels.
        aug_tfms: Such as `transforms_side_on`.
        max_zoom: Scale up to this factor in training.
        pad: Shift by up to this many pixels in training.
        crop_type: How the square is cut; validation takes the centre instead of chance.
        tfm_y, sz_y, norm_y: Targets are not transformed: `TfmType.NO`, None; no effect.
        pad_mode: What fills in: OpenCV's number or a name.
        scale: `Scale(sz)` or `RandomScale(sz, ...)`, in the place of `max_zoom`.
    """
    check_target(tfm_y, sz_y)
    if CropType(crop_type) == CropType.NOOP:
        CropNoop()
    tfms = [*_listed(scale), *([] if max_zoom is None or scale else [RandomScale(sz, max_zoom)]), *_listed(aug_tfms)]
    fields: dict[str, Any] = {"crop": CROPS[CropType(crop_type)], "pad": pad, "padding": padding_name(pad_mode)}
    further: list[changes.Change] = []
    seen: set[str] = set()
    for tfm in tfms:
        if not isinstance(tfm, Augmentation):
            raise TypeError(
                f"`aug_tfms` are made of RandomRotate, RandomLighting, RandomFlip, ...; received {tfm!r}. "
                f"What can be drawn: {', '.join(field.name for field in dataclass_fields(core.Transforms))}."
            )
        if tfm.size not in (None, sz):
            raise ValueError(
                f"{tfm!r} was made for {tfm.size} pixels and the transforms are for {sz}; make them equal."
            )
        again = seen & set(tfm.fields) - {"padding"}
        if again == {"rotate"}:
            further.append(changes.Rotation(tfm.fields["rotate"]))
            continue
        if again:
            raise ValueError(f"`aug_tfms` set {', '.join(sorted(again))} twice; give one of them.")
        seen |= set(tfm.fields)
        fields |= tfm.fields
        further += tfm.further
    train = core.Transforms(sz, **fields, changes=tuple(further))
    return Transforms(train, stats), Transforms(train.validation(), stats)


def _listed(tfms: Any) -> list:
    return [] if tfms is None else list(tfms) if isinstance(tfms, Iterable) else [tfms]


def tfms_from_model(f_model: Any, sz: int, *args, **kwargs) -> tuple[Transforms, Transforms]:
    """Return the transforms for training and for validation of a pretrained network.

    Args:
        f_model: Architecture name, `Backbone` or model. Only its statistics matter, and the network has those itself.
        sz: Side of the squares in pixels.
        *args, **kwargs: As in `tfms_from_stats`.
    """
    inception = f_model in (inception_4, inceptionresnet_2)
    return tfms_from_stats(inception_stats if inception else imagenet_stats, sz, *args, **kwargs)
