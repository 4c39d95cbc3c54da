"""Other runtimes give the learner's numbers: pictures and rows, each where its package is installed."""

import importlib.util
import io
import subprocess
import sys

import keras
import numpy as np
import pandas as pd
import pytest
import tensorflow as tf
from PIL import Image

import kerasfast as kf
from kerasfast.cli import main
from kerasfast.runtimes.litert import LiteRTRunner
from kerasfast.runtimes.onnx import OnnxRunner
from kerasfast.vision.pipeline.transforms import Transforms

needs_litert = pytest.mark.skipif(
    importlib.util.find_spec("ai_edge_litert") is None, reason="the extra `litert` is not installed"
)
needs_onnx = pytest.mark.skipif(
    any(importlib.util.find_spec(name) is None for name in ("tf2onnx", "onnxruntime")),
    reason="the extra `onnx` is not installed",
)
COLOURS = {"blue": (40, 60, 200), "green": (40, 180, 60), "red": (200, 50, 40)}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    root = tmp_path_factory.mktemp("colours")
    for split, count in (("train", 8), ("valid", 4)):
        for name, colour in COLOURS.items():
            (root / split / name).mkdir(parents=True)
            for index in range(count):
                random = np.random.default_rng([index, len(split), len(name)])
                noise = random.normal(0, 30, size=(*random.integers(36, 90, 2), 3))
                picture = Image.fromarray(np.clip(np.array(colour) + noise, 0, 255).astype("uint8"))
                picture.save(root / split / name / f"{index}.{'png' if index % 3 == 2 else 'jpg'}")
    return root


def backbone(policy=None) -> kf.Backbone:
    keras.utils.set_random_seed(0)
    inputs = keras.Input((None, None, 3))
    x = inputs
    for width in (8, 16):
        x = keras.layers.Conv2D(width, 3, strides=2, padding="same", use_bias=False, dtype=policy)(x)
        x = keras.layers.ReLU(dtype=policy)(keras.layers.BatchNormalization(dtype=policy)(x))
    return kf.Backbone.from_model(keras.Model(inputs, x), preprocess="torch", size=32, name="tiny")


def trained(folder, path, policy=None) -> kf.ImageLearner:
    data = kf.ImageData.from_folders(folder, transforms=kf.transforms_side_on(32), batch_size=6)
    learn = kf.ImageLearner.pretrained(backbone(policy), data, hidden=(8,), path=path)
    learn.unfreeze()
    learn.fit(0.01, 2)
    return learn


@pytest.fixture(scope="module")
def learn(folder, tmp_path_factory):
    return trained(folder, tmp_path_factory.mktemp("run"))


@pytest.fixture(scope="module")
def model(learn, tmp_path_factory):
    return learn.export(tmp_path_factory.mktemp("model") / "m.kerasfast")


def pixels_of(learn):
    return np.concatenate([pixels for pixels, _ in learn.data.valid.dataset()])


@pytest.mark.slow
@needs_litert
@pytest.mark.parametrize(("form", "tolerance"), [("litert", 1e-5), ("litert-dynamic", 0.05), ("litert-int8", 0.15)])
def test_litert(learn, model, folder, tmp_path, form, tolerance):
    predictor = kf.ImagePredictor.load(model)
    path = predictor.export(tmp_path / "m.tflite", form, pictures=folder / "train")
    got, expected = LiteRTRunner(path)(pixels_of(learn)), learn.predict()
    np.testing.assert_allclose(got, expected, atol=tolerance)
    assert np.mean(got.argmax(1) == expected.argmax(1)) > 0.9
    sizes = {form: predictor.export(tmp_path / form, form, pictures=folder / "train").stat().st_size}
    assert sizes[form] > 500


@pytest.mark.slow
@needs_onnx
def test_onnx_from_a_file_and_as_the_runtime_of_a_predictor(learn, model, folder, tmp_path):
    expected = learn.predict()
    path = kf.ImagePredictor.load(model).export(tmp_path / "m.onnx", "onnx")
    np.testing.assert_allclose(OnnxRunner(path)(pixels_of(learn)), expected, atol=1e-5)
    frame = kf.ImagePredictor.load(model, runtime="onnx").predict(folder / "valid")
    np.testing.assert_allclose(frame[list(COLOURS)], expected, atol=1e-5)


