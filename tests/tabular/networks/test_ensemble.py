"""Networks side by side: each with its own loss and rows, one plain model, trained for as long as it helps."""

import re

import keras
import numpy as np
import pandas as pd
import pytest
import tensorflow as tf

import kerasfast as kf
from kerasfast.tabular import doubling
from kerasfast.tabular.doubling import SomeSteps, held_by_members, shared_out
from kerasfast.tabular.encoding.targets import NumberScale
from kerasfast.tabular.networks.ensemble import EachMember, NumberSpread, drawn_in, ensemble_model, member_shares


def table(rows=600, seed=0):
    random = np.random.default_rng(seed)
    frame = pd.DataFrame({"kind": random.choice(["a", "b", "c"], rows), "size": random.normal(size=rows)})
    frame["price"] = 1e4 + 500 * np.sin(2 * frame["size"]) + frame["kind"].map({"a": 0, "b": 400, "c": 900})
    frame["dear"] = (frame["price"] > 1.03e4) * 1
    return frame


def learner(target, members=3, **arguments):
    keras.utils.set_random_seed(0)
    data = kf.TableData.from_frame(table(), target, categorical=["kind"], continuous=["size"], **arguments)
    return kf.TableLearner.ensemble(data, members, hidden=(32, 32))


@pytest.fixture(scope="module")
def trained():
    learn = learner("price")
    return learn, learn.train(5e-3, cycles=5)


def test_a_regression_is_learned_in_its_own_units(trained):
    learn, _ = trained
    new = table(300, seed=5)
    error = np.abs(learn.predict_frame(new)["price"] - new["price"]).mean()
    assert error < 0.2 * np.abs(new["price"] - new["price"].mean()).mean()
    assert learn.model.output_shape == (None, 1) and learn.predict().shape == (120, 1)


@pytest.mark.slow
def test_the_model_is_the_mean_of_its_members_and_plain_keras(trained, tmp_path):
    learn, _ = trained
    batch = next(iter(learn.data.valid.dataset()))[0]
    each = learn._members.model(batch)
    assert each.shape == (120, 3, 1) and np.ptp(each, axis=1).max() > 1
    mixture = learn.model.get_layer("shares")
    shares = mixture.get_weights()
    mixture.set_weights([np.array([1, 0, 0], np.float32)])
    np.testing.assert_allclose(learn.model(batch), np.mean(each, axis=1), rtol=1e-5)
    mixture.set_weights(shares)
    modules = {type(layer).__module__.split(".")[0] for layer in learn.model.layers}
    assert modules == {"keras"}
    learn.model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_allclose(loaded(batch), learn.model(batch), rtol=1e-6)
    predictor = kf.TablePredictor.load(learn.export(tmp_path / "price.kerasfast"))
    pd.testing.assert_frame_equal(predictor.predict(table(9)), learn.predict_frame(table(9)))
    assert predictor.embeddings()["kind"].shape == (4, 3 * 2)


def test_the_best_cycle_stays(trained):
    learn, cycles = trained
    lengths = cycles["steps"].diff().fillna(cycles["steps"].iloc[0])
    assert cycles["best"].sum() == 1 and lengths.tolist() == [100 * 2**cycle for cycle in range(len(cycles))]
    _, held = shared_out(learn.data.train, 3, 0)
    stage = learn._members
    stage.compile(learn._each_loss, (), learn.make_optimizer)
    found = stage.model.evaluate(held.dataset(), verbose=0, return_dict=True)["loss"]
    assert found == pytest.approx(cycles["held_out_loss"][cycles["best"]].iloc[0], rel=1e-3)
    assert len(learn.recorder.losses) == cycles["steps"].iloc[-1]


@pytest.mark.slow
def test_no_cycle_is_too_long(monkeypatch):
    monkeypatch.setattr(doubling, "MOST_STEPS", 150)
    cycles = learner("price", members=2).train(5e-3)
    assert cycles["steps"].tolist() == [100]


@pytest.mark.slow
def test_a_question_is_asked_and_the_result_said(capsys):
    learn = learner("dear")
    learn.train(5e-3, cycles=2)
    said = capsys.readouterr().out
    assert "target 'dear' is 0 or 1: a yes/no question" in said
    assert re.search(r"are loaded, mixed: networks .*; on the validation rows: accuracy (0\.9\d*|1)\n", said)
    assert learn.predict_frame(table(5)).columns.tolist() == [0, 1]


