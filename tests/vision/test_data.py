"""The pipeline against a slow loop, and the promises about order, chance and repetition."""

import re

import numpy as np
import pandas as pd
import pytest
import tensorflow as tf
from PIL import Image

from kerasfast.vision.data import ImageData, View
from kerasfast.vision.pipeline.transforms import Transforms, transforms_side_on, transforms_top_down
from kerasfast.vision.sources.arrays import ArraySamples
from kerasfast.vision.sources.decoding.decode import open_image

SIZE = 16
SIDES = [(40, 30), (30, 40), (16, 16), (33, 32), (8, 6), (100, 17), (1, 9), (25, 25)]
COUNT = len(SIDES)


def picture(index: int, height: int, width: int) -> Image.Image:
    """Smooth, other for each index."""
    down, right = np.mgrid[0:height, 0:width] / np.array([height, width]).reshape(2, 1, 1)
    channels = [200 * right + 4 * index, 200 * down + 30, np.full_like(down, 25 * index + 20)]
    return Image.fromarray(np.stack(channels, -1).astype(np.uint8))


def save(path, image: Image.Image, kind: str = "JPEG", **options) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    image.save(path, kind, **({"quality": 95, "subsampling": 0} | options if kind == "JPEG" else options))


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pictures")
    for split in ("train", "valid"):
        for index, sides in enumerate(SIDES):
            save(folder / split / "ab"[index % 2] / f"{index}.jpg", picture(index, *sides))
    for index in range(3):
        save(folder / "test" / f"{index}.jpg", picture(index, 20, 20))
    return folder


@pytest.fixture(scope="module")
def data(root) -> ImageData:
    return ImageData.from_folders(
        root, test="test", transforms=transforms_side_on(SIZE, max_zoom=1.5), batch_size=3, seed=7
    )


def collected(dataset) -> tuple[np.ndarray, np.ndarray]:
    pixels, targets = zip(*[(pixels.numpy(), targets.numpy()) for pixels, targets in dataset], strict=True)
    return np.concatenate(pixels), np.concatenate(targets)


def pixels_of(view: View) -> np.ndarray:
    return np.concatenate([batch[0] if isinstance(batch, tuple) else batch for batch in view.dataset()])


def order_of(data: ImageData, *epochs: int) -> list[list[int]]:
    """The order of the training pictures, whose targets are their numbers."""
    dataset = data.train.dataset(epochs[0])
    return [[int(number) for _, targets in dataset for number in targets] for _ in epochs]


def numbered(count: int = 10, **options) -> ImageData:
    """Grey pictures that are their own class."""
    images = np.arange(count, dtype=np.uint8)[:, None, None, None] * np.ones((1, 8, 8, 3), np.uint8) * 20
    options = {"transforms": Transforms(8), "batch_size": 4} | options
    return ImageData.from_arrays((images, np.arange(count)), (images, np.arange(count)), test=images[:3], **options)


def centre_resized(pixels: np.ndarray, size: int = SIZE) -> np.ndarray:
    side = min(pixels.shape[:2])
    top, left = (int(np.ceil((extent - side) / 2)) for extent in pixels.shape[:2])
    cropped = Image.fromarray(pixels[top : top + side, left : left + side])
    return np.asarray(cropped.resize((size, size), Image.Resampling.BILINEAR))


# ---------------------------------------------------------------- pixels


def test_plain_jpegs_come_out_as_from_a_slow_loop(data, root):
    view = data.valid
    assert view.samples.scan.plain_jpeg.all()
    pixels, targets = collected(view.dataset())
    assert pixels.dtype == np.uint8 and pixels.shape == (COUNT, SIZE, SIZE, 3)
    for file, received, target in zip(view.files, pixels, targets, strict=True):
        expected = centre_resized(open_image(root / file))
        assert np.abs(received.astype(int) - expected).max() <= 2, file
        assert "ab"[target] == file.split("/")[1]


