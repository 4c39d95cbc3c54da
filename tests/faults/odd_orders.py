"""Calls in odd orders, objects of one kind where another belongs, and files of other models, for `odd_uses`."""

from __future__ import annotations

import pathlib

import keras
import numpy as np
import pandas as pd
import tensorflow as tf
from damaged_models import backbone_of
from odd_pictures import TRANSFORMS, class_folders
from odd_tables import COLUMNS, frame
from odd_uses import Use, refused, right

import kerasfast as kf


def orders(folder: pathlib.Path) -> list[Use]:
    """Return the uses."""
    root = class_folders(folder / "pictures")
    data = kf.ImageData.from_folders(root, transforms=TRANSFORMS, batch_size=4)
    keras.utils.set_random_seed(0)
    learn = kf.ImageLearner.pretrained(backbone_of(), data, hidden=[4], path=folder / "learner")
    table = kf.TableData.from_frame(frame(), "sold", **COLUMNS)
    rows = kf.TableLearner.entity_embeddings(table, [4], path=folder / "rows")
    return [
        *_orders(learn, rows, data, table, root),
        *_models(folder, learn, rows),
        *_predictions(learn, data, root),
        *_fits(learn, rows, data),
    ]


def _orders(learn, rows, data, table, root) -> list[Use]:
    others = class_folders(root.parent / "others", classes=("x", "y", "z"))
    swapped = class_folders(root.parent / "swapped", classes=("wolves", "cows"))
    three = kf.ImageData.from_folders(others, transforms=TRANSFORMS)
    two = kf.ImageData.from_folders(swapped, transforms=TRANSFORMS)
    five = kf.ImageData.from_arrays((np.zeros((8, 24, 24, 5), np.uint8), np.arange(8) % 2), transforms=TRANSFORMS)
    base = frame()
    more = kf.TableData.from_frame(base.assign(more=base["area"]), "sold", categorical=["town"],
                                   continuous=["area", "more"])  # fmt: skip
    renamed = kf.TableData.from_frame(base.assign(sold=np.where(base["sold"] == "no", "a", "b")), "sold", **COLUMNS)
    return [
        right("predict before fit", learn.predict, lambda found: np.allclose(found.sum(1), 1, atol=1e-5)),
        right("importance before fit", lambda: rows.importance(rows=10, repeats=1), lambda found: len(found) == 2),
        refused("freeze beyond the groups", lambda: learn.freeze_to(9), "3 layer groups"),
        refused("freeze by truth", lambda: learn.freeze_to(True), "True"),
        refused("load what was never saved", lambda: learn.load("never"), "never"),
        refused("save under no name", lambda: learn.save(""), "name"),
        refused("data with more classes", lambda: learn.set_data(three), "x, y, z"),
        refused("data with other classes", lambda: learn.set_data(two), "cats", "cows"),
        refused("data with more channels", lambda: learn.set_data(five), "classes"),
        refused("a table for a picture learner", lambda: learn.set_data(table), "pictures", "TableData"),
        refused("pictures for a table learner", lambda: rows.set_data(data), "table", "ImageData"),
        refused("a table with more columns", lambda: rows.set_data(more), "continuous columns"),
        refused("a table with other classes", lambda: rows.set_data(renamed), "classes"),
        refused("a view for data", lambda: learn.set_data(data.valid), "pictures"),
        refused("a folder for data", lambda: learn.set_data(root), "pictures"),
        refused("pictures in a table learner", lambda: kf.TableLearner.entity_embeddings(data), "ImageData"),
        refused("a table in a picture learner", lambda: kf.ImageLearner.pretrained(backbone_of(), table), "TableData"),
        refused("backbone and data swapped", lambda: kf.ImageLearner.pretrained(data, backbone_of()), "data"),
        refused("a learner for a model", lambda: kf.Learner(learn, data, loss="mse"), "model"),
        refused("a class for a model", lambda: kf.Learner(keras.Model, data, loss="mse"), "model"),
        refused("an unknown loss", lambda: kf.Learner(learn.model, data, loss="nonsense"), "nonsense"),
        refused("an unknown network", lambda: kf.ImageLearner.pretrained("resnet19", data), "resnet19", "resnet18"),
        refused("weights that are not there", lambda: kf.ImageLearner.pretrained(backbone_of(), data,
                weights="absent.safetensors"), "absent.safetensors"),
        refused("a network for other sizes", lambda: kf.ImageLearner.pretrained(kf.Backbone.from_model(
            keras.Sequential([keras.Input((64, 64, 3)), keras.layers.Conv2D(2, 3)]), size=64), data), "split"),
        refused("copies of too small a size", lambda: data.resize(8), "8", "32"),
        refused("a fold beyond the folds", lambda: data.fold(5, 5), "fold"),
        refused("more folds than pictures", lambda: data.fold(0, 999), "999"),
        refused("the test set without one", lambda: learn.predict(is_test=True), "no test set"),
        refused("a submission without a test set", lambda: learn.submission("s.csv", is_test=True), "test"),
        refused("a report of classes on numbers", lambda: kf.Interpretation(
            np.ones((4, 1)), np.ones(4), ["price"], "regression"), "regression"),
        refused("a submission of too few rows", lambda: kf.write_submission("s.csv", ["a", "b"], np.ones((1, 2)),
                ["x", "y"]), "2", "1"),
        refused("a submission with missing numbers", lambda: kf.write_submission(
            "s.csv", ["a"], np.full((1, 2), np.nan), ["x", "y"]), "a"),
        refused("scores of unlike length", lambda: kf.fbeta_score(np.zeros((3, 2)), np.zeros((2, 2))), "3", "2"),
        refused("scores of missing numbers", lambda: kf.fbeta_score(np.eye(2), np.full((2, 2), np.nan)), "NaN"),
        refused("a loss of negative weights", lambda: kf.ClassLoss(class_weights=[-1, 1]), "-1"),
    ]  # fmt: skip