@pytest.mark.slow
def test_fit_trains_every_member_and_measures_their_mean():
    learn = learner("dear", target_kind="single")
    kernel = learn._members.model.get_layer("hidden_1").kernel
    before = kernel.numpy()
    history = learn.fit(5e-3, 2, metrics=["auc", "accuracy"]).history
    assert (np.abs(kernel.numpy() - before).reshape(3, -1).max(axis=1) > 0).all()
    predictions, targets = learn.predict_with_targs()
    assert history["val_accuracy"][-1] == pytest.approx((predictions.argmax(1) == targets).mean())
    learn.freeze()
    assert len(learn.groups) == 3


@pytest.mark.slow
def test_a_single_network_is_trained_on_four_fifths(capsys):
    keras.utils.set_random_seed(0)
    data = kf.TableData.from_frame(table(), "price", categorical=["kind"], continuous=["size"], valid_fraction=0)
    learn = kf.TableLearner.entity_embeddings(data, [32])
    cycles = learn.train(5e-3, cycles=4)
    training, held = shared_out(data.train, 1, 0)
    assert (len(training), len(held)) == (480, 120)
    assert cycles["held_out_loss"].min() < 0.5 * data.target.scale.deviation[0] ** 2


def test_rows_are_held_out_once_by_members_and_weights_have_the_mean_one():
    held = member_shares(100, 4, 5, seed=0)
    assert held.sum(axis=0).tolist() == [20] * 4 and held.sum(axis=1).max() == 1
    data = kf.TableData.from_frame(table(), "price", continuous=["size"], valid_fraction=0)
    training, shown = shared_out(data.train, 6, 0)
    assert training.rows.weights.shape == (600, 6) and len(shown) == 600
    assert training.rows.weights.mean() == pytest.approx(1) and shown.rows.weights.mean() == pytest.approx(1)
    assert not (training.rows.weights * shown.rows.weights).any()


def test_days_are_held_out_as_a_whole_where_validation_has_its_own_days():
    frame = table().assign(day=pd.to_datetime("2020-01-01") + pd.to_timedelta(np.arange(600) % 60, unit="D"))
    frame.loc[0, "day"] = pd.NaT
    options = {"continuous": ["size"], "valid_dates": ("day", "2020-02-27", "2020-03-10")}
    view = kf.TableData.from_frame(frame, "price", **options).train
    days = frame["day"][~frame["day"].between("2020-02-27", "2020-03-10")]
    held = held_by_members(view, 8, seed=0)
    assert held.any(axis=0).all() and (held.sum(axis=1) <= 1).all()
    for _, rows in pd.Series(np.arange(len(days))).groupby(days.to_numpy()):
        assert (held[rows] == held[rows.iloc[0]]).all()
    same_day = frame.assign(day=pd.Timestamp("2020-01-01")).assign(day=lambda rows: rows["day"].where(rows.index > 9))
    same_day.loc[590:, "day"] = pd.Timestamp("2020-02-28")
    assert kf.TableData.from_frame(same_day, "price", **options).train.spans is None
    assert kf.TableData.from_frame(frame, "price", continuous=["size"]).train.spans is None


def test_each_member_has_its_own_loss(rng):
    outputs, targets = rng.normal(size=(5, 3, 1)).astype(np.float32), rng.normal(size=(5, 1)).astype(np.float32)
    weights = rng.random((5, 3)).astype(np.float32)
    expected = np.mean((outputs[..., 0] - targets) ** 2 * weights)
    for loss in ("mean_squared_error", keras.losses.MeanSquaredError()):
        assert float(EachMember(loss)(targets, outputs, weights)) == pytest.approx(expected, rel=1e-5)
    classes = rng.integers(0, 4, 5)
    scores = keras.ops.softmax(rng.normal(size=(5, 3, 4)).astype(np.float32))
    expected = -np.log(np.take_along_axis(np.array(scores), classes[:, None, None], axis=2)).mean()
    assert float(EachMember("sparse_categorical_crossentropy")(classes, scores)) == pytest.approx(expected, rel=1e-5)


def test_numbers_are_drawn_in_and_standardised(rng):
    values = np.stack([rng.normal(5, 2, 1000), rng.integers(0, 100, 1000) == 0], axis=1).astype(np.float32)
    values[0, 0] = 1e6
    model, _ = ensemble_model({}, NumberSpread.of(values), members=2, embedding_widths={})
    near = keras.Model(model.input, model.get_layer("values_norm").output)({"values": values}).numpy()
    np.testing.assert_allclose(near.mean(axis=0), 0, atol=1e-3)
    np.testing.assert_allclose(near.std(axis=0), 1, rtol=1e-3)
    assert near.max() < 12 and abs(drawn_in(1e9)) <= 3


