import numpy as np
import pytest

import kerasfast as kf
from kerasfast.fastai import transforms
from kerasfast.fastai.internals import architectures
from kerasfast.fastai.internals.architectures import resnet34
from kerasfast.fastai.transforms import (
    CropType,
    RandomFlip,
    RandomLighting,
    RandomRotate,
    TfmType,
    tfms_from_model,
    transforms_basic,
    transforms_side_on,
    transforms_top_down,
)
from kerasfast.vision.pipeline import changes


@pytest.mark.parametrize(("course", "core"), [
    (transforms_basic, kf.transforms_basic), (transforms_side_on, kf.transforms_side_on),
    (transforms_top_down, kf.transforms_top_down),
])  # fmt: skip
def test_the_courses_lists_are_the_cores_transforms(course, core):
    train, valid = tfms_from_model(resnet34, 64, aug_tfms=course, max_zoom=1.05)
    assert train.core == core(64, max_zoom=1.05)
    assert valid.core == train.core.validation() and valid.sz == 64


@pytest.mark.parametrize(("crop", "name", "valid"), [
    (CropType.RANDOM, "random", "center"), (CropType.CENTER, "center", "center"), (CropType.NO, "squash", "squash"),
    (CropType.GOOGLENET, "area", "center"),
])  # fmt: skip
def test_crops(crop, name, valid):
    tfms = tfms_from_model(resnet34, 8, crop_type=crop)
    assert [tfm.core.crop for tfm in tfms] == [name, valid]


def test_own_lists_and_single_transforms():
    train, _ = tfms_from_model(resnet34, 8, aug_tfms=[RandomRotate(30, mode=0), RandomLighting(0.1, 0.2)], pad=2)
    assert train.core == kf.Transforms(8, rotate=30, brightness=0.1, contrast=0.2, pad=2, padding="constant")
    assert tfms_from_model(resnet34, 8, aug_tfms=RandomFlip())[0].core.flip


def test_a_picture_is_cut_scaled_and_stays_in_eight_bits():
    image = np.zeros((20, 40, 3), np.float32)
    image[:, 20:] = 1.0
    _, valid = tfms_from_model(resnet34, 10)
    result = valid(image)
    assert result.shape == (10, 10, 3) and result.dtype == np.uint8
    assert (result[:, :4] < 10).all() and (result[:, 6:] > 245).all()
    pair = valid((image * 255).astype("uint8"), 3)
    np.testing.assert_array_equal(pair[0], result)
    assert pair[1] == 3


def test_training_transforms_differ_from_look_to_look_and_follow_numpys_seed():
    image = np.random.default_rng(0).random((20, 30, 3), dtype=np.float32)
    looks = []
    for _ in range(2):
        np.random.seed(5)
        train, _ = tfms_from_model(resnet34, 10, aug_tfms=transforms_top_down)
        looks.append([train(image) for _ in range(3)])
    assert (looks[0][0] != looks[0][1]).any()
    np.testing.assert_array_equal(looks[0], looks[1])


def first_change(*tfms):
    """The first change that transforms are made of, and the core's transforms."""
    core = tfms_from_model(resnet34, 32, aug_tfms=list(tfms))[0].core
    return core.changes[0] if core.changes else None, core