def _models(folder: pathlib.Path, learn, rows) -> list[Use]:
    data = kf.ImageData.from_folders(class_folders(folder / "many", classes=tuple("abc")), transforms=TRANSFORMS)
    learn.save("two")
    kf.ImageLearner.pretrained(backbone_of(), data, hidden=[4], path=learn.path).save("three")
    rows.save("rows")
    learn.export(folder / "pictures.kerasfast")
    rows.export(folder / "rows.kerasfast")
    learn.model.save(folder / "plain.keras")
    (folder / "noise.kerasfast").write_bytes(bytes(range(256)))
    table_weights = next(rows.path.rglob("rows*")) if hasattr(rows.path, "rglob") else None
    before = [array.copy() for array in learn.model.get_weights()]

    def load_and_compare(name: str) -> None:
        try:
            learn.load(name)
        finally:
            same = all(map(np.array_equal, before, learn.model.get_weights()))
            assert same, "a failed load changed weights"

    return [
        refused("weights of another learner", lambda: load_and_compare("three"), "three"),
        refused("weights of a table", lambda: load_and_compare(str(table_weights)), "rows"),
        refused("a table's model as pictures'", lambda: kf.ImagePredictor.load(folder / "rows.kerasfast"),
                "rows.kerasfast", "ImageLearner.export"),
        refused("pictures' model as a table's", lambda: kf.TablePredictor.load(folder / "pictures.kerasfast"),
                "pictures.kerasfast", "TableLearner.export"),
        refused("Keras's own file", lambda: kf.ImagePredictor.load(folder / "plain.keras"), "plain.keras"),
        refused("noise", lambda: kf.ImagePredictor.load(folder / "noise.kerasfast"), "noise.kerasfast"),
        refused("a folder as a model", lambda: kf.ImagePredictor.load(folder), str(folder)),
        refused("export into a folder", lambda: learn.export(folder), str(folder)),
        refused("export nowhere", lambda: learn.export(folder / "no" / "x.kerasfast"), "no"),
        refused("a runtime that is none", lambda: kf.ImagePredictor.load(
            folder / "pictures.kerasfast", runtime="torch"), "torch", "keras"),
        refused("another form", lambda: learn.predictor().export(folder / "x", "coreml"), "coreml"),
    ]  # fmt: skip


