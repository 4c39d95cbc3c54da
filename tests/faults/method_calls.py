"""Right calls of the methods of learners, data, predictors and reports, for `calls`."""

from __future__ import annotations

import numpy as np
from worlds import Call, World
from wrong_values import PARAMETERS, anything, empty, flag, function, nothing, number, or_none, path, text, whole

import kerasfast as kf


def methods(w: World) -> list[Call]:
    """Return a right call of every method."""
    fit = {"lrs": 0.1, "n_cycle": 1, "wds": None, "cycle_len": 1, "cycle_mult": 1, "use_clr": None,
           "use_clr_beta": None, "cycle_save_name": None, "best_save_name": None, "restore_best": False,
           "callbacks": (), "resume": False}  # fmt: skip
    one = {"learning_rates": 0.1, "epochs": 1, "weight_decays": None, "div": 25.0, "tail": 0.1,
           "momentum": (0.95, 0.85), "best_save_name": None, "restore_best": False, "callbacks": ()}  # fmt: skip
    no = lambda value: flag(value) and not value  # a best epoch without `best_save_name` is refused
    fits = {"cycle_len": or_none(whole(1)), "restore_best": no}
    report = w.learn.interpret()
    pixels = np.zeros((2, 32, 32, 3), np.uint8)
    calls = [
        Call(f"{kind}.fit", learn.fit, fit, fits, costly=True)
        for kind, learn in (("Learner", w.plain), ("ImageLearner", w.learn), ("TableLearner", w.tables))
    ]
    likely = {"threshold": or_none(number(0, 1))}
    return [
        *calls,
        Call("Learner.fit_one_cycle", w.plain.fit_one_cycle, one, {"restore_best": no, "div": number(1)}, costly=True),
        Call("Learner.fit_opt_sched", w.plain.fit_opt_sched, {"phases": [kf.Phase()], "callbacks": ()},
             {"phases": nothing}, costly=True),
        Call("Learner.lr_find", w.plain.lr_find,
             {"start": 1e-5, "end": 1.0, "weight_decays": None, "linear": False, "steps": 10},
             {"start": PARAMETERS["lrs"], "end": number(above=1e-5), "steps": or_none(whole(2, 10**6))}, costly=True),
        Call("Learner.predict", w.plain.predict, {"is_test": False}, costly=True),
        Call("Learner.predict_with_targs", w.plain.predict_with_targs, {"is_test": False}, costly=True),
        Call("Learner.predict_array", w.plain.predict_array, {"inputs": np.ones((2, 3))}, {"inputs": nothing}),
        Call("Learner.save", w.plain.save, {"name": "w"}, costly=True),
        Call("Learner.load", w.plain.load, {"name": "w", "weights_only": False}, {"name": nothing}, costly=True),
        Call("Learner.freeze_to", w.plain.freeze_to, {"first": 0}, {"first": whole(-1, 0)}),
        Call("Learner.freeze_all_but", w.plain.freeze_all_but, {"only": 0}, {"only": whole(-1, 0)}),
        Call("Learner.bn_freeze", w.plain.bn_freeze, {"freeze": True}),
        Call("Learner.set_data", w.plain.set_data, {"data": kf.Datasets(w.rows, w.rows)}),
        Call("ImageLearner.tta", w.learn.tta, {"n_aug": 1, "is_test": False}, costly=True),
        Call("ImageLearner.predict_image", w.learn.predict_image, {"image": pixels[0]}, {"image": nothing}),
        Call("ImageLearner.predict_array", w.learn.predict_array, {"inputs": pixels}, {"inputs": nothing}),
        Call("ImageLearner.submission", w.learn.submission,
             {"path": w.folder / "s.csv", "predictions": None, "threshold": None, "ids": None, "n_aug": 0,
              "is_test": False},
             {"path": path, "predictions": or_none(nothing), "ids": or_none(nothing), **likely}, costly=True),
        Call("ImageLearner.interpret", w.learn.interpret, {"is_test": False, "threshold": None}, likely, costly=True),
        Call("ImageLearner.export", w.learn.export, {"path": w.folder / "m.kerasfast", "threshold": None},
             {"path": text, **likely}, costly=True),
        Call("ImageLearner.set_data", w.learn.set_data, {"data": w.data, "precompute": False}),
        Call("ImageLearner.fit_head", w.learn.fit_head, {"seed": 1}, costly=True),
        Call("ImageLearner.fine_tune", w.learn.fine_tune, {"epochs": 1, "learning_rate": 0.001, "callbacks": ()},
             {"epochs": or_none(whole(1)), "learning_rate": number(above=0)}, costly=True),
        Call("ImageData.resize", w.data.resize, {"size": 40, "folder": "tmp", "progress": False},
             {"size": whole(32), "folder": text}),
        Call("ImageData.in_memory", w.data.in_memory, {"gibibytes": 1.0}, {"gibibytes": number(above=0)}),
        Call("ImageData.at_size", w.data.at_size, {"size": 40}),
        Call("ImageData.fold", w.data.fold, {"fold": 0, "folds": 2}, {"fold": whole(0, 1), "folds": nothing}),
        Call("TableLearner.train", w.tables.train,
             {"learning_rates": 1e-3, "weight_decays": 1e-2, "cycles": 1, "seed": 0, "callbacks": ()},
             {"weight_decays": PARAMETERS["lrs"]}, costly=True),
        Call("TableLearner.importance", w.tables.importance, {"loss": None, "rows": 10, "repeats": 1, "seed": 0},
             {"loss": or_none(function)}, costly=True),
        Call("TableLearner.predict_frame", w.tables.predict_frame, {"frame": w.frame}),
        Call("TableLearner.predict_array", w.tables.predict_array,
             {"inputs": {"codes": np.ones((2, 1), int), "values": np.ones((2, 1))}}, {"inputs": nothing}),
        Call("TableLearner.plot_embeddings", w.tables.plot_embeddings, {"column": "text"}, {"column": nothing}),
        Call("TableLearner.export", w.tables.export, {"path": w.folder / "t.kerasfast"}, {"path": text}, costly=True),
        Call("ImagePredictor.load", kf.ImagePredictor.load, {"path": w.folder / "pets.kerasfast", "runtime": "keras"},
             {"path": nothing, "runtime": nothing}, costly=True),
        Call("TablePredictor.load", kf.TablePredictor.load,
             {"path": w.folder / "sales.kerasfast", "runtime": "keras"}, {"path": nothing, "runtime": nothing},
             costly=True),
        Call("ImagePredictor.predict", w.predictor.predict,
             {"pictures": pixels, "top_k": None, "on_error": "raise", "column": "file", "root": "."},
             {"pictures": empty, "column": anything, "root": path, "top_k": or_none(whole(1, 2))}),
        Call("ImagePredictor.predict_array", w.predictor.predict_array, {"pixels": pixels}, {"pixels": nothing}),
        Call("Interpretation.most_wrong", report.most_wrong, {"name": "cats", "count": 2},
             {"name": or_none(nothing)}),
        Call("Interpretation.top_losses", report.top_losses, {"count": 2}),
        Call("Interpretation.per_class", report.per_class, {"resamples": 5, "level": 0.9, "seed": 0}),
        Call("Interpretation.calibration", report.calibration, {"bins": 5}),
        Call("Interpretation.calibrated", report.calibrated, {"temperature": 2.0},
             {"temperature": or_none(number(above=0))}),
        Call("Interpretation", kf.Interpretation,
             {"predictions": w.single, "targets": np.arange(20) % 3, "classes": ["x", "y", "z"],
              "target_kind": "single", "threshold": 0.5}, {"target_kind": nothing, "threshold": number(0, 1)}),
        Call("TableEncoder.transform", kf.TableEncoder(["text"], []).fit(w.frame).transform, {"frame": w.frame}),
        Call("TableEncoder.fit", kf.TableEncoder(["text"], []).fit, {"frame": w.frame}),
    ]  # fmt: skip