def test_every_transform_of_the_course_is_a_change_of_the_core():
    assert first_change(transforms.RandomRotate(30, p=0.5))[0] == changes.Rotation(30, 0.5)
    assert first_change(transforms.RandomFlip(p=0.1))[0] == changes.Mirror(0.1)
    assert first_change(transforms.RandomZoom(0.5, zoom_min=0.1))[0] == changes.Zoom(0.5, 0.1)
    assert first_change(transforms.RandomStretch(0.3))[0] == changes.Stretch(0.3)
    assert first_change(transforms.RandomBlur([2, 3], 0.4))[0] == changes.Blur((3, 5), 0.4)
    assert first_change(transforms.Cutout(2, 9, 0.6))[0] == changes.Cutout(2, 9, 0.6)
    assert first_change(transforms.RandomScale(32, (1.1, 1.4), p=0.5))[0] == changes.Scale(1.4, 1.1, 0.5)
    assert first_change(transforms.RandomScale(32, 1.4))[1].max_zoom == 1.4
    one = changes.OneOf((changes.Rotation(9, 1.0), changes.Zoom(0.2), changes.Stretch(0.1)), (0.4, 0.3, 0.2))
    assert first_change(transforms.RandomRotateZoom(9, 0.2, 0.1, [0.4, 0.3, 0.2, 0.1]))[0] == one
    window, core = first_change(transforms.GoogleNetResize(32, 0.3))
    assert core.crop == "area" and window == changes.AreaWindow(0.3, 0.75, 1.333, 0.5)
    for tfm, crop in ((transforms.RandomCrop(32), "random"), (transforms.CenterCrop(32), "center"),
                      (transforms.NoCrop(32), "squash"), (transforms.PassThru(), "random")):  # fmt: skip
        assert first_change(tfm)[1] == kf.Transforms(32, crop=crop)
    twice = tfms_from_model(resnet34, 32, aug_tfms=[*transforms_basic, RandomRotate(30)])[0].core
    assert twice.rotate == 10 and twice.changes == (changes.Rotation(30),)
    scaled = tfms_from_model(resnet34, 32, max_zoom=3.0, scale=transforms.RandomScale(32, 1.2))[0].core
    assert scaled.max_zoom == 1.2


def test_pictures_are_changed_and_those_of_validation_are_not(rng):
    image = rng.integers(0, 256, (40, 48, 3), np.uint8)
    tfms = [transforms.RandomRotateZoom(20, 0.4, 0.3, [0.4, 0.3, 0.3, 0.0]), transforms.Cutout(1, 9, p=1.0)]
    train, valid = tfms_from_model(resnet34, 32, aug_tfms=tfms)
    assert (train(image) == 0).all(2).sum() >= 20 and not (valid(image) == 0).all(2).any()
    assert valid.core.changes == ()


@pytest.mark.parametrize("name", ["ChannelOrder", "Normalize", "Denormalize", "CropNoop"])
def test_steps_that_are_none_here_say_why(name):
    with pytest.raises(ValueError, match=f"{name} is no transform here: "):
        getattr(transforms, name)(1, 2)


@pytest.mark.parametrize("make", [
    lambda: RandomFlip(TfmType.COORD), lambda: tfms_from_model(resnet34, 8, tfm_y=TfmType.CLASS),
    lambda: transforms.RandomCrop(8, sz_y=4), lambda: tfms_from_model(resnet34, 8)[0](np.zeros((3, 8, 8))),
    lambda: transforms.RandomRotateZoom(1, 1, 1, [0.5, 0.5]),
    lambda: tfms_from_model(resnet34, 8)[0](np.full((8, 8, 3), 7.0)),
])  # fmt: skip
def test_what_cannot_be_drawn_is_refused(make):
    with pytest.raises(ValueError, match="received"):
        make()
    with pytest.raises(TypeError, match="are made of RandomRotate"):
        tfms_from_model(resnet34, 8, aug_tfms=[np.fliplr])
    with pytest.raises(ValueError, match="was made for 9 pixels and the transforms are for 8"):
        tfms_from_model(resnet34, 8, aug_tfms=[transforms.RandomCrop(9)])
    with pytest.raises(ValueError, match="set brightness, contrast twice"):
        tfms_from_model(resnet34, 8, aug_tfms=[RandomLighting(0.1, 0.1)] * 2)
    with pytest.raises(ValueError, match="CropNoop is no transform here"):
        tfms_from_model(resnet34, 8, crop_type=CropType.NOOP)


def test_every_architecture_of_the_course_stands_for_a_backbone():
    names = set(architectures.__all__) - {"Architecture", "as_backbone"}
    backbones = {name: getattr(architectures, name).backbone().name for name in names}
    assert backbones["resnext50"] == "resnext50_32x4d" and backbones["vgg16"] == "vgg16_bn"
    assert backbones["inception_4"] == "inception_v4"
    assert set(backbones.values()) <= set(kf.backbones.names())


@pytest.mark.slow
def test_architectures_stand_for_backbones():
    assert resnet34.backbone().name == "resnet34" and resnet34.__name__ == "resnet34"
    model = resnet34(False)
    assert model(np.zeros((1, 64, 64, 3), "float32")).shape == (1, 2, 2, 512)