def _predictions(learn, data, root: pathlib.Path) -> list[Use]:
    predictor = learn.predictor()
    file = str(root / "valid" / "cats" / "validcats0.png")
    pixels = np.random.default_rng(0).integers(0, 255, (2, 32, 32, 3), dtype=np.uint8)
    expected = predictor.predict([file])

    def same(found: pd.DataFrame) -> bool:
        return np.allclose(found[["cats", "dogs"]], expected[["cats", "dogs"]], atol=1e-5)

    return [
        right("one file as text", lambda: predictor.predict(file), same),
        right("files as a set", lambda: predictor.predict({file}), same),
        right("files as a generator", lambda: predictor.predict(one for one in [file]), same),
        right("a picture of Pillow", lambda: predictor.predict([kf.open_image(file)]), same),
        right("bytes", lambda: predictor.predict([pathlib.Path(file).read_bytes()]), same),
        refused("a file that is not there", lambda: predictor.predict("absent.png"), "absent.png"),
        refused("an address", lambda: predictor.predict("https://example.org/a.jpg"), "https:"),
        refused("nothing", lambda: predictor.predict(None), "None"),
        refused("a dictionary", lambda: predictor.predict({"a": 1}), "dict"),
        refused("numbers", lambda: predictor.predict([1, 2]), "int"),
        refused("floats from 0 to 1", lambda: predictor.predict(pixels / 255), "uint8"),
        refused("floats from 0 to 1 as a batch", lambda: predictor.predict_array(pixels / 255.0), "uint8"),
        refused("missing pixels", lambda: predictor.predict_array(np.full((1, 32, 32, 3), np.nan)), "uint8"),
        refused("pixels of another size", lambda: predictor.predict_array(pixels[:, :9]), "32"),
        refused("channels first", lambda: predictor.predict_array(pixels.transpose(0, 3, 1, 2)), "3"),
        refused("one picture for a batch", lambda: learn.predict_array(pixels[0]), "None"),
        refused("a data set for a batch", lambda: learn.predict_array(data.valid.dataset()), "batch"),
        refused("a data set for `is_test`", lambda: learn.predict(data.valid.dataset()), "is_test"),
        refused("a view for `is_test`", lambda: learn.predict(data.valid), "is_test"),
        refused("texts", lambda: learn.predict_array(np.array([["a"]])), "batch"),
        refused("a list of labels to explain", lambda: kf.grad_cam(learn, file, target_class=["cats"]), "target_class"),
        refused("a class that is none", lambda: kf.grad_cam(learn, file, target_class=7), "7"),
        refused("most wrong of no class", lambda: learn.interpret().most_wrong("horses"), "horses", "cats"),
    ]  # fmt: skip


