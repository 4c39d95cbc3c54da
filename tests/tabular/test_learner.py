"""The table learner on tables whose rule is known: it learns, predicts raw rows, explains itself and comes back."""

import itertools

import keras
import numpy as np
import pandas as pd
import pytest

import kerasfast as kf
from kerasfast.tabular.insight.importance import permutation_importance

LEVELS = ["a", "b", "c", "d"]
EFFECTS = {"a": 1.0, "b": 2.0, "c": 4.0, "d": 8.0}
COLUMNS = {"categorical": ["kind", "noise"], "continuous": ["size", "weather"]}


def table(rows=3000, seed=0):
    """price = effect of kind x exp(size); noise and weather mean nothing; some sizes are missing."""
    random = np.random.default_rng(seed)
    kind, size = random.choice(LEVELS, rows), random.normal(0, 0.5, rows)
    frame = pd.DataFrame({"kind": kind, "noise": random.choice(LEVELS, rows), "weather": random.normal(size=rows)})
    frame["price"] = pd.Series(kind).map(EFFECTS) * np.exp(size)
    frame["dear"] = np.where(frame["price"] > 3, "yes", "no")
    frame["low"], frame["small"] = (frame["price"] < 2) * 1, (size < 0) * 1
    frame["size"] = np.where(random.random(rows) < 0.05, np.nan, size)
    return frame


def learner(target, seed=1, hidden=(32,), **arguments):
    keras.utils.set_random_seed(seed)
    data = kf.TableData.from_frame(table(), target, **COLUMNS, **arguments)
    return kf.TableLearner.entity_embeddings(data, hidden)


@pytest.fixture(scope="module")
def trained():
    learn = learner("price", log=True)
    learn.fit(0.01, 2, cycle_len=3)
    return learn


def test_a_regression_on_logarithms_learns_the_rule(trained):
    frame = table(500, seed=9).dropna()
    predictions = trained.predict_frame(frame)
    assert predictions.columns.tolist() == ["price"] and predictions.index.equals(frame.index)
    assert kf.rmspe_score(frame["price"], predictions["price"]) < 0.1
    assert kf.rmspe_score(frame["price"], np.full(len(frame), frame["price"].mean())) > 1


def test_the_history_has_the_lessons_metric(trained):
    history = trained.fit(1e-4, 1)
    assert set(history.history) == {"loss", "exp_rmspe", "val_loss", "val_exp_rmspe"}
    outputs, targets = trained.predict_with_targs()
    score = kf.rmspe_score(np.exp(targets), np.exp(outputs))
    assert history.history["val_exp_rmspe"][0] == pytest.approx(score, rel=1e-4)


def test_a_category_never_seen_is_predicted_near_the_middle(trained):
    known = table(400, seed=3).dropna()
    predictions = trained.predict_frame(known.assign(kind="zebra"))["price"]
    by_level = [trained.predict_frame(known.assign(kind=level))["price"] for level in LEVELS]
    assert np.mean(by_level[0]) * 1.1 < predictions.mean() < np.mean(by_level[3]) * 0.9


@pytest.mark.slow
def test_one_class_a_row():
    learn = learner("dear")
    learn.fit(0.01, 3)
    frame = table(500, seed=9)
    probabilities = learn.predict_frame(frame)
    assert probabilities.columns.tolist() == ["no", "yes"]
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, rtol=1e-5)
    assert (probabilities.idxmax(axis=1) == frame["dear"]).mean() > 0.93


@pytest.mark.slow
def test_several_labels_a_row():
    learn = learner(["low", "small"])
    history = learn.fit(0.01, 3)
    assert history.history["val_accuracy_thresh"][-1] > 0.93
    assert learn.predict_frame(table(10)).columns.tolist() == ["low", "small"]


@pytest.mark.slow
def test_weights_decide_what_is_learned():
    frame = table().assign(mass=lambda rows: (rows["price"] < 3) * 1.0)
    frame["shown"] = np.where(frame["mass"] > 0, 1.0, 100.0)
    keras.utils.set_random_seed(0)
    data = kf.TableData.from_frame(frame, "shown", **COLUMNS, weights="mass", valid_fraction=0)
    learn = kf.TableLearner.entity_embeddings(data, [16])
    learn.fit(0.05, 12)
    assert learn.predict_frame(frame)["shown"].max() < 3