@pytest.mark.slow
@needs_litert
def test_litert_as_the_runtime_of_a_predictor(learn, model, folder):
    frame = kf.ImagePredictor.load(model, runtime="litert").predict(folder / "valid")
    np.testing.assert_allclose(frame[list(COLOURS)], learn.predict(), atol=1e-5)


@pytest.mark.slow
@needs_onnx
@needs_litert
def test_mixed_precision_becomes_float32(folder, tmp_path):
    learn = trained(folder, tmp_path, "mixed_float16")
    expected = learn.predict()
    for form, runner in (("onnx", OnnxRunner), ("litert", LiteRTRunner)):
        got = runner(learn.predictor().export(tmp_path / form, form))(pixels_of(learn))
        np.testing.assert_allclose(got, expected, atol=5e-3)


def as_jpeg(pixels: np.ndarray, mode: str = "RGB", orientation: int | None = None, **options) -> bytes:
    stream, picture = io.BytesIO(), Image.fromarray(pixels).convert(mode)
    if orientation is not None:
        exif = Image.Exif()
        exif[0x0112] = orientation
        options["exif"] = exif
    picture.save(stream, "JPEG", quality=95, **options)
    return stream.getvalue()


def as_png(pixels: np.ndarray, mode: str, orientation: int = 1) -> bytes:
    stream, picture = io.BytesIO(), Image.fromarray(pixels).convert(mode)
    if mode == "RGBA":
        picture.putalpha(Image.fromarray(pixels[..., 0]))
    exif = Image.Exif()
    exif[0x0112] = orientation
    picture.save(stream, "PNG", exif=exif)
    return stream.getvalue()


def with_exif_at_its_end(content: bytes) -> bytes:
    """Move the EXIF of a PNG behind the pixels, where it may stand too."""
    place = content.index(b"eXIf") - 4
    chunk = content[place : place + 12 + int.from_bytes(content[place : place + 4], "big")]
    return content[:place] + content[place + len(chunk) : -12] + chunk + content[-12:]


@pytest.fixture(scope="module")
def served(model, tmp_path_factory):
    path = kf.ImagePredictor.load(model).export(tmp_path_factory.mktemp("served") / "1", "savedmodel")
    return tf.saved_model.load(path)


@pytest.mark.slow
def test_a_saved_model_reads_the_bytes_of_pictures(served, learn, model, folder):
    files = [folder / name for name in learn.data.valid.files]
    answer = served.signatures["serving_default"](pictures=tf.constant([file.read_bytes() for file in files]))
    expected = learn.predict()
    np.testing.assert_allclose(answer["probabilities"], expected, atol=1e-5)
    assert [name.decode() for name in answer["classes"].numpy()] == list(COLOURS)
    assert [name.decode() for name in answer["prediction"].numpy()] == [list(COLOURS)[i] for i in expected.argmax(1)]
    (given,) = served.signatures["pixels"](tf.cast(pixels_of(learn), tf.float32)).values()
    np.testing.assert_allclose(given, expected, atol=1e-5)


@pytest.mark.slow
def test_a_saved_model_reads_what_tensorflow_alone_does_not(served, model):
    random = np.random.default_rng(3)
    small = random.integers(0, 255, (9, 12, 3)).astype("uint8")
    pixels = np.asarray(Image.fromarray(small).resize((80, 60), Image.Resampling.BICUBIC))
    cmyk = [as_jpeg(pixels, "CMYK"), as_jpeg(pixels, "CMYK", progressive=True)]
    marker = cmyk[0].index(b"\xff\xee\x00\x0eAdobe")
    contents = [*cmyk, cmyk[0][:marker] + cmyk[0][marker + 16 :], as_jpeg(pixels, "L")]
    contents += [as_jpeg(pixels, orientation=orientation) for orientation in range(1, 9)]
    contents += [as_png(pixels, mode) for mode in ("RGB", "L", "RGBA", "P")]
    contents += [as_png(pixels, "RGB", 6), with_exif_at_its_end(as_png(pixels, "RGB", 3))]
    expected = kf.ImagePredictor.load(model).predict(contents)[list(COLOURS)].to_numpy()
    for number, (content, row) in enumerate(zip(contents, expected, strict=True)):
        got = served.signatures["serving_default"](pictures=tf.constant([content]))["probabilities"]
        np.testing.assert_allclose(got[0], row, atol=0.02, err_msg=str(number))