def test_members_begin_as_networks_of_their_own_would(rng):
    values = rng.normal(size=(2000, 5)).astype(np.float32)
    for members in (1, 8):
        keras.utils.set_random_seed(0)
        each, _ = ensemble_model({}, NumberSpread.of(values), members=members, embedding_widths={})
        assert 0.1 < each({"values": values}).numpy().std() < 2


def test_pieces_between_quantiles_add_up_to_the_place_of_a_number(rng):
    values = np.stack([rng.exponential(size=2000), rng.integers(0, 3, 2000)], axis=1).astype(np.float32)
    spread = NumberSpread.of(values)
    near = (drawn_in((values - spread.middle) / spread.width) - spread.mean) / spread.deviation
    place = np.clip(near[..., None] * spread.slope + spread.begin, 0, 1).sum(axis=2)
    ranks = values[:, 0].argsort().argsort() / 2000 * 16
    np.testing.assert_allclose(place[:, 0], ranks, atol=0.3)
    assert np.unique(place[:, 1].round(3)).tolist() == [0, 1, 2]


def test_a_number_of_steps_is_given_from_whatever_epoch():
    data = kf.TableData.from_frame(table(), "price", continuous=["size"], batch_size=64)
    split = SomeSteps(data.train, 17, first_epoch=2)
    batches = list(split.dataset(9))
    assert len(batches) == 17 == int(split.dataset().cardinality())
    np.testing.assert_array_equal(batches[0][1], next(iter(data.train.dataset(2)))[1])
    assert (batches[0][1].numpy() != batches[7][1].numpy()).any()


@pytest.mark.slow
def test_a_target_of_any_unit_is_learned_alike():
    losses = []
    for unit in (1e-5, 1.0, 1e6):
        keras.utils.set_random_seed(0)
        frame = table().assign(price=lambda rows, unit=unit: rows["price"] * unit)
        data = kf.TableData.from_frame(frame, "price", categorical=["kind"], continuous=["size"], valid_fraction=0)
        cycles = kf.TableLearner.ensemble(data, 2, hidden=(16,)).train(5e-3, cycles=2)
        losses.append(cycles["held_out_loss"].iloc[-1] / data.target.scale.deviation[0] ** 2)
    np.testing.assert_allclose(losses, losses[0], rtol=0.02)


@pytest.mark.slow
def test_a_loss_that_is_no_number_changes_nothing(capsys):
    learn = learner("price", members=2)
    before = learn.model.get_weights()
    cycles = learn.train(1e30)
    assert len(cycles) == 1 and not cycles["best"].any()
    assert "the weights are those of before" in capsys.readouterr().out
    for old, new in zip(before, learn.model.get_weights(), strict=True):
        np.testing.assert_array_equal(new, old)


@pytest.mark.slow
def test_an_ensemble_converts_to_litert(trained):
    learn, _ = trained
    batch = {name: part.numpy() for name, part in next(iter(learn.data.valid.dataset()))[0].items()}
    flat = tf.lite.TFLiteConverter.from_keras_model(learn.model).convert()
    runner = tf.lite.Interpreter(model_content=flat).get_signature_runner()
    np.testing.assert_allclose(next(iter(runner(**batch).values())), learn.model(batch), rtol=1e-4)


def test_files_and_damaged_rates_are_answered(tmp_path):
    pytest.importorskip("pyarrow")
    table().to_parquet(tmp_path / "t.parquet")
    data = kf.TableData.from_files(tmp_path / "t.parquet", "price", continuous=["size"])
    with pytest.raises(ValueError, match="these come from files; use `fit_one_cycle`"):
        kf.TableLearner.entity_embeddings(data, [4]).train()
    with pytest.raises(ValueError, match="`members` must be a whole number"):
        ensemble_model({}, None, members=0, embedding_widths={})
    scale = NumberScale((0.0,), (1.0,), (0.0,), (1.0,))
    with pytest.raises(ValueError, match="`scale` and `y_range`"):
        kf.entity_embedding_model([3], 0, y_range=(0, 1), scale=scale)


@pytest.mark.slow
def test_a_fit_goes_on_from_weights_that_were_saved_during_it(tmp_path):
    learn = learner("dear", members=2, path=tmp_path)
    learn.fit(5e-3, 2, cycle_len=1, cycle_save_name="tried")
    whole = learn.predict()
    learn.load("tried_cyc_0")
    assert learn.continue_fit().epoch == [1]
    np.testing.assert_allclose(learn.predict(), whole, atol=0.05)  # what dropout draws is another
