"""Odd uses of the course's names, for `odd_uses`."""

from __future__ import annotations

import pathlib

import numpy as np
import pandas as pd
from damaged_models import backbone_of
from odd_pictures import class_folders
from odd_tables import frame
from odd_uses import Use, refused, right

from kerasfast.fastai import column_data, conv_learner, dataset, structured, transforms


def course(folder: pathlib.Path) -> list[Use]:
    """Return the uses."""
    return [*_pictures(folder), *_frames(), *_columns(folder)]


def _pictures(folder: pathlib.Path) -> list[Use]:
    root = class_folders(folder / "pictures")
    pd.DataFrame({"file": ["a", "b"], "label": ["x", "y"]}).to_csv(root / "labels.csv", index=False)
    tfms = transforms.tfms_from_model(backbone_of(), 32)
    from_paths = dataset.ImageClassifierData.from_paths
    data = from_paths(root, bs=4, tfms=tfms)
    pretrained = conv_learner.ConvLearner.pretrained
    learn = pretrained(backbone_of(), data, xtra_fc=[4])
    pixels = np.zeros((8, 32, 32, 3), np.uint8)
    half = np.arange(8) % 2
    from_arrays = dataset.ImageClassifierData.from_arrays
    return [
        refused("no transforms", lambda: from_paths(root), "tfms"),
        refused("one transform", lambda: from_paths(root, tfms=tfms[0]), "tfms"),
        refused("a size for transforms", lambda: from_paths(root, tfms=32), "tfms"),
        refused("no folder", lambda: from_paths(folder / "absent", tfms=tfms), "absent"),
        refused("another validation folder", lambda: from_paths(root, tfms=tfms, val_name="test"), "test"),
        refused("batches of nothing", lambda: from_paths(root, tfms=tfms, bs=0), "batch"),
        refused("a CSV that is not there", lambda: dataset.ImageClassifierData.from_csv(
            root, "train", "absent.csv", tfms=tfms), "absent.csv"),
        refused("a CSV of other pictures", lambda: dataset.ImageClassifierData.from_csv(
            root, "train", "labels.csv", tfms=tfms), "a"),
        refused("validation rows beyond the table", lambda: dataset.ImageClassifierData.from_csv(
            root, "train", "labels.csv", tfms=tfms, val_idxs=[9]), "9"),
        refused("names and labels of unlike length", lambda: dataset.ImageClassifierData.from_names_and_array(
            root, ["a", "b"], np.array([0]), ["x", "y"], tfms=tfms, val_idxs=[0]), "2", "1"),
        refused("arrays of unlike length", lambda: from_arrays(root, (pixels, half[:3]), (pixels, half)), "8", "3"),
        refused("pictures without labels", lambda: from_arrays(root, pixels, pixels), "pair"),
        refused("float pixels up to 255", lambda: from_arrays(root, (pixels + 200.5, half), (pixels + 200.5, half)),
                "0 to 1"),
        refused("a size of nothing", lambda: transforms.tfms_from_model(backbone_of(), 0), "size"),
        refused("a size as text", lambda: transforms.tfms_from_model(backbone_of(), "32"), "size"),
        refused("augmentations by name", lambda: transforms.tfms_from_model(backbone_of(), 32, aug_tfms="side_on"),
                "aug_tfms"),
        refused("an unknown network", lambda: pretrained("resnet19", data), "resnet19"),
        refused("data without its class", lambda: pretrained(backbone_of(), root), "data"),
        refused("network and data swapped", lambda: pretrained(data, backbone_of()), "data", "Backbone"),
        refused("hidden layers as a number", lambda: pretrained(backbone_of(), data, xtra_fc=4), "xtra_fc"),
        refused("dropout of everything", lambda: pretrained(backbone_of(), data, ps=1.0), "dropout"),
        refused("more rates than groups", lambda: learn.fit([0.1] * 4, 1), "4"),
        refused("no cycles", lambda: learn.fit(0.1, 0), "n_cycle"),
        refused("cycles that grow without a length", lambda: learn.fit(0.1, 1, cycle_mult=2), "cycle_len"),
        refused("load what was never saved", lambda: learn.load("never"), "never"),
        refused("views as text", lambda: learn.TTA("4"), "n_aug"),
        refused("the test set without one", lambda: learn.predict(is_test=True), "test"),
        refused("metrics as text", lambda: learn.fit(0.1, 1, metrics="accuracy"), "metrics"),
        refused("freeze beyond the groups", lambda: learn.freeze_to(9), "3"),
        right("predict before fit", learn.predict, lambda found: found.shape == (8, 2)),
    ]  # fmt: skip