def test_pictures_of_planet_as_they_are(data_dir):
    from kerasfast.vision.prediction.coded import window_of
    from kerasfast.vision.sources.decoding.reading import squared

    transforms = Transforms(64).validation()
    files = sorted((data_dir / "planet" / "train-jpg").glob("*.jpg"))[:4]
    assert files
    for file in files:
        got = window_of(file.read_bytes(), transforms).numpy().astype(int)
        whole = kf.open_image(file)
        side = min(whole.shape[:2])
        expected = squared(whole[:side, :side], 64).numpy().astype(int)
        assert got.mean() > 20 and np.abs(got - expected).max() <= 4


@pytest.fixture(scope="module")
def rows():
    random = np.random.default_rng(0)
    frame = pd.DataFrame({"town": random.choice(list("abc"), 200), "area": random.normal(80, 20, 200)})
    frame["price"] = frame["area"] * np.where(frame["town"] == "a", 3.0, 1.0)
    return frame


@pytest.fixture(scope="module")
def table(rows, tmp_path_factory):
    keras.utils.set_random_seed(0)
    path = tmp_path_factory.mktemp("table")
    data = kf.TableData.from_frame(rows, "price", categorical=["town"], continuous=["area"], batch_size=16, path=path)
    learn = kf.TableLearner.entity_embeddings(data, [16], batch_norm=True)
    learn.fit(0.01, 2)
    return learn


@pytest.mark.slow
@needs_litert
@pytest.mark.parametrize(("form", "tolerance"), [("litert", 1e-3), ("litert-dynamic", 3.0), ("litert-int8", 20.0)])
def test_tables_in_litert(table, rows, tmp_path, form, tolerance):
    path = table.predictor.export(tmp_path / "m.tflite", form, rows=rows.head(100))
    expected = table.predictor.predict(rows.head(20)).to_numpy()
    got = table.data.target.decode(LiteRTRunner(path)(table.predictor.inputs(rows.head(20))))
    np.testing.assert_allclose(got, expected, atol=tolerance)


@pytest.mark.slow
@needs_onnx
@needs_litert
def test_tables_by_the_runtime_of_their_predictor(table, rows, tmp_path):
    path, expected = table.export(tmp_path / "t"), table.predictor.predict(rows)
    for runtime in ("onnx", "litert"):
        got = kf.TablePredictor.load(path, runtime=runtime).predict(rows)
        np.testing.assert_allclose(got, expected, rtol=1e-4)


@pytest.mark.slow
def test_tables_in_stock_keras_and_as_a_saved_model(table, rows, tmp_path):
    inputs, expected = table.predictor.inputs(rows), table.predictor.predict(rows).to_numpy()
    plain = keras.models.load_model(table.predictor.export(tmp_path / "t.keras", "keras"), compile=False)
    np.testing.assert_allclose(table.data.target.decode(plain.predict(inputs, verbose=0)), expected, rtol=1e-5)
    saved = tf.saved_model.load(table.predictor.export(tmp_path / "saved", "savedmodel"))
    np.testing.assert_allclose(table.data.target.decode(saved.serve(inputs)), expected, rtol=1e-4)


def test_what_cannot_be_written_is_said(table, model, tmp_path, capfd):
    predictor = kf.ImagePredictor.load(model)
    with pytest.raises(ValueError, match="`form` must be one of"):
        predictor.export(tmp_path / "m", "pdf")
    with pytest.raises(ValueError, match="int8 needs representative samples"):
        predictor.export(tmp_path / "m", "litert-int8")
    with pytest.raises(ValueError, match="ends in '.keras'"):
        predictor.export(tmp_path / "m", "keras")
    with pytest.raises(FileExistsError, match="exists; remove it"):
        predictor.export(tmp_path, "savedmodel")
    with pytest.raises(ValueError, match="`runtime` must be one of"):
        kf.ImagePredictor.load(model, runtime="torch")
    assert main(["export", str(model), "--format", "litert-int8", "--out", str(tmp_path / "m")]) == 2
    assert "--data" in capfd.readouterr().err
    assert not list(tmp_path.iterdir())