@pytest.mark.slow
def test_groups_take_rates_of_their_own_and_can_be_frozen():
    learn = learner("price", log=True)
    layer = learn.groups.layers[0][0]
    before = layer.get_weights()[0]
    learn.freeze_to(1)
    learn.fit([0.1, 0.01, 0.01], 1)
    np.testing.assert_array_equal(layer.get_weights()[0], before)
    learn.unfreeze()
    learn.fit([0.01, 0.0, 0.0], 1)
    assert (layer.get_weights()[0] != before).any()
    assert len(learn.groups) == 3


@pytest.mark.slow
def test_the_rate_finder_and_one_cycle_work():
    learn = learner("price", log=True)
    weights = learn.model.get_weights()
    assert 1e-5 < learn.lr_find(steps=40).suggestion < 1
    for before, after in zip(weights, learn.model.get_weights(), strict=True):
        np.testing.assert_array_equal(before, after)
    assert learn.fit_one_cycle(0.02, 3).history["val_loss"][-1] < 0.1


@pytest.mark.slow
def test_a_seed_makes_a_run_repeatable():
    losses = [learner("price", seed=5, log=True).fit(0.01, 1).history["loss"] for _ in range(2)]
    assert losses[0] == losses[1]


@pytest.mark.slow
def test_a_stream_trains_like_memory(tmp_path):
    pytest.importorskip("pyarrow")
    table().to_parquet(tmp_path / "table.parquet", row_group_size=500)
    keras.utils.set_random_seed(1)
    data = kf.TableData.from_files(tmp_path / "table.parquet", "price", **COLUMNS, log=True)
    learn = kf.TableLearner.entity_embeddings(data, [32])
    history = learn.fit(0.01, 2, cycle_len=3)
    assert history.history["val_exp_rmspe"][-1] < 0.2
    assert learn.predict().shape == learn.data.valid.targets.shape


def test_an_export_predicts_without_the_data(trained, tmp_path):
    path = trained.export(tmp_path / "prices.kerasfast")
    loaded = kf.TablePredictor.load(path)
    frame = table(50, seed=2)
    pd.testing.assert_frame_equal(loaded.predict(frame), trained.predict_frame(frame))
    for name, vectors in loaded.embeddings().items():
        pd.testing.assert_frame_equal(vectors, trained.embeddings()[name])
    assert loaded.predict(frame[:0]).shape == (0, 1)


def test_files_that_are_no_export_are_named(tmp_path):
    (tmp_path / "notes.txt").write_text("notes")
    with pytest.raises(ValueError, match="notes.txt' is no bundle"):
        kf.TablePredictor.load(tmp_path / "notes.txt")
    with pytest.raises(FileNotFoundError):
        kf.TablePredictor.load(tmp_path / "nothing")


@pytest.mark.slow
def test_saved_weights_come_back(trained, tmp_path):
    learn = learner("price", log=True)
    learn.path = tmp_path
    before = learn.predict()
    learn.save("first")
    learn.fit(0.01, 1)
    learn.load("first")
    np.testing.assert_array_equal(learn.predict(), before)


def test_embeddings_are_named_by_level(trained):
    vectors = trained.embeddings()
    assert set(vectors) == {"kind", "noise"}
    assert vectors["kind"].index.tolist() == ["unknown", *LEVELS]
    _codes, _values = trained.data.encoder.transform(table(1))
    shared = trained.model.get_layer("embeddings_3").get_weights()[0]
    np.testing.assert_array_equal(vectors["kind"].to_numpy(), shared[:5])
    np.testing.assert_array_equal(vectors["noise"].to_numpy(), shared[5:])


def test_embeddings_are_drawn_with_their_names(trained):
    ax = trained.plot_embeddings("kind")
    assert sorted(text.get_text() for text in ax.texts) == LEVELS
    with pytest.raises(ValueError, match="'price' is no categorical column"):
        trained.plot_embeddings("price")


def test_what_matters_comes_first(trained):
    importance = trained.importance(rows=500)
    assert importance.index[:2].tolist() == ["kind", "size"] and set(importance.index) == {
        *itertools.chain(*COLUMNS.values())
    }
    assert importance["kind"] > 0.1 and abs(importance["noise"]) < 0.01


def test_importance_is_the_growth_of_the_loss(trained):
    sample = trained.data.valid.sample(200)
    loss = lambda targets, predictions: float(np.mean(np.abs(targets - predictions)))
    got = permutation_importance(trained.model, sample, {"size": ([], [0, 2])}, loss, seed=4)
    order = np.random.default_rng(4).permutation(200)
    mixed = sample.values.copy()
    mixed[:, [0, 2]] = sample.values[order][:, [0, 2]]
    losses = [
        loss(sample.targets, trained.predict_array({"codes": sample.codes, "values": v}))
        for v in (mixed, sample.values)
    ]
    assert got["size"] == pytest.approx(losses[0] - losses[1], rel=1e-5)


