"""Right calls of all that is public, for `wrong_calls`: each is then made wrong, an argument at a time."""

from __future__ import annotations

import keras
import numpy as np
from damaged_models import backbone_of
from method_calls import methods
from worlds import Call, World
from wrong_values import (
    PARAMETERS,
    anything,
    either,
    empty,
    flag,
    function,
    no_mapping,
    nothing,
    number,
    or_none,
    path,
    scalar_array,
    text,
    two,
    two_texts,
    whole,
    whole_numbers,
)  # fmt: skip

import kerasfast as kf
from kerasfast import tabular


def _functions(w: World) -> list[Call]:
    tags = {"targets": w.tags, "predictions": w.likely}
    lengths = {"start": 1.0, "end": 0.1, "length": 4.0}
    numbers = {"start": number(), "end": number(), "length": number(above=0), "value": number()}
    ends = {"start": number(above=0), "end": number(above=0), "length": number(above=0)}
    write = {"path": w.folder / "s.csv", "files": ["a", "b"], "predictions": w.likely[:2], "classes": ["x", "y", "z"]}
    return [
        Call("balanced_weights", kf.balanced_weights, {"targets": w.tags, "most": 20.0},
             {"most": number(1), "targets": whole_numbers}),
        Call("best_constant", kf.best_constant, {"targets": w.tags, "beta": 2}),
        Call("best_threshold", kf.best_threshold, {**tags, "beta": 2, "thresholds": None, "average": "samples"},
             {"thresholds": or_none(nothing), "average": nothing}),
        Call("best_thresholds", kf.best_thresholds, {**tags, "beta": 2, "folds": 5, "seed": 42}),
        Call("class_frame", kf.class_frame,
             {**tags, "classes": ["x", "y", "z"], "threshold": 0.5, "resamples": 5, "level": 0.95, "seed": 0}),
        Call("constant", kf.constant, {"value": 1.0}, numbers),
        Call("cosine", kf.cosine, lengths, numbers),
        Call("linear", kf.linear, lengths, numbers),
        Call("exponential", kf.exponential, lengths, ends),
        Call("polynomial", kf.polynomial, {**lengths, "power": 2.0}, numbers),
        Call("one_cycle", kf.one_cycle, {"length": 4.0, "start": 0.1, "peak": 1.0, "end": 0.001, "tail": 0.1},
             {"start": number(), "peak": number(), "end": number()}),
        Call("triangular", kf.triangular, {"cycle_len": 2.0, "start": 0.25, "peak": 1.0, "rise": None},
             {"cycle_len": number(above=0), "start": number(), "peak": number(),
              "rise": or_none(number(0, 2))}),
        Call("sgdr", kf.sgdr, {"cycle_len": 1.0, "cycle_mult": 2, "warm_up": 0.05, "warm_up_factor": 0.01},
             {"cycle_len": number(above=0), "cycle_mult": number(1), "warm_up": number(0, below=1),
              "warm_up_factor": number(0)}),
        Call("repeat", kf.repeat, {"schedule": kf.constant(1.0), "length": 2.0}, {"schedule": function}),
        Call("join", kf.join, {"schedules": [kf.constant(1.0)], "lengths": [2.0]},
             {"schedules": nothing, "lengths": nothing}),
        Call("piecewise_linear", kf.piecewise_linear, {"times": [0, 1], "values": [1, 2]},
             {"times": nothing, "values": nothing}),
        Call("expected_calibration_error", kf.expected_calibration_error, {**tags, "kind": "multi", "bins": 10}),
        Call("fbeta_score", kf.fbeta_score, {**tags, "beta": 2, "threshold": 0.5, "average": "samples"},
             {"average": nothing, "threshold": either(number(above=0, below=1), scalar_array)}),
        Call("fit_temperature", kf.fit_temperature, {**tags, "kind": "multi"}),
        Call("with_temperature", kf.with_temperature, {"predictions": w.likely, "temperature": 2.0, "kind": "multi"}),
        Call("rmspe_score", kf.rmspe_score, {"targets": np.ones(4), "predictions": np.ones(4)}),
        Call("validation_indices", kf.validation_indices, {"n": 20, "fold": 0, "fraction": 0.2, "seed": 0},
             {"n": whole(2), "fraction": number(above=0, below=1)}),
        Call("write_submission", kf.write_submission,
             {**write, "threshold": None, "ids": None, "id_column": None, "tag_column": "tags",
              "quote_formulas": False},
             {"path": path, "files": two_texts, "threshold": or_none(either(number(0, 1), scalar_array)),
              "ids": or_none(two), "id_column": or_none(text), "tag_column": text}),
        Call("open_image", kf.open_image, {"file": w.folder / "pictures/train/cats/0.jpg"}, {"file": nothing}),
        Call("grad_cam", kf.grad_cam,
             {"source": w.learn, "picture": w.folder / "pictures/train/cats/0.jpg", "target_class": None},
             {"source": nothing, "picture": nothing, "target_class": or_none(whole(0, 1))}),
        Call("grouped", kf.grouped,
             {"optimizer": keras.optimizers.SGD, "groups": w.plain.groups, "learning_rates": 0.1,
              "weight_decays": None}, {"optimizer": nothing}),
        Call("find_learning_rate", kf.find_learning_rate,
             {"model": w.model, "data": w.rows, "start": 1e-5, "end": 10.0, "steps": 10, "linear": False,
              "weight_decays": None, "divergence": 4.0},
             {"divergence": number(above=1), "end": number(above=1e-5), "steps": whole(2, 10**6),
              "start": nothing}, costly=True),
        Call("guess_columns", kf.guess_columns, {"frame": w.frame, "target": "answer", "leave_out": []},
             {"target": nothing, "leave_out": empty}),
        Call("cross_validate", kf.cross_validate,
             {"make_learner": lambda data: None, "data": w.data, "folds": 2, "score": None, "predict": None},
             {"make_learner": function, "score": or_none(function), "predict": or_none(function), "folds": nothing},
             costly=True),
        Call("entity_embedding_model", kf.entity_embedding_model,
             {"cardinalities": {"a": 3}, "continuous": 2, "outputs": 1, "hidden": [4], "dropout": 0.0,
              "embedding_sizes": None, "embedding_dropout": 0.0, "batch_norm": False, "y_range": None,
              "activation": "linear"},
             {"cardinalities": either(empty, lambda value: isinstance(value, dict)), "continuous": whole(0),
              "outputs": whole(1),
              "embedding_sizes": or_none(no_mapping), "activation": nothing, "hidden": empty}, costly=True),
        Call("add_date_parts", tabular.add_date_parts, {"frame": w.frame, "column": "day"}, {"column": nothing}),
        Call("add_elapsed", tabular.add_elapsed,
             {"frame": w.frame, "events": ["yes"], "by": "text", "date": "day"},
             {"events": nothing, "by": or_none(nothing), "date": nothing}),
        Call("add_rolling", tabular.add_rolling,
             {"frame": w.frame, "columns": ["count"], "window": 3, "by": "text", "date": "day"},
             {"columns": nothing, "window": whole(1), "by": or_none(nothing), "date": nothing}),
        Call("join_df", tabular.join_df, {"left": w.frame, "right": w.frame.head(3), "left_on": "count"},
             {"left": nothing, "right": nothing, "left_on": nothing}),
        *[Call(name, getattr(kf, name), {"size": 64}) for name in
          ("transforms_basic", "transforms_side_on", "transforms_top_down")],
        Call("save_figure", kf.save_figure, {"drawing": kf.Recorder, "path": w.folder / "a.png", "dpi": 50},
             {"drawing": nothing, "path": nothing, "dpi": nothing}),
        Call("plot_confusion_matrix", kf.plot_confusion_matrix,
             {"matrix": np.ones((2, 2)), "class_names": ["a", "b"], "title": "t"},
             {"matrix": nothing, "class_names": two}),
        Call("plot_images", kf.plot_images,
             {"images": np.zeros((2, 8, 8, 3), np.uint8), "titles": None, "rows": None, "columns": None},
             {"images": nothing, "titles": or_none(two), "rows": or_none(whole(1)),
              "columns": or_none(whole(1))}),
        Call("backbones.get", kf.backbones.get, {"backbone": "resnet18"}, {"backbone": function}),
    ]  # fmt: skip


