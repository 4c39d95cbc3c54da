"""Pictures in memory against those read from files, and what they cost."""

import shutil

import numpy as np
import pytest
from PIL import Image

from kerasfast.vision.data import ImageData
from kerasfast.vision.pipeline.memory import MemorySamples, bytes_of, kept_sides
from kerasfast.vision.pipeline.transforms import Transforms, transforms_side_on

SIDES = [(40, 30), (30, 44), (16, 16), (33, 32), (8, 6), (90, 17), (25, 25), (64, 48)]


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pictures")
    for split in ("train", "valid"):
        for index, sides in enumerate(SIDES):
            file = folder / split / "ab"[index % 2] / f"{index}.jpg"
            file.parent.mkdir(parents=True, exist_ok=True)
            down, right = np.indices(sides) / np.array(sides).reshape(2, 1, 1)
            pixels = np.stack([200 * down, 200 * right, np.full(sides, 20 * index)], -1)
            Image.fromarray(pixels.astype(np.uint8)).save(file, quality=95, subsampling=0)
    return folder


def pixels_and_targets(dataset) -> tuple[np.ndarray, np.ndarray]:
    pixels, targets = zip(*dataset, strict=True)
    return np.concatenate(pixels), np.concatenate(targets)


@pytest.mark.slow
def test_validation_pictures_are_the_same_to_the_pixel(root):
    for transforms in (transforms_side_on(12, max_zoom=1.2), Transforms(12, "squash")):
        data = ImageData.from_folders(root, transforms=transforms, batch_size=3)
        kept = data.in_memory()
        assert isinstance(kept.valid.samples, MemorySamples)
        for received, expected in zip(*(pixels_and_targets(one.valid.dataset()) for one in (kept, data)), strict=True):
            np.testing.assert_array_equal(received, expected)
        np.testing.assert_array_equal(kept.valid.files, data.valid.files)
        np.testing.assert_array_equal(kept.valid[3][0], data.valid[3][0])


@pytest.mark.slow
@pytest.mark.parametrize("crop", ["random", "squash", "area"])
def test_training_pictures_are_nearly_the_same_every_epoch(root, crop):
    transforms = transforms_side_on(12, max_zoom=1.2, crop=crop, brightness=0.0, contrast=0.0)
    data = ImageData.from_folders(root, transforms=transforms, batch_size=4, seed=3)
    kept = data.in_memory()
    for epoch in (0, 1):
        (near, targets), (far, same) = (pixels_and_targets(one.train.dataset(epoch)) for one in (kept, data))
        np.testing.assert_array_equal(targets, same)
        assert near.dtype == np.uint8 and near.shape == far.shape
        assert np.abs(near.astype(int) - far).mean() < 4


@pytest.mark.slow
def test_training_from_memory_reads_no_file_again(root, tmp_path):
    copy = tmp_path / "copy"
    shutil.copytree(root, copy)
    data = ImageData.from_folders(copy, transforms=transforms_side_on(12), batch_size=4).in_memory()
    dataset = data.train.dataset()
    first = pixels_and_targets(dataset)[0]
    shutil.rmtree(copy)
    assert pixels_and_targets(dataset)[0].shape == first.shape
    np.testing.assert_array_equal(pixels_and_targets(data.train.dataset())[0], first)


def test_sides_are_as_small_as_the_transforms_allow(root):
    samples = ImageData.from_folders(root).source.train
    sides = dict(zip(samples.files, kept_sides(samples, Transforms(20, max_zoom=1.2)).tolist(), strict=True))
    assert sides["train/a/0.jpg"] == [32, 24]  # of 40 x 30: 24 are 20 with the largest zoom
    assert sides["train/a/4.jpg"] == [8, 6]  # never enlarged
    assert kept_sides(samples, Transforms(20).validation()).tolist() == [[20, 20]] * len(SIDES)
    assert bytes_of(np.array([[2, 3], [50000, 50000]])) == 18 + 7_500_000_000


def test_more_than_the_limit_is_refused_with_the_need(root):
    data = ImageData.from_folders(root, transforms=Transforms(224))
    with pytest.raises(ValueError, match=r"The pictures need 0.0011 GiB in memory, more than the 1e-05 allowed"):
        data.in_memory(1e-5)


def test_another_size_is_loaded_anew(root):
    data = ImageData.from_folders(root, transforms=Transforms(12), batch_size=4).in_memory().at_size(16)
    assert data.memory and data.train.dataset().element_spec[0].shape == (4, 16, 16, 3)
    assert np.median(np.minimum(*data.train.samples.sides)) == 16


def test_arrays_are_in_memory_already():
    images = np.zeros((4, 8, 8, 3), np.uint8)
    data = ImageData.from_arrays((images, np.arange(4)), (images, np.arange(4)), transforms=Transforms(8))
    assert data.in_memory() is data
