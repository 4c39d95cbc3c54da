"""The course's random transforms, entries of `aug_tfms`."""

from collections.abc import Sequence
from enum import IntEnum

import numpy as np

from kerasfast.vision.pipeline import changes

__all__ = [
    "AddPadding", "CenterCrop", "ChannelOrder", "CropNoop", "Cutout", "Denormalize", "GoogleNetResize", "NoCrop",
    "Normalize", "PassThru", "RandomBlur", "RandomCrop", "RandomDihedral", "RandomFlip", "RandomLighting",
    "RandomRotate", "RandomRotateZoom", "RandomScale", "RandomStretch", "RandomZoom", "Scale", "TfmType",
    "transforms_basic", "transforms_side_on", "transforms_top_down",
]  # fmt: skip

PADDINGS = {0: "constant", 1: "nearest", 2: "reflect", 3: "wrap", 4: "reflect"}  # OpenCV's numbers of border modes
REFLECT = 2
USUAL_SHARE, MIRRORED_SHARE = 0.75, 0.5  # of pictures that are rotated, mirrored


class TfmType(IntEnum):
    """What a transform does to the target; here always nothing."""

    NO = 1
    PIXEL = 2
    COORD = 3
    CLASS = 4


def padding_name(mode: int | str) -> str:
    """Return the name of a border mode of OpenCV, or the name itself."""
    return PADDINGS.get(mode, mode)


def check_target(tfm_y: TfmType | None, sz_y: int | None = None) -> None:
    """Refuse transforms of targets."""
    if tfm_y not in (None, TfmType.NO) or sz_y is not None:
        raise ValueError(f"Targets are not transformed here; received `tfm_y`={tfm_y!r}, `sz_y`={sz_y!r}.")


class Augmentation:
    """One entry of `aug_tfms`: fields of kerasfast's `Transforms`, and further changes.

    Args:
        *further: Changes of `kerasfast.vision.pipeline.changes`.
        size: The side that it was made for, which must be that of the transforms; None for any.
        **fields: Fields.
    """

    def __init__(self, *further: changes.Change, size: int | None = None, **fields):
        self.further, self.size, self.fields = further, size, fields

    def __repr__(self) -> str:
        parts = [*map(repr, self.further), *(f"{name}={value!r}" for name, value in self.fields.items())]
        return f"{type(self).__name__}({', '.join(parts)})"


class RandomRotate(Augmentation):
    """Rotate a share `p` of the pictures by up to `deg` degrees either way.

    Args:
        deg: Largest angle.
        p: The share of pictures that are rotated.
        mode: What fills the corners: OpenCV's number or "reflect", "constant", "nearest", "wrap".
        tfm_y: `TfmType.NO`.
    """

    def __init__(self, deg: float, p: float = 0.75, mode: int | str = REFLECT, tfm_y: TfmType | None = None):
        check_target(tfm_y)
        if p == USUAL_SHARE:
            super().__init__(rotate=deg, padding=padding_name(mode))
        else:
            super().__init__(changes.Rotation(deg, p), padding=padding_name(mode))


class RandomLighting(Augmentation):
    """Change brightness by up to `b` of the full range and contrast by up to `c`."""

    def __init__(self, b: float, c: float, tfm_y: TfmType | None = None):
        check_target(tfm_y)
        super().__init__(brightness=b, contrast=c)


class RandomFlip(Augmentation):
    """Mirror a share `p` of the pictures left-right."""

    def __init__(self, tfm_y: TfmType | None = None, p: float = 0.5):
        check_target(tfm_y)
        if p == MIRRORED_SHARE:
            super().__init__(flip=True)
        else:
            super().__init__(changes.Mirror(p))


class RandomDihedral(Augmentation):
    """Apply one of the eight symmetries of the square."""

    def __init__(self, tfm_y: TfmType | None = None):
        check_target(tfm_y)
        super().__init__(dihedral=True)


class RandomScale(Augmentation):
    """Scale a share `p` of the pictures up to `max_zoom`, or between a pair of factors, before they are cropped."""

    def __init__(
        self,
        sz: int,
        max_zoom: float | Sequence[float],
        p: float = 0.75,
        tfm_y: TfmType | None = None,
        sz_y: int | None = None,
    ):
        check_target(tfm_y, sz_y)
        least, most = max_zoom if isinstance(max_zoom, Sequence) else (1.0, max_zoom)
        if p == USUAL_SHARE and least == 1:
            super().__init__(size=sz, max_zoom=most)
        else:
            super().__init__(changes.Scale(most, least, p), size=sz)


class Scale(Augmentation):
    """Scale the shorter side to `sz`, which happens without it too."""

    def __init__(self, sz: int, tfm_y: TfmType | None = None, sz_y: int | None = None):
        check_target(tfm_y, sz_y)
        super().__init__(size=sz)


class RandomZoom(Augmentation):
    """Enlarge the middle of every picture by 1 + `zoom_min` to 1 + `zoom_max`."""

    def __init__(self, zoom_max: float, zoom_min: float = 0, mode: int | str = REFLECT, tfm_y: TfmType | None = None):
        check_target(tfm_y)
        super().__init__(changes.Zoom(zoom_max, zoom_min))


class RandomStretch(Augmentation):
    """Stretch every picture from its middle, in width or in height, by up to 1 + `max_stretch`."""

    def __init__(self, max_stretch: float, tfm_y: TfmType | None = None):
        check_target(tfm_y)
        super().__init__(changes.Stretch(max_stretch))