def _frames() -> list[Use]:
    base = frame()

    def processed(rows: pd.DataFrame, **arguments) -> list:
        return structured.proc_df(rows, "sold", **arguments)

    def ready() -> pd.DataFrame:
        rows = base.copy()
        structured.train_cats(rows)
        return rows

    return [
        refused("dates of a column that is not there", lambda: structured.add_datepart(base.copy(), "day"), "day"),
        refused("dates that are none", lambda: structured.add_datepart(base.copy(), "town"), "town"),
        refused("a target that is not there", lambda: structured.proc_df(ready(), "Sales"), "Sales", "sold"),
        refused("texts that are no categories", lambda: processed(base), "train_cats"),
        refused("dates in the frame", lambda: processed(ready().assign(day=pd.Timestamp("2024"))), "day"),
        refused("skipping what is not there", lambda: processed(ready(), skip_flds=["nothing"]), "nothing"),
        refused("no frame", lambda: structured.proc_df(base.to_dict("list"), "sold"), "DataFrame"),
        right("a sample of more rows than there are", lambda: len(structured.get_sample(base, 999)),
              lambda count: count == 60),
        refused("a sample of text", lambda: structured.get_sample(base, "9"), "9"),
        right("training's columns again", lambda: [list(processed(ready())[0]), list(processed(ready())[0])],
              lambda both: both[0] == both[1]),
        refused("categories of a list", lambda: structured.train_cats([1, 2]), "DataFrame"),
        refused("numbers all missing", lambda: processed(ready().assign(area=np.nan)), "area"),
    ]  # fmt: skip


def _columns(folder: pathlib.Path) -> list[Use]:
    codes = pd.DataFrame({"town": np.arange(20) % 3, "area": np.arange(20.0)})
    of = column_data.ColumnarModelData.from_data_frame
    target = np.arange(20.0)
    data = of(folder, [0, 1], codes, target, ["town"], bs=4)
    learner = data.get_learner
    ratings = pd.DataFrame({"user": list("ab") * 5, "item": list("xyxyxyxyxy"), "rating": np.arange(10.0)})
    from_ratings = column_data.CollabFilterDataset.from_data_frame
    return [
        refused("a categorical column that is not there", lambda: of(folder, [0], codes, target, ["shop"]), "shop"),
        refused("texts for codes", lambda: of(folder, [0], codes.assign(town="x"), target, ["town"]), "town"),
        refused("missing values", lambda: of(folder, [0], codes.assign(area=np.nan), target, ["town"]), "finite"),
        refused("targets of another length", lambda: of(folder, [0], codes, target[:5], ["town"]), "20", "5"),
        refused("missing targets", lambda: of(folder, [0], codes, target * np.nan, ["town"]), "target"),
        refused("validation rows beyond the table", lambda: of(folder, [99], codes, target, ["town"]), "99"),
        refused("all rows for validation", lambda: of(folder, range(20), codes, target, ["town"]), "no rows"),
        refused("too few embeddings", lambda: learner([], 1, 0.0, 1, [4], [0.1]), "emb_szs"),
        refused("embeddings smaller than the codes", lambda: learner([(2, 2)], 1, 0.0, 1, [4], [0.1]), "2", "3"),
        refused("another number of values", lambda: learner([(4, 2)], 5, 0.0, 1, [4], [0.1]), "5", "1"),
        refused("dropouts of another number", lambda: learner([(4, 2)], 1, 0.0, 1, [4], [0.1, 0.2]), "drop"),
        refused("outputs of another number", lambda: learner([(4, 2)], 1, 0.0, 3, [4], [0.1]).fit(0.1, 1), "3"),
        refused("ratings of a column that is not there", lambda: from_ratings(
            folder, ratings, "user", "item", "stars"), "stars"),
        refused("missing ratings", lambda: from_ratings(
            folder, ratings.assign(rating=np.nan), "user", "item", "rating").get_learner(2, [0], 4), "rating"),
        refused("ratings as texts", lambda: from_ratings(
            folder, ratings.assign(rating="good"), "user", "item", "rating"), "rating"),
        refused("no factors", lambda: from_ratings(
            folder, ratings, "user", "item", "rating").get_learner(0, [0], 4), "factors"),
    ]  # fmt: skip