@pytest.mark.slow
def test_the_command_writes_every_form(model, folder, tmp_path, capfd):
    forms = {"keras": "m.keras", "savedmodel": "served"}
    if importlib.util.find_spec("ai_edge_litert"):
        forms["litert-int8"] = "m.tflite"
    for form, name in forms.items():
        options = ["--format", form, "--out", str(tmp_path / name), "--data", str(folder / "train")]
        assert main(["export", str(model), *options]) == 0, capfd.readouterr().err
        assert (tmp_path / name).exists() and str(tmp_path / name) in capfd.readouterr().out


def tagged() -> keras.Model:
    """A model trained by a learner with a metric and a loss that stock Keras does not know."""
    inputs = keras.Input((3,), name="values")
    model = keras.Model(inputs, keras.layers.Dense(2, "sigmoid")(keras.layers.Dense(4, "relu")(inputs)))
    tags = tf.data.Dataset.from_tensor_slices((np.ones((8, 3), "float32"), np.eye(2)[np.arange(8) % 2])).batch(4)
    learn = kf.Learner(model, kf.Datasets(tags, tags), loss=kf.TagLoss(), metrics=[kf.f2()])
    learn.fit(0.1, 1)
    return model


def grouped() -> keras.Model:
    """A model with rates per group, compiled and fitted by hand."""
    model = keras.Sequential([keras.Input((3,), name="values"), keras.layers.Dense(4), keras.layers.Dense(1)])
    optimizer = kf.grouped(keras.optimizers.SGD, kf.LayerGroups.split(model, [1]), learning_rates=[0.001, 0.01])
    model.compile(optimizer, loss="mse", metrics=["mae"])
    model.fit(np.ones((8, 3)), np.ones((8, 1)), verbose=0)
    return model


@pytest.mark.slow
def test_stock_keras_loads_what_is_called_plain_keras_where_kerasfast_is_not(learn, model, table, rows, tmp_path):
    pixels, numbers = {"pixels": pixels_of(learn).astype("float32")}, {"values": np.ones((2, 3), "float32")}
    models = {"learner": learn.model, "grouped": grouped(), "tagged": tagged()}
    for name, one in models.items():
        one.save(tmp_path / f"{name}.keras")
    predictor = kf.ImagePredictor.load(model)
    predictor.export(tmp_path / "exported.keras", "keras")
    predictor.export(tmp_path / "exported", "savedmodel")
    table.predictor.export(tmp_path / "table.keras", "keras")
    table.predictor.export(tmp_path / "table", "savedmodel")
    encoded = table.predictor.inputs(rows)
    cases = {
        "learner.keras": (pixels, learn.predict()),
        "grouped.keras": (numbers, models["grouped"].predict(numbers["values"], verbose=0)),
        "tagged.keras": (numbers, models["tagged"].predict(numbers["values"], verbose=0)),
        "exported.keras": (pixels, learn.predict()),
        "exported": (pixels, learn.predict()),
        "table.keras": (encoded, table.model.predict(encoded, verbose=0)),
        "table": (encoded, table.model.predict(encoded, verbose=0)),
    }
    for name, (inputs, _) in cases.items():
        np.savez(tmp_path / f"{name}.npz", **inputs)
    program = (
        "import sys; sys.modules['kerasfast'] = None\n"
        "import keras, numpy as np, tensorflow as tf\n"
        "for path in sys.argv[1:]:\n"
        "    inputs = dict(np.load(path + '.npz'))\n"
        "    one = next(iter(inputs.values())) if len(inputs) == 1 else inputs\n"
        "    if path.endswith('.keras'):\n"
        "        model = keras.models.load_model(path)\n"
        "        optimizer = getattr(model, 'optimizer', None)\n"
        "        assert optimizer is None or type(optimizer).__module__.startswith('keras.')\n"
        "        found = model.predict(one, verbose=0)\n"
        "    else:\n"
        "        saved = tf.saved_model.load(path)\n"
        "        found = saved.pixels(one) if hasattr(saved, 'pixels') else saved.serve(one)\n"
        "    np.save(path + '.npy', found)\n"
    )
    command = [sys.executable, "-c", program, *(str(tmp_path / name) for name in cases)]
    done = subprocess.run(command, check=False, capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    for name, (_, expected) in cases.items():
        np.testing.assert_allclose(np.load(tmp_path / f"{name}.npy"), expected, rtol=1e-4, atol=1e-5, err_msg=name)