class RandomRotateZoom(Augmentation):
    """Rotate, zoom or stretch a picture, or leave it.

    Args:
        deg: Largest angle.
        zoom: Largest zoom, see `RandomZoom`.
        stretch: Largest stretch, see `RandomStretch`.
        ps: Four chances: of rotation, zoom, stretch and nothing; a quarter each by default.
        mode: What fills the corners.
        tfm_y: `TfmType.NO`.
    """

    def __init__(
        self,
        deg: float,
        zoom: float,
        stretch: float,
        ps: Sequence[float] | None = None,
        mode: int | str = REFLECT,
        tfm_y: TfmType | None = None,
    ):
        check_target(tfm_y)
        ps = [0.25] * 4 if ps is None else list(ps)
        if len(ps) != 4 or not np.isclose(sum(ps), 1):
            raise ValueError(f"`ps` are 4 chances that make 1 together; received {ps!r}.")
        kinds = changes.Rotation(deg, 1.0), changes.Zoom(zoom), changes.Stretch(stretch)
        super().__init__(changes.OneOf(kinds, tuple(ps[:3])), padding=padding_name(mode))


class RandomBlur(Augmentation):
    """Blur a share of the pictures.

    Args:
        blur_strengths: One strength or several, of which one is drawn: kernels of 2 * strength - 1 pixels.
        probability: The share.
        tfm_y: `TfmType.NO`.
    """

    def __init__(self, blur_strengths: int | Sequence[int] = 5, probability: float = 0.5, tfm_y: TfmType | None = None):
        check_target(tfm_y)
        strengths = np.atleast_1d(blur_strengths).tolist()
        super().__init__(changes.Blur(tuple(2 * strength - 1 for strength in strengths), probability))


class Cutout(Augmentation):
    """Put `n_holes` black squares of `length` pixels on a share `p` of the pictures."""

    def __init__(self, n_holes: int, length: int, p: float = 0.5, tfm_y: TfmType | None = None):
        check_target(tfm_y)
        super().__init__(changes.Cutout(n_holes, length, p))


class AddPadding(Augmentation):
    """Shift by up to `pad` pixels each way, filled in from the border."""

    def __init__(self, pad: int, mode: int | str = REFLECT, tfm_y: TfmType | None = None):
        check_target(tfm_y)
        super().__init__(pad=pad, padding=padding_name(mode))


class RandomCrop(Augmentation):
    """Cut a random square; also `crop_type=CropType.RANDOM`."""

    def __init__(self, targ_sz: int, tfm_y: TfmType | None = None, sz_y: int | None = None):
        check_target(tfm_y, sz_y)
        super().__init__(size=targ_sz, crop="random")


class CenterCrop(Augmentation):
    """Cut the central square; also `crop_type=CropType.CENTER`."""

    def __init__(self, sz: int, tfm_y: TfmType | None = None, sz_y: int | None = None):
        check_target(tfm_y, sz_y)
        super().__init__(size=sz, crop="center")


class NoCrop(Augmentation):
    """Press the whole picture into the square; also `crop_type=CropType.NO`."""

    def __init__(self, sz: int, tfm_y: TfmType | None = None, sz_y: int | None = None):
        check_target(tfm_y, sz_y)
        super().__init__(size=sz, crop="squash")


class GoogleNetResize(Augmentation):
    """Cut a random window and press it into the square; also `crop_type=CropType.GOOGLENET`.

    Args:
        targ_sz: Side of the square.
        min_area_frac: The window's least share of the area.
        min_aspect_ratio, max_aspect_ratio: Between these is its width by its height.
        flip_hw_p: The share of windows whose height and width are exchanged.
        tfm_y, sz_y: `TfmType.NO`, None.
    """

    def __init__(
        self,
        targ_sz: int,
        min_area_frac: float = 0.08,
        min_aspect_ratio: float = 0.75,
        max_aspect_ratio: float = 1.333,
        flip_hw_p: float = 0.5,
        tfm_y: TfmType | None = None,
        sz_y: int | None = None,
    ):
        check_target(tfm_y, sz_y)
        window = changes.AreaWindow(min_area_frac, min_aspect_ratio, max_aspect_ratio, flip_hw_p)
        super().__init__(window, size=targ_sz, crop="area")


class PassThru(Augmentation):
    """Do nothing."""

    def __init__(self, tfm_y: TfmType | None = None):
        check_target(tfm_y)
        super().__init__()


class _Done(Augmentation):
    """A step of the course that is not one here; making one says why."""

    why = ""

    def __init__(self, *args, **kwargs):
        raise ValueError(f"{type(self).__name__} is no transform here: {self.why}.")


class ChannelOrder(_Done):
    """Channels first."""

    why = "pictures stay (height, width, channels), as TensorFlow takes them; leave it out"


class Normalize(_Done):
    """Mean and deviation."""

    why = "networks normalise pixels themselves; pass `stats` to `tfms_from_stats` for a model of your own"


class Denormalize(_Done):
    """Mean and deviation, back."""

    why = "pictures are pixels already; `ds.denorm(x)` gives them from 0 to 1"


class CropNoop(_Done):
    """Pictures of any size."""

    why = "the pictures of a batch have one size; use NoCrop, which presses them into a square"


transforms_basic = [RandomRotate(10), RandomLighting(0.05, 0.05)]
transforms_side_on = [*transforms_basic, RandomFlip()]
transforms_top_down = [*transforms_basic, RandomDihedral()]
