"""Networks, a linear model and trees in one model: shares by held-out rows, and Keras computes what was fitted."""

import keras
import numpy as np
import pandas as pd
import pytest

import kerasfast as kf
from kerasfast.tabular import blending
from kerasfast.tabular.companions import trees


def table(rows=400, seed=0):
    random = np.random.default_rng(seed)
    frame = pd.DataFrame({"kind": random.choice(list("abcdef"), rows), "size": random.normal(size=rows)})
    turned = np.where(frame["kind"].isin(list("abc")), 1, -1) * frame["size"].abs()
    frame["sort"] = np.where(turned > 0.4, "high", np.where(turned < -0.4, "low", "middle"))
    frame["line"] = 1e4 + 500 * frame["size"] + 50 * random.normal(size=rows)
    return frame


def learner(target, **columns):
    keras.utils.set_random_seed(0)
    data = kf.TableData.from_frame(table(), target, valid_fraction=0, **columns)
    return kf.TableLearner.ensemble(data, 2, hidden=[4])


def only(learn, part):
    learn.model.get_layer("shares").set_weights([np.eye(3, dtype=np.float32)[part]])


@pytest.fixture(scope="module")
def trained():
    learn = learner("sort", categorical=["kind"], continuous=["size"])
    learn.train(cycles=1)
    return learn


def test_the_shares_add_up_and_trees_have_most_where_there_are_steps(trained):
    shares = trained.model.get_layer("shares").get_weights()[0]
    assert shares.sum() == pytest.approx(1) and shares.argmax() == 2
    new = table(300, seed=1)
    assert (trained.predict_frame(new).idxmax(axis=1) == new["sort"]).mean() > 0.95


def test_keras_computes_the_trees_that_were_grown(trained):
    rows, shares = trained.data.train.rows, trained.model.get_layer("shares").get_weights()
    read = blending._table(rows, trained._companions)
    layers = [trained.model.get_layer(f"tree_questions_{group}").get_weights() for group in range(1, 9)]
    asked, bias = (np.concatenate(parts, axis=-1) for parts in zip(*layers, strict=True))
    leaves = [trained.model.get_layer(f"tree_leaves_{group}").get_weights()[0] for group in range(1, 9)]
    columns, thresholds = asked.argmax(axis=0).reshape(trees.TREES, -1), -bias.reshape(trees.TREES, -1)
    leaves = np.concatenate(leaves).reshape(trees.TREES, -1, 3)
    grown = trees.Trees(np.zeros(3, np.float32), columns, thresholds, leaves)
    expected = trees.Loss("softmax").answers(grown.outputs(read.known(read.means())))
    only(trained, 2)
    found = trained.predict_array({"codes": rows.codes, "values": rows.values})
    trained.model.get_layer("shares").set_weights(shares)
    np.testing.assert_allclose(found, expected, atol=1e-4)
    assert (expected.argmax(axis=1) == rows.targets).mean() > 0.97


@pytest.mark.slow
def test_the_linear_model_has_the_units_of_the_target():
    learn = learner("line", continuous=["size"])
    learn.train(cycles=1)
    only(learn, 1)
    new = table(200, seed=2)
    found = learn.predict_frame(new)["line"]
    assert np.square(found - new["line"]).mean() < 0.1 * new["line"].var()


@pytest.mark.slow
def test_categories_alone_suffice():
    learn = learner("sort", categorical=["kind"])
    learn.train(cycles=1)
    for part in (1, 2):
        only(learn, part)
        found = learn.predict_frame(table(200, seed=2))
        np.testing.assert_allclose(found.sum(axis=1), 1, rtol=1e-5)
        np.testing.assert_allclose(found.mean(), table()["sort"].value_counts(normalize=True)[found.columns], atol=0.2)


@pytest.mark.slow
def test_a_fit_trains_the_networks_alone_and_says_so(trained, capsys):
    shares = trained.model.get_layer("shares").get_weights()
    trained.fit(1e-3, 1)
    assert "`fit` trains the networks alone" in capsys.readouterr().out
    assert trained.model.get_layer("shares").get_weights()[0].tolist() == [1, 0, 0]
    trained.fit(1e-3, 1)
    assert "networks alone" not in capsys.readouterr().out
    trained.model.get_layer("shares").set_weights(shares)


def test_there_is_no_room_where_none_is_wanted(trained):
    names = lambda learn: {layer.name for layer in learn.model.layers}
    assert "shares" in names(trained)
    assert "shares" not in names(kf.TableLearner.ensemble(trained.data, 2, mix=False))
    assert "shares" not in names(
        kf.TableLearner.ensemble(trained.data, 2, loss=keras.losses.SparseCategoricalCrossentropy())
    )
    with pytest.raises(ValueError, match="`mix` must be True or False"):
        kf.TableLearner.ensemble(trained.data, mix="yes")


def test_few_parts_are_left_out_of_many_rows(monkeypatch):
    held = np.eye(8, dtype=bool)[np.arange(800) % 8]
    assert np.unique(blending._folds(held)).tolist() == list(range(8))
    assert (blending._folds(held[:, :3]) == -1).sum() == 500
    monkeypatch.setattr(blending, "MANY", 100)
    assert np.unique(blending._folds(held)).tolist() == list(range(4))