def test_squashed_pictures_are_the_whole_picture(root):
    view = ImageData.from_folders(root, transforms=Transforms(SIZE, "squash")).valid
    for received, file in zip(pixels_of(view), view.files, strict=True):
        expected = Image.fromarray(open_image(root / file)).resize((SIZE, SIZE), Image.Resampling.BILINEAR)
        assert np.abs(received.astype(int) - np.asarray(expected)).max() <= 2, file


def turned(orientation: int) -> dict:
    exif = Image.Exif()
    exif[0x0112] = orientation
    return {"exif": exif}


def without_adobe_marker(path) -> None:
    """As all Planet pictures: TensorFlow would decode it to black."""
    content = path.read_bytes()
    start = content.index(b"\xff\xee")
    path.write_bytes(content[:start] + content[start + 2 + int.from_bytes(content[start + 2 : start + 4], "big") :])


ODD = {
    "cmyk.jpg": (lambda image: image.convert("CMYK"), "JPEG", {}),
    "planet.jpg": (lambda image: image.convert("CMYK"), "JPEG", {}),
    "turned.jpg": (lambda image: image, "JPEG", turned(6)),
    "grey.jpg": (lambda image: image.convert("L"), "JPEG", {"subsampling": -1}),
    "alpha.png": (lambda image: image.convert("RGBA"), "PNG", {}),
    "palette.png": (lambda image: image.quantize(), "PNG", {}),
    "grey.png": (lambda image: image.convert("L"), "PNG", {}),
    "still.gif": (lambda image: image, "GIF", {}),
    "plain.bmp": (lambda image: image, "BMP", {}),
    "plain.webp": (lambda image: image, "WEBP", {}),
    "fälschlich ü.jpg": (lambda image: image, "PNG", {}),
}


