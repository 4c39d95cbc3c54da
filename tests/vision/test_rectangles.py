"""Networks that read rectangles: windows, augmentation, copies in memory, features, prediction and export."""

import dataclasses

import keras
import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

import kerasfast as kf
from kerasfast.vision.pipeline import warps
from kerasfast.vision.pipeline.augment import augment
from kerasfast.vision.pipeline.on_device import Mover, moves
from kerasfast.vision.pipeline.transforms import DRAWS, windows

SIZE = (12, 20)


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    folder = tmp_path_factory.mktemp("rectangles")
    random = np.random.default_rng(0)
    for part in ("train", "valid"):
        for index, (height, width) in enumerate([(40, 30), (30, 80), (36, 60), (90, 25)] * 4):
            pixels = random.integers(0, 120, (height, width, 3)).astype(np.uint8) + 120 * np.uint8(index % 2)
            path = folder / part / "ab"[index % 2] / f"{index}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(pixels).save(path)
    return folder


def data_of(root, **transforms) -> kf.ImageData:
    return kf.ImageData.from_folders(root, transforms=kf.Transforms(SIZE, **transforms), batch_size=8)


def test_windows_are_the_largest_of_the_shape_and_lie_inside():
    heights, widths = tf.constant([40, 30, 36, 90]), tf.constant([30, 80, 60, 25])
    draws = tf.random.stateless_uniform([4, DRAWS], [1, 2])
    found = windows(kf.Transforms(SIZE, crop="center"), heights, widths, draws).numpy()
    assert found[:, 2:].tolist() == [[18, 30], [30, 50], [36, 60], [15, 25]]
    assert found[2].tolist() == [0, 0, 36, 60] and found[0].tolist() == [11, 0, 18, 30]
    for transforms in (kf.Transforms(SIZE, max_zoom=1.5), kf.Transforms(SIZE, crop="area")):
        top, left, rows, columns = windows(transforms, heights, widths, draws).numpy().T
        assert np.all((top >= 0) & (left >= 0) & (top + rows <= heights) & (left + columns <= widths) & (rows > 0))


@pytest.mark.parametrize("library", ["pillow", "opencv", "device"])
@pytest.mark.parametrize("transforms", [kf.Transforms(SIZE, flip=True, pad=3), kf.Transforms(SIZE, rotate=90)])
def test_rectangles_are_moved_as_the_square_about_them_would_be(library, transforms, monkeypatch):
    if library == "opencv" and warps.opencv() is None:
        pytest.skip("OpenCV is not installed")
    if library == "pillow":
        monkeypatch.setattr(warps, "opencv", lambda: None)
    down, right = np.mgrid[0:20, 0:20]
    square = np.stack([6 * down + 6 * right, 10 * right, 10 * down], -1).astype(np.uint8)
    transforms = dataclasses.replace(transforms, padding="constant")
    draws = np.random.default_rng(3).random((8, DRAWS), np.float32)
    whole = augment(np.repeat(square[None], 8, axis=0), draws, dataclasses.replace(transforms, size=20))

    def moved(picture: np.ndarray) -> np.ndarray:
        images = np.repeat(picture[None, 4:16], 8, axis=0)
        if library == "device":
            inputs = {"pixels": tf.constant(images), "moves": tf.constant(moves(draws, transforms))}
            return Mover("constant")(inputs).numpy()
        return augment(images, draws, transforms).astype(float)

    inside = moved(np.full_like(square, 255)).min(axis=-1) > 250  # not blended with the black beyond the rectangle
    assert inside.mean() > 0.4
    assert np.abs(moved(square) - whole[:, 4:16])[inside].max() <= 12


@pytest.mark.slow
def test_a_network_trains_on_rectangles_and_predicts_them_from_files_alone(root, tmp_path):
    data = data_of(root, rotate=10, flip=True, max_zoom=1.2).in_memory()
    data = dataclasses.replace(data, path=tmp_path)
    assert data.size == SIZE and next(iter(data.train.dataset()))[0].shape == (8, 12, 20, 3)
    keras.utils.set_random_seed(0)
    inputs = keras.Input((None, None, 3))
    x = keras.layers.Rescaling(1 / 255)(inputs)
    for width in (4, 8):
        x = keras.layers.Conv2D(width, 3, strides=2, padding="same", activation="relu")(x)
    backbone = kf.Backbone.from_model(keras.Model(inputs, x), name="tiny")
    learn = kf.ImageLearner.pretrained(backbone, data)
    learn.fit_head()
    learn.fit(0.01, 1)
    predictions, targets = learn.predict_with_targs()
    assert np.mean(predictions.argmax(axis=1) == targets) > 0.9
    assert learn.tta(1)[0].shape == (2, 16, 2)
    assert kf.grad_cam(learn, root / "valid" / "a" / "0.png").shape == SIZE
    learn.export(tmp_path / "wide.kerasfast")
    predictor = kf.ImagePredictor.load(tmp_path / "wide.kerasfast")
    assert predictor.transforms.size == SIZE
    files = [root / name for name in data.valid.files]
    np.testing.assert_allclose(predictor.predict(files)[["a", "b"]].to_numpy(), predictions, atol=1e-5)
    served = tf.saved_model.load(predictor.export(tmp_path / "served", "savedmodel"))
    found = served.serve(tf.constant([file.read_bytes() for file in files]))["probabilities"]
    np.testing.assert_allclose(found, predictions, atol=0.02)


def test_what_makes_no_rectangle_is_refused_and_equal_sides_are_a_square():
    assert kf.Transforms((16, 16)) == kf.Transforms(16) and kf.Transforms([8, 16]).size == (8, 16)
    for size in ((16,), (16, 0), (8, 16, 3), "16", (8.0, 16)):
        with pytest.raises(ValueError, match="`size` must be"):
            kf.Transforms(size)
    with pytest.raises(ValueError, match="quarter"):
        kf.transforms_top_down(SIZE)