@pytest.mark.slow
def test_a_model_of_your_own_trains_too():
    codes, values = keras.Input((2,), dtype="int32", name="codes"), keras.Input((3,), name="values")
    x = keras.layers.Flatten()(keras.layers.Embedding(6, 4)(codes))
    outputs = keras.layers.Dense(1)(keras.layers.Concatenate()([x, values]))
    data = kf.TableData.from_frame(table(), "price", **COLUMNS, log=True)
    learn = kf.TableLearner(keras.Model({"codes": codes, "values": values}, outputs), data)
    history = learn.fit(0.01, 4).history["val_loss"]
    assert history[-1] < history[0]
    with pytest.raises(ValueError, match="made elsewhere"):
        learn.embeddings()


@pytest.mark.slow
def test_data_from_arrays_has_no_raw_tables(rng):
    codes, values = rng.integers(0, 5, (200, 2)), rng.normal(size=(200, 3))
    data = kf.TableData.from_arrays(codes, values, values[:, 0])
    learn = kf.TableLearner.entity_embeddings(data, [8])
    learn.fit(0.01, 1)
    assert set(learn.importance(rows=50).index) == {"code_0", "code_1", "value_0", "value_1", "value_2"}
    with pytest.raises(ValueError, match="came as arrays"):
        learn.predict_frame(table(5))


def test_mistakes_in_raw_tables_are_named(trained):
    with pytest.raises(ValueError, match=r"no columns \['size'\]"):
        trained.predict_frame(table(5).drop(columns="size"))
    with pytest.raises(ValueError, match="'size' holds text"):
        trained.predict_frame(table(5).assign(size="big"))


def test_the_summary_lists_every_layer(trained):
    summary = trained.summary()
    assert summary["output"]["nb_params"] == 33 and summary["values_norm"]["input_shape"] == (None, 3)


def test_other_columns_levels_and_classes_need_another_learner(trained):
    one, two = table(40), table(40).rename(columns={"size": "length"})
    columns = {"categorical": COLUMNS["categorical"], "continuous": ["length"]}
    for data in (kf.TableData.from_frame(two, "price", **columns), kf.TableData.from_frame(one, "price", **COLUMNS)):
        with pytest.raises(ValueError, match="The new data must have the .* of the old"):
            trained.set_data(data)
    with pytest.raises(ValueError, match="`data` must be a table"):
        trained.set_data(kf.Datasets(trained.data.train))
    assert trained.data is trained._main.data


MISTAKES = [
    (lambda learn: kf.TableLearner.entity_embeddings(learn.data, 4), ValueError, "`hidden` must be a list.*received 4"),
    (lambda learn: kf.TableLearner.entity_embeddings(learn.data, [0]), ValueError, "`hidden` must be a whole number"),
    (lambda learn: kf.TableLearner.ensemble(learn.data, hidden=4), ValueError, "`hidden` must be a list.*received 4"),
    (lambda learn: learn.importance(rows=0), ValueError, "`rows` must be a whole number, 1 or more; received 0"),
    (lambda learn: learn.importance(repeats=0), ValueError, "`repeats` must be a whole number"),
    (lambda learn: learn.predict_frame({"kind": ["a"]}), TypeError, "takes a pandas DataFrame; received dict"),
    (lambda learn: learn.predict_array(np.zeros((1, 2))), ValueError, "`predict_array` takes .*'codes': .rows, 2."),
    (lambda learn: learn.predict_array({"codes": np.zeros((1, 2))}), ValueError, "'values': .rows, 3."),
    (lambda learn: learn.fit(1e-3, 1, metrics=["auc"]), ValueError, "'auc' is for classes and labels"),
    (lambda learn: learn.train(cycles=0), ValueError, "`cycles` must be a whole number"),
]


@pytest.mark.parametrize(("mistake", "error", "message"), MISTAKES)
def test_mistakes_are_answered_in_a_sentence(trained, mistake, error, message):
    with pytest.raises(error, match=message):
        mistake(trained)


def test_datasets_of_a_view_share_its_rows():
    view = learner("price").data.train
    first, second = view._tensors, view._tensors
    assert all(a is b for a, b in zip(first, second, strict=True))
    np.testing.assert_array_equal(first.codes, view.rows.codes)
    view.rows.codes[0, 0] = 3
    assert int(first.codes[0, 0]) == 3  # no copy of the table was made