def _fits(learn, rows, data) -> list[Use]:
    inputs = keras.Input((3,))
    model = keras.Model(inputs, keras.layers.Dense(1)(inputs))
    ones = tf.data.Dataset.from_tensor_slices((np.ones((8, 3), "f4"), np.ones((8, 1), "f4")))

    batches = ones.batch(4)

    def plain(train=batches, valid=None, **arguments) -> kf.Learner:
        model.set_weights([np.ones_like(array) for array in model.get_weights()])
        return kf.Learner(model, kf.Datasets(train, valid), **{"loss": "mse", "path": data.path} | arguments)

    def of(features: np.ndarray, targets: np.ndarray) -> tf.data.Dataset:
        return tf.data.Dataset.from_tensor_slices((features, targets)).batch(4)

    x, y = np.ones((8, 3), "f4"), np.ones((8, 1), "f4")
    many = np.full((8, 1), 7)

    def kept(_: object) -> bool:
        return all(np.isfinite(array).all() for array in model.get_weights())

    classes = keras.Model(inputs, keras.layers.Dense(3, activation="softmax")(inputs))
    cross = "sparse_categorical_crossentropy"
    return [
        refused("no epochs", lambda: learn.fit(0.1, 0), "n_cycle"),
        refused("epochs before rates", lambda: learn.fit(3, 0.1), "n_cycle"),
        refused("a negative rate", lambda: learn.fit(-0.1, 1), "lrs"),
        refused("more rates than groups", lambda: learn.fit([0.1] * 4, 1), "4", "3"),
        refused("an optimizer by name", lambda: kf.ImageLearner.pretrained(backbone_of(), data, optimizer="adam"),
                "optimizer", "adam"),
        refused("an optimizer instance", lambda: kf.ImageLearner.pretrained(
            backbone_of(), data, optimizer=keras.optimizers.SGD(0.1)), "optimizer"),
        refused("a callback of another library", lambda: learn.fit(0.1, 1, callbacks=[object()]), "callback"),
        refused("a callback's class", lambda: learn.fit(0.1, 1, callbacks=[keras.callbacks.TerminateOnNaN]),
                "callback"),
        refused("a metric of several numbers", lambda: plain(valid=batches, metrics=[kf.ArrayMetric(
            lambda t, p: np.ones(3), "m")]).fit(0.1, 1), "m"),
        right("AUC of yes and no", lambda: rows.fit(0.1, 1, metrics=["AUC"]).history,
              lambda found: 0 <= found["val_auc"][0] <= 1),
        refused("inputs of another width", lambda: plain(of(np.ones((8, 4), "f4"), y)).fit(0.1, 1), "4", "3"),
        refused("targets of another width", lambda: plain(of(x, np.ones((8, 2), "f4"))).fit(0.1, 1), "2", "1"),
        right("missing inputs", lambda: plain(of(x * np.nan, y)).fit(0.1, 1), kept, "Training stopped"),
        right("missing targets", lambda: plain(of(x, y * np.nan)).fit(0.1, 1), kept, "Training stopped"),
        right("infinite inputs", lambda: plain(of(x * np.inf, y)).fit(0.1, 1), kept, "Training stopped"),
        refused("targets as texts", lambda: plain(of(x, np.full((8, 1), "a"))).fit(0.1, 1), "target"),
        refused("targets beyond the classes", lambda: kf.Learner(classes, kf.Datasets(of(x, many)), loss=cross,
                path=data.path).fit(0.1, 1), "7", "3"),
        refused("negative classes", lambda: kf.Learner(classes, kf.Datasets(of(x, -many)), loss=cross,
                path=data.path).fit(0.1, 1), "-7"),
        refused("no targets", lambda: plain(tf.data.Dataset.from_tensor_slices(x).batch(4)).fit(0.1, 1), "target"),
        refused("no batches", lambda: plain(batches.take(0)).fit(0.1, 1), "batch"),
        refused("batches without an end", lambda: plain(batches.repeat()).fit(0.1, 1), "batches"),
        refused("rows for batches", lambda: plain(ones).fit(0.1, 1), "batch"),
        refused("an array for batches", lambda: plain(x), "train"),
        refused("a pair for batches", lambda: plain((x, y)), "train"),
        right("best without validation", lambda: plain().fit(0.1, 1, best_save_name="best"), kept),
        right("a rate that destroys the model", lambda: plain(of(x * 1e18, y)).fit(1e6, 3), kept, "Training stopped"),
        refused("the finder from high to low", lambda: learn.lr_find(1.0, 0.1), "start", "end"),
        refused("one cycle of no length", lambda: learn.fit_one_cycle(0.1, 0), "epochs"),
        refused("cycles that grow without length", lambda: learn.fit(0.1, 1, cycle_mult=2), "cycle_len"),
        refused("mixing on stored activations", lambda: setattr(kf.ImageLearner.pretrained(
            backbone_of(), data, precompute=True), "mix", kf.MixUp()), "precompute"),
    ]  # fmt: skip
