"""The one switch for a GPU: augmentation on the device, half precision and XLA. All but speed is tested without one."""

import dataclasses
import warnings

import keras
import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

import kerasfast as kf
from kerasfast.optimizing.control import control_of
from kerasfast.vision.pipeline.augment import augment
from kerasfast.vision.pipeline.on_device import Mover, moves
from kerasfast.vision.pipeline.transforms import DRAWS, Transforms, transforms_side_on, transforms_top_down

SIZE = 24


def pictures(count: int, size: int = SIZE) -> np.ndarray:
    """Smooth random pictures, in which half a pixel more or less matters little."""
    coarse = np.random.default_rng(0).integers(0, 256, (count, 6, 6, 3), np.uint8)
    return np.stack([np.asarray(Image.fromarray(picture).resize((size, size), Image.BICUBIC)) for picture in coarse])


def moved(pixels: np.ndarray, draws: np.ndarray, transforms: Transforms, jit_compile: bool = False) -> np.ndarray:
    mover = tf.function(Mover(transforms.padding), jit_compile=jit_compile)
    return mover({"pixels": tf.constant(pixels), "moves": tf.constant(moves(draws, transforms))}).numpy()


TRANSFORMS = {
    "side on": transforms_side_on(SIZE),
    "top down": transforms_top_down(SIZE),
    "dihedral and light": Transforms(SIZE, dihedral=True, brightness=0.1, contrast=0.3),
    "half turns": Transforms(SIZE, rotate=170.0),
    **{padding: Transforms(SIZE, rotate=25.0, pad=4, padding=padding) for padding in ("constant", "nearest", "wrap")},
}


@pytest.mark.parametrize("jit_compile", [False, True])
@pytest.mark.parametrize("name", TRANSFORMS)
def test_the_device_makes_the_pictures_of_the_processor(name, jit_compile, rng):
    transforms, pixels, draws = TRANSFORMS[name], pictures(24), rng.random((24, DRAWS), np.float32)
    expected = augment(pixels, draws, transforms).astype(float)
    received = moved(pixels, draws, transforms, jit_compile)
    assert np.abs(expected - pixels).mean() > 3
    assert np.abs(received - expected).max() < 1.1  # Pillow rounds down


def test_what_lies_beyond_the_edge_is_black_or_a_picture(rng):
    white, draws = np.full((8, SIZE, SIZE, 3), 255, np.uint8), rng.random((8, DRAWS), np.float32)
    shifted = Transforms(SIZE, pad=8)
    assert moved(white, draws, shifted).min() == 255
    assert moved(white, draws, dataclasses.replace(shifted, padding="constant")).min() == 0


# ---------------------------------------------------------------- learners


def small_network(weights=None) -> keras.Model:
    keras.utils.set_random_seed(0)
    inputs = keras.Input((None, None, 3))
    x = keras.layers.Rescaling(1 / 127.5, -1)(inputs)
    for width in (4, 8):
        x = keras.layers.Conv2D(width, 3, strides=2, padding="same", kernel_initializer="he_normal")(x)
        x = keras.layers.ReLU()(keras.layers.BatchNormalization()(x))
    return keras.Model(inputs, x)


SMALL = kf.Backbone("small", SIZE, "none", build=small_network, locate=lambda: (True, ""))


@pytest.fixture
def data(tmp_path, rng) -> kf.ImageData:
    """Bright and dark pictures, 64 to train and 32 to validate."""

    def split(count: int):
        targets = np.arange(count) % 2
        return np.clip(pictures(count, 30) / 2 + 90 * targets[:, None, None, None], 0, 255).astype(np.uint8), targets

    transforms = transforms_side_on(SIZE, max_zoom=1.1)
    return kf.ImageData.from_arrays(split(64), split(32), path=tmp_path, transforms=transforms, batch_size=16)


def accelerated(data: kf.ImageData, **arguments) -> kf.ImageLearner:
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "`accelerate=True` is for a GPU")
        return kf.ImageLearner.pretrained(SMALL, data, weights=None, hidden=(8,), accelerate=True, **arguments)


@pytest.mark.slow
def test_training_batches_carry_what_the_processor_would_have_done(data):
    host, device = data.train, dataclasses.replace(data, on_device=True).train
    for (expected, targets), (inputs, same_targets) in zip(host.dataset(3), device.dataset(3), strict=True):
        np.testing.assert_array_equal(targets, same_targets)
        assert np.abs(Mover("reflect")(inputs).numpy() - expected.numpy().astype(float)).max() < 1.1
    np.testing.assert_array_equal(device[5][0], host[5][0])


