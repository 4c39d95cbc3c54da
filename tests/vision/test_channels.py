"""Pictures of more than three channels, from arrays and files through networks and training to prediction."""

import sys

import keras
import numpy as np
import pytest
from PIL import Image

import kerasfast as kf
from kerasfast.vision.pipeline.augment import augment
from kerasfast.vision.pipeline.transforms import DRAWS


def arrays(count: int = 32, channels: int = 5) -> tuple[np.ndarray, np.ndarray]:
    """Noise, of which the last channel alone says the class."""
    random = np.random.default_rng(0)
    targets = np.arange(count) % 2
    images = random.integers(0, 255, (count, 20, 20, channels))
    images[..., -1] = 40 + 150 * targets[:, None, None]
    return images.astype(np.uint8), targets


def backbone(preprocess: str = "torch") -> kf.Backbone:
    keras.utils.set_random_seed(0)
    inputs = keras.Input((None, None, 3))
    x = inputs
    for width in (6, 8):
        x = keras.layers.Conv2D(width, 3, strides=2, padding="same", activation="relu", kernel_initializer="he_normal")(
            x
        )
    return kf.Backbone.from_model(keras.Model(inputs, x), size=16, name="tiny", preprocess=preprocess)


def data_of(path, channels: int = 5, **transforms) -> kf.ImageData:
    parts = arrays(channels=channels), arrays(channels=channels)
    return kf.ImageData.from_arrays(*parts, path=path, batch_size=8, transforms=kf.Transforms(16, **transforms))


@pytest.mark.slow
def test_five_channels_are_trained_on_predicted_saved_and_loaded(tmp_path):
    data = data_of(tmp_path, rotate=10, flip=True, brightness=0.1)
    assert data.channels == 5
    learn = kf.ImageLearner.pretrained(backbone(), data, optimizer=keras.optimizers.Adam)
    kernel = next(layer for layer in learn.model.layers if isinstance(layer, keras.layers.Conv2D)).kernel
    assert kernel.shape == (3, 3, 5, 6) and not np.any(kernel[:, :, 3:]) and np.any(kernel[:, :, :3])
    learn.fit_head()
    learn.unfreeze()
    learn.fit(0.01, 4)
    predictions, targets = learn.predict_with_targs()
    assert np.mean(predictions.argmax(axis=1) == targets) > 0.9 and np.any(kernel[:, :, 4])
    assert learn.tta(1)[0].shape == (2, 32, 2)
    images = arrays()[0]
    np.testing.assert_allclose(learn.predict_image(images[0]), predictions[0], atol=1e-5)
    learn.export(tmp_path / "five.kerasfast")
    predictor = kf.ImagePredictor.load(tmp_path / "five.kerasfast")
    np.testing.assert_allclose(predictor.predict(images)[["0", "1"]].to_numpy(), predictions, atol=1e-5)
    Image.fromarray(images[0, ..., :3]).save(tmp_path / "three.png")
    for given in (tmp_path / "three.png", (tmp_path / "three.png").read_bytes()):
        with pytest.raises(kf.ImageError, match="has 3 channels of uint8; 5 of uint8 were asked for"):
            predictor.predict(given)
    with pytest.raises(ValueError, match="expected uint8"):
        predictor.predict(images[..., :3])
    with pytest.raises(ValueError, match="three channels"):
        predictor.export(tmp_path / "served", "savedmodel")


@pytest.fixture
def folder(tmp_path):
    """Class folders of pictures with transparency."""
    images, targets = arrays(8, 4)
    for part in ("train", "valid"):
        for number, (image, target) in enumerate(zip(images, targets, strict=True)):
            path = tmp_path / "pictures" / part / "ab"[target] / f"{number}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(image).save(path)
    return tmp_path / "pictures"