def _constructors(w: World) -> list[Call]:
    columns = either(empty, text, two)
    fraction = number(0, below=1)
    arrays = {"train": (np.zeros((8, 16, 16, 3), np.uint8), np.arange(8) % 2)}
    folder_data = {
        "root": w.folder / "pictures", "train": "train", "valid": "valid", "test": None, "valid_fraction": 0.2,
        "groups": None, "on_error": "raise", "outside_links": True, "batch_size": 4, "seed": 1,
        "transforms": kf.Transforms(32),
    }  # fmt: skip
    names = {"root": nothing, "train": nothing, "valid": or_none(nothing), "test": or_none(nothing),
             "groups": or_none(function), "transforms": nothing}  # fmt: skip
    table = {"frame": w.frame, "target": "answer", "categorical": ["text"], "continuous": ["number"], "dates": [],
             "target_kind": None, "log": False, "valid": None, "valid_indices": None, "valid_fraction": None,
             "valid_dates": None, "test": None, "weights": None, "encoder": None, "batch_size": None, "seed": 1,
             "path": w.folder}  # fmt: skip
    lists = {"target": nothing, "categorical": empty, "continuous": empty, "dates": empty, "log": nothing,
             "target_kind": or_none(nothing), "valid": or_none(nothing), "valid_indices": or_none(nothing),
             "valid_fraction": or_none(number(0, below=1)), "valid_dates": or_none(nothing),
             "test": or_none(nothing), "weights": or_none(nothing), "encoder": or_none(nothing),
             "batch_size": or_none(whole(1))}  # fmt: skip
    learner = {"loss": None, "optimizer": keras.optimizers.SGD, "clip": None, "steps_per_execution": 1,
               "path": w.folder}  # fmt: skip
    head = {"backbone": backbone_of(), "data": w.data, "hidden": (4,), "dropout": 0.1, "pool": "concat",
            "weights": "default", "precompute": False, "accelerate": False}  # fmt: skip
    sizes = {"embedding_sizes": or_none(no_mapping), "hidden": empty, "optimizer": or_none(function),
             "steps_per_execution": or_none(whole(1)), "dropout": fraction}  # fmt: skip
    return [
        Call("Transforms", kf.Transforms,
             {"size": 64, "crop": "random", "rotate": 10.0, "max_zoom": 1.1, "flip": True, "dihedral": False,
              "brightness": 0.1, "contrast": 0.1, "pad": 0, "padding": "reflect"},
             {"crop": nothing, "rotate": number(0, 180), "max_zoom": number(1), "flip": flag, "dihedral": flag,
              "brightness": number(0, 1), "contrast": number(0, 1), "pad": whole(0), "padding": nothing}),
        Call("FBeta", kf.FBeta, {"beta": 2.0, "average": "samples", "threshold": 0.5, "thresholds": None},
             {"average": nothing, "threshold": or_none(number(above=0, below=1)), "thresholds": or_none(nothing)}),
        Call("ThresholdAccuracy", kf.ThresholdAccuracy, {"threshold": 0.5}, {"threshold": number(above=0, below=1)}),
        Call("ClassLoss", kf.ClassLoss, {"class_weights": None, "label_smoothing": 0.1},
             {"class_weights": or_none(whole_numbers)}),
        Call("TagLoss", kf.TagLoss,
             {"tag_weights": None, "label_smoothing": 0.1, "focus": (0.0, 0.0), "margin": 0.0},
             {"tag_weights": or_none(whole_numbers), "focus": nothing, "margin": number(0, below=1)}),
        Call("ArrayMetric", kf.ArrayMetric, {"function": np.mean, "name": "m", "lower_is_better": None},
             {"function": function, "name": lambda value: isinstance(value, str),
              "lower_is_better": or_none(lambda value: isinstance(value, bool))}),
        Call("Schedule", kf.Schedule,
             {"learning_rate": kf.constant(1.0), "momentum": None, "weight_decay": None, "unit": "epochs",
              "steps_per_epoch": None},
             {"learning_rate": or_none(function), "momentum": or_none(function), "weight_decay": or_none(function),
              "unit": nothing, "steps_per_epoch": or_none(whole(1))}),
        Call("Datasets", kf.Datasets, {"train": w.rows, "valid": None, "test": None, "path": "."},
             {"train": nothing, "valid": or_none(nothing), "test": or_none(nothing), "path": path}),
        Call("LayerGroups.split", kf.LayerGroups.split, {"model": w.model, "boundaries": [1]},
             {"boundaries": empty}),
        Call("Learner", kf.Learner, {"model": w.model, "data": kf.Datasets(w.rows), **learner, "loss": "mse"}),
        Call("ImageData.from_folders", kf.ImageData.from_folders, folder_data, names),
        Call("ImageData.from_arrays", kf.ImageData.from_arrays,
             {**arrays, "valid": None, "test": None, "classes": None, "target_kind": None, "valid_fraction": 0.25,
              "batch_size": 4, "seed": 1, "transforms": kf.Transforms(16)},
             {"train": nothing, "valid": or_none(nothing), "test": or_none(nothing), "classes": or_none(two),
              "target_kind": or_none(nothing), "transforms": nothing}),
        Call("ImageLearner.pretrained", kf.ImageLearner.pretrained, head | learner,
             {"backbone": nothing, "pool": nothing, "weights": nothing, "hidden": empty,
              "dropout": or_none(fraction), "steps_per_execution": or_none(whole(1))}, costly=True),
        Call("TableData.from_frame", kf.TableData.from_frame, table, lists, costly=True),
        Call("TableData.from_csv", kf.TableData.from_csv, {"file": w.folder / "table.csv", "target": "answer"},
             {"file": nothing, "target": nothing}, costly=True),
        Call("TableData.from_files", kf.TableData.from_files,
             {"files": w.folder / "table.csv", "target": "answer", "categorical": ["text"]},
             {"files": nothing, "target": nothing, "categorical": nothing}, costly=True),
        Call("TableData.from_arrays", kf.TableData.from_arrays,
             {"codes": np.ones((20, 1), int), "values": np.ones((20, 2)), "targets": np.ones((20, 1)),
              "valid_fraction": 0.2, "target_kind": "regression", "weights": None, "batch_size": 4, "seed": 0},
             {"codes": or_none(nothing), "values": or_none(nothing), "target_kind": nothing,
              "weights": or_none(nothing), "valid_fraction": or_none(number(0, below=1)),
              "batch_size": or_none(whole(1))}, costly=True),
        Call("TableEncoder", kf.TableEncoder,
             {"categorical": ["text"], "continuous": ["number"], "max_levels": None, "min_count": 1,
              "missing_flags": "learned", "separate_missing": False, "standardize": True, "unknown_rate": 0.01},
             {"categorical": columns, "continuous": columns, "max_levels": either(or_none(whole(1)), no_mapping),
              "min_count": either(whole(0), no_mapping),
              "missing_flags": either(empty, no_mapping)}),
        Call("TableLearner.entity_embeddings", kf.TableLearner.entity_embeddings,
             {"data": w.table, "hidden": [4], "dropout": 0.0, "embedding_sizes": None, "embedding_dropout": 0.0,
              "batch_norm": False, "y_range": None, **learner}, sizes, costly=True),
        Call("TableLearner.ensemble", kf.TableLearner.ensemble,
             {"data": w.table, "members": 2, "hidden": [4], "dropout": 0.0, "embedding_sizes": None, **learner},
             sizes, costly=True),
        Call("CollabFilter", kf.CollabFilter, {"data": w.table, "factors": 4, "y_range": None}, costly=True),
        Call("Phase", kf.Phase,
             {"epochs": 1, "learning_rate": 0.1, "learning_rate_decay": "constant", "momentum": None,
              "weight_decay": None, "power": 2.0},
             {"epochs": number(above=0, most=1e6), "learning_rate": either(PARAMETERS["lrs"], whole_numbers),
              "learning_rate_decay": nothing,
              "momentum": or_none(number(0, below=1)),
              "weight_decay": or_none(either(PARAMETERS["lrs"], whole_numbers))}),
        Call("Backbone.from_keras", kf.Backbone.from_keras,
             {"function": keras.applications.MobileNet, "weights": None, "split": None, "size": None},
             {"function": nothing, "weights": or_none(nothing), "split": or_none(anything),
              "size": or_none(whole(1))}, costly=True),
        Call("Backbone.from_model", kf.Backbone.from_model, {"model": w.model, "size": 32, "preprocess": None},
             {"size": or_none(whole(1)), "preprocess": or_none(nothing)}, costly=True),
    ]  # fmt: skip


def calls(world: World) -> list[Call]:
    """Return a right call of everything."""
    return [*_functions(world), *_constructors(world), *methods(world)]