@pytest.mark.slow
def test_augmentation_on_the_device_trains_as_on_the_processor(data):
    """In single precision and without rotation, where nothing differs; so training did see augmented pixels."""
    exact = Transforms(SIZE, dihedral=True, pad=6, max_zoom=1.2)
    first = None

    def losses(on_device: bool, transforms: Transforms, jit_compile: bool = False) -> np.ndarray:
        nonlocal first
        chosen = dataclasses.replace(data, on_device=on_device, transforms=transforms)
        learn = kf.ImageLearner.pretrained(SMALL, chosen, weights=None, hidden=(), dropout=0.0, jit_compile=jit_compile)
        first = first or learn.model.get_weights()
        learn.model.set_weights(first)
        learn.unfreeze()
        learn.fit(0.01, 2)
        return learn.recorder.losses

    processor = losses(False, exact)
    for jit_compile in (False, True):
        np.testing.assert_allclose(losses(True, exact, jit_compile), processor, rtol=1e-3)
    assert np.abs(processor / losses(False, exact.validation()) - 1).max() > 0.05


@pytest.mark.slow
def test_the_switch_chooses_half_precision_and_xla_and_leaves_the_rest_of_the_program_alone(data):
    learn = accelerated(data)
    convolution = next(layer for layer in learn.model.layers if isinstance(layer, keras.layers.Conv2D))
    assert (convolution.compute_dtype, convolution.kernel.dtype) == ("float16", "float32")
    assert learn.model.output.dtype == "float32" and learn.data.on_device and not data.on_device
    assert keras.config.dtype_policy().name == "float32"
    with pytest.raises(ValueError, match="pool"):
        accelerated(data, pool="none")
    assert keras.config.dtype_policy().name == "float32"
    learn.fit(0.01, 1)
    assert learn.model.jit_compile and isinstance(learn.model.optimizer, keras.optimizers.LossScaleOptimizer)
    assert control_of(learn.model.optimizer) is not None


@pytest.mark.slow
def test_in_the_scope_of_a_strategy_xla_is_left_out(data):
    with tf.distribute.OneDeviceStrategy("CPU:0").scope():
        learn = accelerated(data)
        learn.fit(0.01, 1)
    assert not learn.model.jit_compile and len(learn.recorder.losses) == 4


@pytest.mark.slow
def test_the_lesson_runs_accelerated(data, tmp_path):
    learn = accelerated(
        data, precompute=True, jit_compile=False
    )  # XLA's half-precision convolutions take seconds on a CPU
    learn.fit(0.05, 2)
    learn.precompute = False
    learn.bn_freeze(True)
    learn.unfreeze()
    learn.lr_find(steps=10)
    history = learn.fit([1e-3, 3e-3, 0.02], 2, cycle_len=2).history
    assert np.isfinite(learn.recorder.losses).all() and history["val_accuracy"][-1] > 0.9
    views, targets = learn.tta(n_aug=2)
    assert views.shape == (3, 32, 2) and np.mean(views.mean(0).argmax(1) == targets) > 0.9
    learn.model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras", compile=False)
    np.testing.assert_allclose(
        loaded.predict(learn.data.valid.dataset(), verbose=0),
        views[0],
        atol=1e-3,
    )


@pytest.mark.slow
def test_other_data_is_augmented_as_its_own_transforms_say(data):
    learn = accelerated(data, jit_compile=False)
    learn.fit(0.01, 1)
    black_edges = dataclasses.replace(data.transforms, pad=4, padding="constant")
    learn.set_data(dataclasses.replace(data, transforms=black_edges).at_size(16))
    learn.fit(0.01, 1)
    assert learn.data.on_device and learn._main.transform == Mover("constant")


def test_without_a_gpu_the_switch_warns(data, monkeypatch):
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind=None: [])
    with pytest.warns(UserWarning, match="kerasfast doctor"):
        kf.ImageLearner.pretrained(SMALL, data, weights=None, accelerate=True)


@pytest.mark.skipif(not tf.config.list_physical_devices("GPU"), reason="TensorFlow sees no GPU")
def test_on_a_gpu_the_pixels_are_moved_and_the_network_trained_there(data, rng):
    draws = rng.random((24, DRAWS), np.float32)
    with tf.device("GPU:0"):
        received = Mover("reflect")(
            {"pixels": tf.constant(pictures(24)), "moves": tf.constant(moves(draws, data.transforms))}
        )
    assert "GPU" in received.device
    assert np.abs(received.numpy() - augment(pictures(24), draws, data.transforms)).max() < 1.1
    learn = accelerated(data)
    learn.unfreeze()
    history = learn.fit([1e-3, 3e-3, 0.02], 4).history
    assert "GPU" in learn.model.weights[0].value.device and history["val_accuracy"][-1] > 0.9