def test_every_kind_of_file_comes_out_as_pillow_shows_it(tmp_path, area_scaled):
    for index, (name, (convert, kind, options)) in enumerate(ODD.items()):
        for split in ("train", "valid"):
            save(tmp_path / split / "ab"[index % 2] / name, convert(picture(index, 40, 30)), kind, **options)
            if name == "planet.jpg":
                without_adobe_marker(tmp_path / split / "ab"[index % 2] / name)
    view = ImageData.from_folders(tmp_path, transforms=Transforms(SIZE)).valid
    plain = {file.split("/")[-1] for file in view.files[view.samples.scan.plain_jpeg]}
    assert plain == {"grey.jpg"}
    pixels, _ = collected(view.dataset())
    for file, received in zip(view.files, pixels, strict=True):
        whole = open_image(tmp_path / file)
        top, left = [(extent - 30 + 1) // 2 for extent in whole.shape[:2]]
        expected = np.round(area_scaled(whole[top : top + 30, left : left + 30], SIZE))
        tolerance = 1 if file.endswith("grey.jpg") else 0
        assert np.abs(received - expected).max() <= tolerance, file
        assert np.ptp(received) > 50, file


def test_transparency_is_laid_over_white(tmp_path):
    clear = Image.new("RGBA", (20, 20), (255, 0, 0, 0))
    for split in ("train", "valid"):
        save(tmp_path / split / "a" / "clear.png", clear, "PNG")
        save(tmp_path / split / "b" / "b.png", picture(0, 20, 20), "PNG")
    assert (ImageData.from_folders(tmp_path, transforms=Transforms(8)).valid[0][0] == 255).all()


@pytest.mark.slow
def test_training_windows_lie_in_the_picture_and_vary(root):
    data = ImageData.from_folders(root, transforms=Transforms(SIZE, max_zoom=2.0), batch_size=COUNT)
    index = data.train.files.tolist().index("train/b/5.jpg")  # 100 x 17: its rows differ
    lightest = []
    for epoch in range(6):
        view = data.augmented.dataset(epoch)
        pixels, _ = collected(view)
        lightest.append(int(pixels[index][..., 1].max()))
    assert len(set(lightest)) > 3
    assert max(lightest) <= 231


def test_planets_pictures_are_not_black(data_dir, area_scaled):
    names = pd.read_csv(data_dir / "planet" / "train_v2.csv").sort_values("image_name")[:40]
    data = ImageData.from_dataframe(
        data_dir / "planet", names, folder="train-jpg", suffix=".jpg", transforms=transforms_top_down(32)
    )
    assert data.target_kind == "multi"
    pixels, targets = collected(data.fixed.dataset())
    assert targets.shape == (32, len(data.classes))
    for file, received in zip(data.fixed.files, pixels, strict=True):
        expected = area_scaled(open_image(data_dir / "planet" / file), 32)
        assert np.abs(received - expected).max() <= 0.51
        assert received.mean() > 10


# ---------------------------------------------------------------- views and order


@pytest.mark.slow
def test_every_view_keeps_files_targets_and_pixels_together(data, root):
    views = {"train": data.fixed, "valid": data.valid}
    for split, view in views.items():
        pixels, targets = collected(view.dataset())
        np.testing.assert_array_equal(targets, view.targets)
        assert all(file.startswith(split) for file in view.files)
        for index, file in enumerate(view.files):
            number = int(file.split("/")[-1][0])
            assert abs(int(pixels[index, 8, 8, 2]) - (25 * number + 20)) <= 4
    assert data.augmented.files.tolist() == data.valid.files.tolist()
    assert data.test.files.tolist() == data.test_augmented.files.tolist() == [f"test/{index}.jpg" for index in range(3)]


@pytest.mark.slow
def test_unlabelled_pictures_come_alone(data):
    assert data.test.targets is None
    for view in (data.test, data.test_augmented):
        (batch,) = list(view.dataset())
        assert batch.shape == (3, SIZE, SIZE, 3) and batch.dtype == tf.uint8
    assert data.test[1][1] is None


def test_there_is_no_test_view_without_test_pictures(root):
    data = ImageData.from_folders(root)
    assert data.test is None and data.test_augmented is None


def test_training_passes_hold_every_picture_but_those_of_an_incomplete_batch():
    data = numbered(10, batch_size=4)
    assert data.train.dataset().cardinality() == 2
    for order in order_of(data, 0, 1):
        assert len(order) == len(set(order)) == 8
    assert sorted(order_of(numbered(10, batch_size=5), 0)[0]) == list(range(10))


def test_training_batches_have_a_fixed_shape_and_others_hold_the_rest():
    data = numbered(10, batch_size=4)
    assert data.train.dataset().element_spec[0].shape == (4, 8, 8, 3)
    assert [len(targets) for _, targets in data.valid.dataset()] == [4, 4, 2]
    assert data.valid.dataset().cardinality() == 3


def test_a_batch_larger_than_the_set_is_the_set():
    data = numbered(10, batch_size=64)
    assert sorted(order_of(data, 0)[0]) == list(range(10))
    assert len(list(data.valid.dataset())) == 1


def test_every_pass_is_another_epoch_that_its_number_repeats():
    data = numbered(30, batch_size=30)
    first, second, third = order_of(data, 0, 1, 2)
    assert len({tuple(first), tuple(second), tuple(third)}) == 3
    assert order_of(numbered(30, batch_size=30), 1, 2) == [second, third]
    assert order_of(numbered(30, batch_size=30, seed=1), 0) != [first]


@pytest.mark.slow
def test_the_order_does_not_depend_on_global_seeds():
    first = order_of(numbered(30, batch_size=30), 0)
    tf.random.set_seed(123)
    np.random.seed(5)
    try:
        assert order_of(numbered(30, batch_size=30), 0) == first
    finally:
        tf.random.set_seed(0)


@pytest.mark.slow
def test_training_repeats_to_the_pixel_and_varies_between_epochs(data, root):
    again = ImageData.from_folders(
        root, test="test", transforms=transforms_side_on(SIZE, max_zoom=1.5), batch_size=3, seed=7
    )
    dataset = data.train.dataset()
    passes = [collected(dataset) for _ in range(2)]
    repeated = [collected(again.train.dataset(epoch)) for epoch in range(2)]
    for (pixels, targets), (same_pixels, same_targets) in zip(passes, repeated, strict=True):
        np.testing.assert_array_equal(pixels, same_pixels)
        np.testing.assert_array_equal(targets, same_targets)


@pytest.mark.slow
def test_validation_never_changes(data):
    dataset = data.valid.dataset()
    first, targets = collected(dataset)
    for other in (dataset, data.valid.dataset(5), data.at_size(32).at_size(SIZE).valid.dataset()):
        pixels, other_targets = collected(other)
        np.testing.assert_array_equal(pixels, first)
        np.testing.assert_array_equal(other_targets, targets)


@pytest.mark.slow
def test_augmented_views_differ_between_epochs_only(data):
    first, targets = collected(data.augmented.dataset(0))
    np.testing.assert_array_equal(collected(data.augmented.dataset(0))[0], first)
    np.testing.assert_array_equal(targets, data.valid.targets)
    second = collected(data.augmented.dataset(1))[0]
    assert (first != second).any((1, 2, 3)).mean() > 0.8
    assert (first != collected(data.valid.dataset())[0]).any((1, 2, 3)).mean() > 0.5


def test_pictures_of_a_batch_get_different_draws(rng):
    images = np.stack([rng.integers(0, 256, (9, 9, 3), np.uint8)] * 64)
    data = ImageData.from_arrays(
        (images, np.arange(64) % 2), (images, np.arange(64) % 2), transforms=Transforms(9, dihedral=True)
    )
    pixels, _ = collected(data.augmented.dataset())
    assert len(np.unique(pixels.reshape(64, -1), axis=0)) == 8


@pytest.mark.slow
def test_single_pictures_are_counted_from_either_end(data):
    pixels, targets = collected(data.valid.dataset())
    for index in (0, 1, np.int64(COUNT - 1), -1):
        received, target = data.valid[index]
        np.testing.assert_array_equal(received, pixels[index])
        assert target == targets[index]
    assert len(data.valid) == COUNT
    with pytest.raises(IndexError, match=f"This view has {COUNT} pictures; received index {COUNT}"):
        data.valid[COUNT]
    with pytest.raises(TypeError, match="slice"):
        data.valid[:2]


# ---------------------------------------------------------------- size, resized copies


def test_another_size_keeps_everything_else(data):
    larger = data.at_size(24)
    assert larger.size == 24 and data.size == SIZE
    assert larger.transforms == transforms_side_on(24, max_zoom=1.5)
    assert (larger.batch_size, larger.seed, larger.path, larger.source) == (3, 7, data.path, data.source)
    assert larger.valid[0][0].shape == (24, 24, 3)


@pytest.mark.slow
def test_resized_copies_are_made_once_and_give_nearly_the_same_pictures(root, tmp_path, monkeypatch):
    data = ImageData.from_folders(root, test="test", transforms=Transforms(8), batch_size=3)
    smaller = data.resize(12, tmp_path / "copies", progress=False)
    assert smaller.path == data.path and (smaller.batch_size, smaller.transforms) == (3, Transforms(8))
    assert smaller.source.root == tmp_path / "copies" / "12"
    for name in ("fixed", "valid", "test"):
        before, after = getattr(data, name), getattr(smaller, name)
        assert after.files.tolist() == before.files.tolist()
        np.testing.assert_array_equal(after.targets, before.targets)
        assert max(np.minimum(after.samples.scan.height, after.samples.scan.width)) == 12
        for small, large in zip(pixels_of(after), pixels_of(before), strict=True):
            assert np.abs(small.astype(int) - large).mean() < 4
    with pytest.raises(ValueError, match="Copies of 12 pixels are too small for pictures of size 13"):
        smaller.at_size(13)
    times = {file: file.stat().st_mtime_ns for file in smaller.source.root.rglob("*.jpg")}
    assert len(times) == 2 * COUNT + 3
    data.resize(12, tmp_path / "copies", progress=False)
    assert {file: file.stat().st_mtime_ns for file in smaller.source.root.rglob("*.jpg")} == times


def test_resized_copies_of_a_relative_root_lie_in_its_tmp(root, tmp_path, monkeypatch):
    for split in ("train", "valid"):
        for label in "ab":
            save(tmp_path / "pets" / split / label / "1.jpg", picture(1, 20, 30))
    monkeypatch.chdir(tmp_path)
    smaller = ImageData.from_folders("pets", transforms=Transforms(8)).resize(12, progress=False)
    assert str(smaller.path) == "pets"
    assert (tmp_path / "pets" / "tmp" / "12" / "train" / "a" / "1.jpg").is_file()
    assert not (tmp_path / "pets" / "pets").exists()
    assert smaller.valid[0][0].shape == (8, 8, 3)


def test_arrays_cannot_be_resized_on_disk():
    with pytest.raises(ValueError, match="arrays, not files; resize the arrays"):
        numbered().resize(4)


# ---------------------------------------------------------------- sources


@pytest.fixture
def frame() -> pd.DataFrame:
    return pd.DataFrame({"name": [f"{index}" for index in range(6)], "tags": ["x", "y x", "z", "x", "y", "z x"]})


@pytest.fixture
def flat(tmp_path):
    for index in range(6):
        save(tmp_path / "pictures" / f"{index}.jpg", picture(index, 20, 20))
    return tmp_path


@pytest.mark.slow
def test_tags_become_multi_hot_targets(flat, frame):
    options = {"folder": "pictures", "suffix": ".jpg", "valid_indices": [1, 5], "transforms": Transforms(8)}
    frame.to_csv(flat / "tags.csv", index=False)
    for data in (
        ImageData.from_dataframe(flat, frame, **options),
        ImageData.from_csv(flat, "tags.csv", **options),
    ):
        assert (data.target_kind, data.classes) == ("multi", ("x", "y", "z"))
        _, targets = collected(data.valid.dataset())
        assert targets.dtype == np.float32
        np.testing.assert_array_equal(targets, [[1, 1, 0], [1, 0, 1]])


def test_numbers_become_regression_targets(flat, frame):
    frame["across"], frame["down"] = np.arange(6) / 2, -np.arange(6.0)
    data = ImageData.from_dataframe(
        flat, frame, folder="pictures", suffix=".jpg", valid_indices=[1, 5], target_kind="regression",
        label_columns=["across", "down"], transforms=Transforms(8),
    )  # fmt: skip
    assert (data.target_kind, data.classes) == ("regression", ("across", "down"))
    np.testing.assert_array_equal(collected(data.valid.dataset())[1], [[0.5, -1], [2.5, -5]])


def test_arrays_of_any_size_pass_the_same_pipeline(rng, area_scaled):
    images = rng.integers(0, 256, (5, 20, 31, 3), np.uint8)
    data = ImageData.from_arrays(
        (images, np.arange(5)), (images[:2], np.arange(2)), path="here", transforms=Transforms(SIZE)
    )
    assert isinstance(data.train.samples, ArraySamples) and str(data.path) == "here"
    for received, image in zip(collected(data.valid.dataset())[0], images[:2], strict=True):
        assert np.abs(received - area_scaled(image[:, 6:26], SIZE)).max() <= 0.51


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"batch_size": 0}, "`batch_size` must be a whole number, 1 or more; received 0"),
        ({"batch_size": 2.0}, "`batch_size` must be a whole number"),
        ({"batch_size": True}, "`batch_size` must be a whole number"),
        ({"seed": -1}, "`seed` must be a whole number, from 0 to 4294967295; received -1"),
        ({"seed": None}, "`seed` must be a whole number"),
        ({"transforms": 224}, re.escape("must be `Transforms`, such as `transforms_side_on(224)`; received 224")),
    ],
)
def test_wrong_arguments_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        numbered(**options)


@pytest.mark.parametrize("epoch", [-1, 1.5, None])
def test_wrong_epochs_are_refused(epoch):
    with pytest.raises(ValueError, match="`epoch` must be a whole number, 0 or more"):
        numbered().train.dataset(epoch)


def test_views_are_made_once_and_compare_by_identity(data):
    assert isinstance(data.train, View)
    assert data.train is data.train and data.train != data.fixed
    assert len({data.train, data.valid, numbered().train}) == 3
