"""Stored features equal computed ones, and are reused exactly when nothing that makes them changed."""

import errno
import subprocess
import sys
from dataclasses import replace
from unittest import mock

import keras
import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from kerasfast.vision.data import ImageData, View
from kerasfast.vision.fitting import features as module
from kerasfast.vision.fitting.features import precompute, store_key
from kerasfast.vision.networks.constant_graph import folded
from kerasfast.vision.pipeline.transforms import Transforms, transforms_side_on

SIZE, COUNT = 8, 7


def save(path, colour: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (12, 10), (colour, 255 - colour, colour // 2)).save(path, "PNG")


@pytest.fixture
def view(tmp_path) -> View:
    for index in range(COUNT):
        for split in ("train", "valid"):
            save(tmp_path / split / "ab"[index % 2] / f"{index}.png", 30 * index)
    return ImageData.from_folders(tmp_path, transforms=transforms_side_on(SIZE), batch_size=3).fixed


def network(units: int = 4, seed: int = 0, activation: str = "relu", **nested) -> keras.Model:
    """A model with a nested one, all of whose layers have automatic names."""
    keras.utils.set_random_seed(seed)
    inner_input = keras.Input((SIZE, SIZE, 3))
    inner = keras.Model(inner_input, keras.layers.Conv2D(units, 3, activation=activation)(inner_input))
    inputs = keras.Input((SIZE, SIZE, 3))
    scaled = keras.layers.Rescaling(nested.get("scale", 1 / 255))(inputs)
    pooled = keras.layers.GlobalAveragePooling2D()(inner(scaled))
    return keras.Model(inputs, keras.layers.Dropout(0.5)(pooled))


@pytest.fixture(scope="module")
def model() -> keras.Model:
    return network()


def computed(model: keras.Model, view: View, folder, most: int = 1000) -> tuple[np.ndarray, int]:
    """The features, and how many rows had to be computed; more than `most` are an interruption."""
    count, folded = 0, module.folded

    def counting(*arguments):
        predict = folded(*arguments)

        def counted(pixels):
            nonlocal count
            if count >= most:
                raise KeyboardInterrupt
            count += len(pixels)
            return predict(pixels)

        return counted

    with mock.patch.object(module, "folded", counting):
        return precompute(model, view, folder, progress=False), count


def stores(folder) -> list:
    return sorted(folder.glob("features-*"))


def shards(folder) -> list:
    return sorted(folder.glob("features-*/*.npz"))


@pytest.mark.slow
def test_rows_are_the_models_predictions_in_the_order_of_files(model, view, tmp_path):
    rows, count = computed(model, view, tmp_path / "a" / "b")
    assert count == COUNT and rows.dtype == np.float32
    np.testing.assert_allclose(rows, model.predict(view.dataset(), verbose=0), atol=1e-6)
    assert len(np.unique(rows.round(5), axis=0)) == COUNT


def test_folding_normalisation_into_convolutions_changes_last_bits_alone(rng):
    keras.utils.set_random_seed(0)
    layers = keras.layers
    model = keras.Sequential(
        [
            keras.Input((None, None, 3)),
            layers.Conv2D(4, 3),
            layers.BatchNormalization(),
            layers.ReLU(),
            layers.Dropout(0.5),
        ]
    )
    model.layers[1].set_weights([rng.uniform(0.5, 2, 4) for _ in range(4)])
    pixels = rng.integers(0, 256, (5, SIZE, SIZE, 3), np.uint8)
    predict = folded(model, [None, SIZE, SIZE, 3])
    for part in (pixels, pixels[:2]):
        np.testing.assert_allclose(predict(tf.constant(part)), model.predict(part, verbose=0), rtol=1e-4, atol=1e-3)


def test_a_second_call_computes_nothing(model, view, tmp_path):
    first, _ = computed(model, view, tmp_path)
    second, count = computed(model, view, tmp_path)
    assert count == 0
    np.testing.assert_array_equal(first, second)


@pytest.mark.slow
def test_order_names_targets_and_batch_size_do_not_matter(model, view, tmp_path):
    first, _ = computed(model, view, tmp_path)
    (view.samples.root / view.files[0]).rename(view.samples.root / "train" / "renamed.png")
    files = np.array(["train/renamed.png", *view.files[1:]])
    order = [4, 0, 2]
    other = replace(view, samples=replace(view.samples, files=files, targets=None).take(order), batch_size=2)
    rows, count = computed(model, other, tmp_path)
    assert count == 0
    np.testing.assert_array_equal(rows, first[order])


@pytest.mark.slow
def test_a_replaced_file_computes_its_own_row_only(model, view, tmp_path):
    first, _ = computed(model, view, tmp_path)
    save(view.samples.root / view.files[2], 255)
    second, count = computed(model, view, tmp_path)
    assert count == 1
    changed = (first != second).any(1)
    assert changed.tolist() == [index == 2 for index in range(COUNT)]
    np.testing.assert_allclose(second, model.predict(view.dataset(), verbose=0), atol=1e-6)


@pytest.mark.slow
def test_equal_pictures_are_computed_once(model, view, tmp_path):
    for file in view.files[1:4]:
        (view.samples.root / file).write_bytes((view.samples.root / view.files[0]).read_bytes())
    rows, count = computed(model, view, tmp_path)
    assert count == COUNT - 3
    np.testing.assert_allclose(rows, model.predict(view.dataset(), verbose=0), atol=1e-6)


def double_weights(model: keras.Model) -> keras.Model:
    other = network()
    other.set_weights([2 * weight for weight in other.get_weights()])
    return other


@pytest.mark.slow
@pytest.mark.parametrize(
    ("change", "change_view"),
    [
        (double_weights, lambda view: view),
        (lambda model: network(units=5), lambda view: view),
        (lambda model: network(activation="tanh"), lambda view: view),
        (lambda model: network(scale=1 / 127), lambda view: view),
        (lambda model: model, lambda view: replace(view, transforms=Transforms(SIZE, "squash"))),
    ],
    ids=["weights", "width", "nested activation", "scale", "crop"],
)
def test_whatever_else_makes_the_rows_has_its_own_store(model, view, tmp_path, change, change_view):
    computed(model, view, tmp_path)
    other_model, other_view = change(model), change_view(view)
    rows, count = computed(other_model, other_view, tmp_path)
    assert count == COUNT and len(stores(tmp_path)) == 2
    np.testing.assert_allclose(rows, other_model.predict(other_view.dataset(), verbose=0), atol=1e-6)


def two_branches(crossed: bool) -> keras.Model:
    """The same layers and weights, joined in either order."""
    inputs = keras.Input((SIZE, SIZE, 3))
    keras.utils.set_random_seed(0)
    branches = [keras.layers.Dense(2, activation=name)(inputs) for name in ("relu", "tanh")]
    joined = keras.layers.Concatenate()(branches[::-1] if crossed else branches)
    return keras.Model(inputs, keras.layers.GlobalAveragePooling2D()(joined))


def test_other_connections_have_another_key(view):
    straight, crossed = two_branches(False), two_branches(True)
    crossed.set_weights(straight.get_weights())
    assert store_key(straight, view) != store_key(crossed, view)
    assert store_key(straight, view) == store_key(two_branches(False), view)


@pytest.mark.parametrize("names", [("relu", "gelu"), ("gelu", "relu")])
def test_a_layer_named_like_its_activation_keeps_it_in_the_key(view, names):
    keys = []
    for name in names:
        inputs = keras.Input((SIZE, SIZE, 3), name="in")
        layer = keras.layers.Activation(name, name=name)
        keys.append(store_key(keras.Model(inputs, keras.layers.GlobalAveragePooling2D()(layer(inputs))), view))
    assert len(set(keys)) == 2


def test_the_key_does_not_depend_on_names_or_freezing(model, view):
    expected = store_key(model, view)
    keras.layers.Dense(3), keras.layers.Conv2D(3, 3)  # automatic names count on
    rebuilt = network()
    assert rebuilt.layers[-1].name != model.layers[-1].name
    assert store_key(rebuilt, view) == expected
    rebuilt.trainable = False
    assert store_key(rebuilt, view) == expected
    rebuilt.compile("adam", "mse")
    assert store_key(rebuilt, view) == expected


@pytest.mark.slow
def test_the_key_is_the_same_in_another_process(model, view, tmp_path):
    model.save(tmp_path / "model.keras")
    program = f"""
import keras
from kerasfast.vision.data import ImageData
from kerasfast.vision.networks.constant_graph import folded
from kerasfast.vision.fitting.features import store_key
from kerasfast.vision.pipeline.transforms import transforms_side_on
data = ImageData.from_folders({str(view.samples.root)!r}, transforms=transforms_side_on({SIZE}), batch_size=2)
print("key", store_key(keras.saving.load_model({str(tmp_path / "model.keras")!r}), data.fixed))
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["key", store_key(model, view)]


@pytest.mark.slow
def test_a_killed_run_goes_on_after_its_finished_shards(model, view, tmp_path, monkeypatch):
    monkeypatch.setattr(module, "SHARD_ROWS", 2)

    with pytest.raises(KeyboardInterrupt):
        computed(model, view, tmp_path, most=4)
    assert len(shards(tmp_path)) == 2
    rows, count = computed(model, view, tmp_path)
    assert count == COUNT - 4
    np.testing.assert_allclose(rows, model.predict(view.dataset(), verbose=0), atol=1e-6)


def half(content: bytes) -> bytes:
    return content[: len(content) // 2]


def flipped(content: bytes) -> bytes:
    middle = len(content) // 2
    return content[:middle] + bytes([content[middle] ^ 255]) + content[middle + 1 :]


@pytest.mark.slow
@pytest.mark.parametrize("damage", [half, flipped, lambda content: b"", lambda content: b"no archive"])
def test_damaged_shards_are_named_and_computed_again(model, view, tmp_path, monkeypatch, damage):
    monkeypatch.setattr(module, "SHARD_ROWS", 4)
    first, _ = computed(model, view, tmp_path)
    broken = shards(tmp_path)[0]
    broken.write_bytes(damage(broken.read_bytes()))
    with pytest.warns(UserWarning, match=f"{broken.name} cannot be read .* are computed again"):
        second, count = computed(model, view, tmp_path)
    assert count in (3, 4)
    np.testing.assert_allclose(first, second, atol=1e-6)
    assert computed(model, view, tmp_path)[1] == 0


def test_stores_that_can_only_be_read_are_used(model, view, tmp_path, monkeypatch):
    expected, count = computed(model, view, tmp_path)

    def refused(*arguments, **options):
        raise OSError(errno.EROFS, "Read-only file system")

    monkeypatch.setattr(module, "atomic_path", refused)
    monkeypatch.setattr(module, "made_folder", refused)
    rows, again = computed(model, view, tmp_path)
    assert count and not again and np.array_equal(rows, expected)


@pytest.mark.slow
def test_activations_that_cannot_be_stored_are_used_after_a_warning(model, view, tmp_path, recwarn):
    (tmp_path / "file").touch()
    rows, count = computed(model, view, tmp_path / "file")
    computed(network(3), view, tmp_path / "file")
    assert sum("cannot be stored" in str(warning.message) for warning in recwarn) == 1
    assert count and np.array_equal(rows, computed(model, view, tmp_path / "stored")[0])


def test_what_a_killed_run_was_writing_is_ignored(model, view, tmp_path, recwarn):
    computed(model, view, tmp_path)
    shard = shards(tmp_path)[0]
    shard.with_name(f".0123.{shard.name}").write_bytes(b"PK half")
    assert computed(model, view, tmp_path)[1] == 0
    assert not [warning for warning in recwarn if "Stored features" in str(warning.message)]


def test_shuffled_and_augmented_views_are_refused(model, view, tmp_path):
    for other in (replace(view, shuffle=True), replace(view, transforms=transforms_side_on(SIZE))):
        with pytest.raises(ValueError, match="without shuffling and augmentation, such as `data.fixed`"):
            precompute(model, other, tmp_path)
    assert not stores(tmp_path)


def test_a_missing_file_is_named(model, view, tmp_path):
    (view.samples.root / view.files[3]).unlink()
    with pytest.raises(FileNotFoundError, match=view.files[3]):
        precompute(model, view, tmp_path)


def array_view(images: np.ndarray) -> View:
    targets = np.arange(len(images)) % 2
    return ImageData.from_arrays((images, targets), (images, targets), transforms=Transforms(SIZE, "squash")).valid


def test_arrays_are_stored_by_content_and_shape(model, tmp_path, rng):
    images = rng.integers(0, 256, (3, 10, 20, 3), np.uint8)
    rows, count = computed(model, array_view(images), tmp_path)
    assert count == 3
    np.testing.assert_allclose(rows, model.predict(array_view(images).dataset(), verbose=0), atol=1e-6)
    assert computed(model, array_view(images[::-1]), tmp_path)[1] == 0
    assert computed(model, array_view(images.reshape(3, 20, 10, 3)), tmp_path)[1] == 3
    assert len(set(array_view(images).samples.content_keys())) == 3


@pytest.mark.parametrize(("policy", "stored"), [("mixed_bfloat16", np.float32), ("mixed_float16", np.float16)])
def test_half_precision_features_can_be_stored(view, tmp_path, policy, stored):
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(policy)
    try:
        model = network()
    finally:
        keras.config.set_dtype_policy(before)
    first, _ = computed(model, view, tmp_path)
    second, count = computed(model, view, tmp_path)
    assert count == 0 and first.dtype == second.dtype == stored
    np.testing.assert_array_equal(first, second)
    assert store_key(model, view) != store_key(network(), view)