@pytest.mark.slow
def test_all_channels_of_files_are_read_where_they_are_asked_for(folder):
    make = lambda **options: kf.ImageData.from_folders(
        folder, transforms=kf.Transforms(20, crop="squash"), batch_size=8, **options
    )
    data, images = make(channels=4), arrays(8, 4)[0]
    assert data.channels == 4 and "8 train, 8 valid of 4 channels" in repr(data) and make().channels == 3
    for view in (data.valid, data.fold(0, 2).valid, data.in_memory().valid):
        numbers = [int(file.split("/")[-1][0]) for file in view.files]
        np.testing.assert_array_equal(next(iter(view.dataset()))[0], images[numbers])
    assert next(iter(make(channels=4).in_memory().train.dataset()))[0].shape == (8, 20, 20, 4)
    learn = kf.ImageLearner.pretrained(backbone(), data, path=folder.parent)
    found, predictor = learn.predict(), learn.predictor()
    np.testing.assert_allclose(predictor.predict(folder / "valid")[["a", "b"]].to_numpy(), found, atol=1e-5)
    with pytest.raises(ValueError, match="Copies have three channels, these pictures 4"):
        data.resize(20)
    Image.fromarray(images[0, ..., :3]).save(folder / "train" / "a" / "0.png")
    with pytest.raises(kf.ImageError, match="has 3 channels of uint8; 4 of uint8 were asked for"):
        make(channels=4)
    assert len(make(channels=4, on_error="skip").train) == 7
    for channels in (2, 17, "4"):
        with pytest.raises(ValueError, match="`channels` must be"):
            make(channels=channels)


def test_the_bands_of_a_tiff_are_channels(tmp_path, monkeypatch):
    tifffile = pytest.importorskip("tifffile")
    images, file = arrays(1, 5)[0][0], tmp_path / "bands.tif"
    deep = images.astype(np.uint16) * 256 + 99
    for pixels, options in (
        (images, {"photometric": "minisblack", "planarconfig": "contig"}),
        (deep, {"photometric": "minisblack", "planarconfig": "contig"}),
        (np.moveaxis(deep, -1, 0), {"photometric": "minisblack", "planarconfig": "separate"}),
        (np.moveaxis(images, -1, 0), {"photometric": "minisblack"}),  # a page for each band
    ):
        tifffile.imwrite(file, pixels, **options)
        np.testing.assert_array_equal(kf.open_image(file, channels=5), images)
    tifffile.imwrite(file, images.astype(np.float32), photometric="minisblack", planarconfig="contig")
    with pytest.raises(kf.ImageError, match="has pixels of float32; write uint8 or uint16"):
        kf.open_image(file, channels=5)
    monkeypatch.setitem(sys.modules, "tifffile", None)
    with pytest.raises(ImportError, match=r"kerasfast\[tiff\]"):
        kf.open_image(file, channels=5)


@pytest.mark.parametrize("preprocess", ["torch", "tf", "caffe", "none"])
def test_a_widened_network_begins_by_seeing_what_the_narrow_one_sees(preprocess):
    narrow, wide = (backbone(preprocess).create(channels=channels) for channels in (3, 4))
    images = arrays(4, 4)[0].astype(np.float32)
    np.testing.assert_allclose(
        wide.predict(images, verbose=0), narrow.predict(images[..., :3], verbose=0), rtol=1e-4, atol=1e-4
    )


@pytest.mark.slow
@pytest.mark.parametrize("name", ["efficientnet_lite0", "mobilenet_v2", "efficientnet_b0", "resnet50"])
def test_pretrained_families_can_be_widened(name):
    made = kf.backbones.get(name)
    wide = made.create(weights=None, channels=4)
    assert wide.input_shape[-1] == 4 and wide.output_shape[-1] > 300


@pytest.mark.parametrize("channels", [4, 6])
def test_each_channel_is_augmented_as_three_would_be(channels, monkeypatch):
    if channels > 4:  # which Pillow does
        monkeypatch.setattr("kerasfast.vision.pipeline.warps.opencv", lambda: None)
    images = np.random.default_rng(0).integers(0, 255, (6, 16, 16, channels)).astype(np.uint8)
    draws = np.random.default_rng(1).random((6, DRAWS), np.float32)
    transforms = kf.Transforms(16, rotate=20, dihedral=True, pad=2)
    found = augment(images, draws, transforms)
    np.testing.assert_array_equal(found[..., :3], augment(images[..., :3].copy(), draws, transforms))
    last = augment(np.repeat(images[..., -1:], 3, -1), draws, transforms)[..., 0]
    np.testing.assert_array_equal(found[..., -1], last)


def test_channels_must_agree_and_come_last(tmp_path):
    with pytest.raises(ValueError, match="same channels; received {'train': 5, 'valid': 3}"):
        kf.ImageData.from_arrays(arrays(), arrays(channels=3), path=tmp_path)
    with pytest.raises(ValueError, match="1 to 16"):
        kf.ImageData.from_arrays(arrays(channels=20), path=tmp_path)


def test_their_first_three_channels_are_drawn(tmp_path):
    images, _ = arrays(4)
    shown = kf.plot_images(images).get_images()
    assert all(np.asarray(one.get_array()).shape[-1] in (3, 4) for one in shown)
