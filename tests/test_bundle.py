"""Bundles: what cannot be rebuilt elsewhere is not written, and what could harm is not read."""

import io
import json
import zipfile

import keras
import numpy as np
import pytest

from kerasfast.bundle import BundleError, BundleFormat, record_of

FORMAT = BundleFormat("kerasfast.Example", 2, "example.json", "Example.save")


@pytest.fixture
def model() -> keras.Model:
    keras.utils.set_random_seed(0)
    inputs = keras.Input((3,))
    return keras.Model(inputs, keras.layers.Dense(2, name="out")(inputs), name="small")


@pytest.fixture
def path(model, tmp_path):
    return FORMAT.write(tmp_path / "a.kerasfast", {"answer": 42}, model)


def rewritten(path, target, change):
    """Write the parts of a bundle anew after `change({name: bytes})`."""
    with zipfile.ZipFile(path) as bundle:
        parts = {name: bundle.read(name) for name in bundle.namelist()}
    compression = change(parts) or zipfile.ZIP_STORED
    with zipfile.ZipFile(target, "w", compression) as bundle:
        for name, content in parts.items():
            bundle.writestr(name, content)
    return target


def refused(path) -> str:
    with pytest.raises(BundleError) as caught, FORMAT.opened(path):
        pass
    return str(caught.value)


def test_a_bundle_gives_back_its_record_and_its_model(path, model):
    with FORMAT.opened(path) as (record, loaded):
        assert record["answer"] == 42 and record["written_by"]["keras"] == keras.__version__
        for mine, its in zip(model.get_weights(), loaded.get_weights(), strict=True):
            np.testing.assert_array_equal(mine, its)
    assert record_of(path)["format"] == "kerasfast.Example"
    assert [file.name for file in path.parent.iterdir()] == ["a.kerasfast"]


def test_the_model_inside_is_a_file_that_keras_alone_loads(path, model, tmp_path):
    with zipfile.ZipFile(path) as bundle:
        bundle.extract("model.keras", tmp_path)
    loaded = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(loaded.get_weights()[0], model.get_weights()[0])


def test_another_or_a_later_format_is_refused_and_says_what_wrote_it(path, model, tmp_path):
    other = BundleFormat("kerasfast.Other", 1, "example.json", "Other.save").write(tmp_path / "b", {}, model)
    assert "it is a kerasfast.Other of version 1, written by kerasfast" in refused(other)

    def later(parts):
        record = json.loads(parts["example.json"]) | {"version": 3}
        parts["example.json"] = json.dumps(record).encode()

    assert "of version 3" in refused(rewritten(path, tmp_path / "c", later))


def test_missing_files_are_missing_and_others_are_no_bundles(tmp_path):
    with pytest.raises(FileNotFoundError), FORMAT.opened(tmp_path / "absent"):
        pass
    (tmp_path / "notes.txt").write_text("hello")
    assert "is no bundle that `Example.save` wrote" in refused(tmp_path / "notes.txt")
    with pytest.raises(BundleError, match="is no model"):
        record_of(tmp_path / "notes.txt")


@pytest.mark.parametrize("part", ["model.keras", "example.json"])
def test_every_truncation_and_every_wrong_record_is_one_error(path, tmp_path, part):
    def cut(parts):
        parts[part] = parts[part][: len(parts[part]) // 2]

    refused(rewritten(path, tmp_path / "cut", cut))
    for number, content in enumerate(
        (b"", b"[]", b"null", b'{"format": 3}', b'{"format": "kerasfast.Example", "version": "x"}')
    ):
        refused(
            rewritten(path, tmp_path / f"wrong{number}", lambda parts, content=content: parts.update({part: content}))
        )
    refused(rewritten(path, tmp_path / "without", lambda parts: parts.pop(part) and None))


def test_what_would_unfold_is_refused_before_it_is_read(path, tmp_path):
    def bomb(parts):
        parts["example.json"] = b" " * 2**24
        return zipfile.ZIP_DEFLATED

    assert "compressed" in refused(rewritten(path, tmp_path / "bomb", bomb))

    def inner_bomb(parts):
        inner = io.BytesIO()
        with zipfile.ZipFile(inner, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("model.weights.h5", b"\0" * 2**24)
        parts["model.keras"] = inner.getvalue()

    assert "compressed" in refused(rewritten(path, tmp_path / "inner", inner_bomb))


def test_weights_larger_than_their_file_or_outside_of_it_are_refused(path, tmp_path):
    import h5py

    def with_weights(make):
        def change(parts):
            with h5py.File(tmp_path / "w.h5", "w") as file:
                make(file)
            inner = io.BytesIO()
            with zipfile.ZipFile(inner, "w") as archive:
                archive.writestr("config.json", b"{}")
                archive.write(tmp_path / "w.h5", "model.weights.h5")
            parts["model.keras"] = inner.getvalue()

        return change

    def huge(file):
        file.create_dataset("layers/dense/vars/0", (2**20, 2**12), "float32", chunks=True)

    def outside(file):
        file["layers"] = h5py.ExternalLink("/etc/passwd", "/")

    assert "declared to take" in refused(rewritten(path, tmp_path / "huge", with_weights(huge)))
    assert "lie outside the file" in refused(rewritten(path, tmp_path / "outside", with_weights(outside)))


def test_code_is_neither_written_nor_run(model, tmp_path):
    inputs = keras.Input((3,))
    code = keras.Model(inputs, keras.layers.Lambda(lambda x: x + 1)(inputs))
    with pytest.raises(ValueError, match="holds a Lambda"):
        FORMAT.write(tmp_path / "code", {}, code)

    class Own(keras.layers.Layer):
        def call(self, x):
            return x

    with pytest.raises(ValueError, match="Own, which Keras does not know by name"):
        FORMAT.write(tmp_path / "own", {}, keras.Model(inputs, Own()(inputs)))
    assert not list(tmp_path.iterdir())
    FORMAT.write(tmp_path / "good", {}, model)

    def with_code(parts):
        code.save(tmp_path / "code.keras")
        parts["model.keras"] = (tmp_path / "code.keras").read_bytes()

    assert "afe" in refused(rewritten(tmp_path / "good", tmp_path / "bad", with_code))


def test_registered_layers_are_kept_and_given_by_name(tmp_path):
    @keras.saving.register_keras_serializable("bundle_test")
    class Doubled(keras.layers.Layer):
        def call(self, x):
            return 2 * x

    inputs = keras.Input((3,))
    path = FORMAT.write(tmp_path / "own", {}, keras.Model(inputs, Doubled()(inputs)))
    keras.saving.get_custom_objects().pop("bundle_test>Doubled")
    assert "Doubled" in refused(path)
    with FORMAT.opened(path, {"bundle_test>Doubled": Doubled}) as (_, loaded):
        np.testing.assert_array_equal(loaded(np.ones((1, 3))), 2 * np.ones((1, 3)))
