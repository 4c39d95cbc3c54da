"""Views from one decoding against the datasets of the views, picture by picture."""

import numpy as np
import pytest
from PIL import Image

from kerasfast.vision.data import ImageData
from kerasfast.vision.pipeline.transforms import transforms_side_on, transforms_top_down
from kerasfast.vision.prediction.tta import by_view, view_batches
from kerasfast.vision.sources.file_samples import FileSamples

SIDES = [(40, 30), (30, 44), (16, 16), (33, 32), (8, 6), (100, 17), (25, 25)]


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    folder, random = tmp_path_factory.mktemp("pictures"), np.random.default_rng(0)
    for split in ("train", "valid"):
        for index, sides in enumerate(SIDES):
            file = folder / split / "ab"[index % 2] / f"{index}.jpg"
            file.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(random.integers(0, 256, (*sides, 3), np.uint8)).save(file)
    return folder


@pytest.mark.slow
@pytest.mark.parametrize("transforms", [transforms_side_on(16, max_zoom=1.5), transforms_top_down(16, crop="squash")])
def test_the_views_are_those_of_the_datasets(root, transforms):
    data = ImageData.from_folders(root, transforms=transforms, batch_size=3)
    pixels = [batch.numpy() for batch in view_batches(data.valid, data.augmented, 2)]
    assert [len(batch) for batch in pixels] == [3, 3, 3, 3, 3, 3, 1, 1, 1]
    views = by_view(np.concatenate(pixels), 3, 3)
    datasets = [data.valid.dataset(), data.augmented.dataset(0), data.augmented.dataset(1)]
    for view, dataset in zip(views, datasets, strict=True):
        np.testing.assert_array_equal(view, np.concatenate([pixels for pixels, _ in dataset]))


@pytest.mark.slow
@pytest.mark.parametrize("size", [4, 6, 8])
def test_the_plain_view_of_pictures_decoded_at_a_fraction_is_the_one_that_is_predicted(root, size):
    data = ImageData.from_folders(root, transforms=transforms_side_on(size), batch_size=len(SIDES))
    (plain,) = view_batches(data.valid, data.augmented, 0)
    np.testing.assert_array_equal(plain, next(iter(data.valid.dataset()))[0])


@pytest.mark.slow
def test_data_in_memory_has_the_same_views(root):
    data = ImageData.from_folders(root, transforms=transforms_side_on(16, max_zoom=1.5), batch_size=3)
    held = data.in_memory()
    batches = zip(view_batches(data.valid, data.augmented, 1), view_batches(held.valid, held.augmented, 1), strict=True)
    for one, other in batches:
        np.testing.assert_array_equal(one, other)


@pytest.mark.slow
def test_every_picture_is_read_once(root, monkeypatch):
    data = ImageData.from_folders(root, transforms=transforms_side_on(16), batch_size=3)
    reads = []
    make = FileSamples.reader

    def counting(samples, size):
        read = make(samples, size)
        return lambda index, box: reads.append(box) or read(index, box)

    monkeypatch.setattr(FileSamples, "reader", counting)
    assert len(list(view_batches(data.valid, data.augmented, 4))) == 15
    assert len(reads) == 1  # in the one graph that runs once for a picture


def test_without_augmented_views_there_is_the_plain_one(root):
    data = ImageData.from_folders(root, transforms=transforms_side_on(16), batch_size=3)
    pixels = np.concatenate(list(view_batches(data.valid, data.augmented, 0)))
    assert by_view(pixels, 1, 3).shape == (1, len(SIDES), 16, 16, 3)
