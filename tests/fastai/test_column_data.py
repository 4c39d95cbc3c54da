import keras
import numpy as np
import pandas as pd
import pytest

from kerasfast.fastai.column_data import (
    CollabFilterDataset,
    ColumnarModelData,
    V,
    accuracy,
    get_cv_idxs,
    optim,
    split_by_idx,
    to_np,
)
from kerasfast.fastai.structured import proc_df, train_cats


def shops(rows=240) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"shop": rng.choice(list("abcd"), rows), "day": rng.integers(0, 7, rows).astype(str)})
    frame["heat"] = rng.normal(size=rows)
    frame["sales"] = frame["shop"].map({"a": 1.0, "b": 2.0, "c": 4.0, "d": 5.0}) + 0.2 * frame["heat"]
    train_cats(frame)
    return frame


def rms(preds, targs):
    assert preds.shape == targs.shape
    return np.sqrt(np.mean((preds - targs) ** 2))


def learner(y_range=(0, 7), **arguments):
    keras.utils.set_random_seed(0)
    frame = shops()
    df, y, _, _ = proc_df(frame, "sales", do_scale=True)
    cats, idxs = ["shop", "day"], get_cv_idxs(len(df))
    emb_szs = [(len(frame[name].cat.categories) + 1, 3) for name in cats]
    md = ColumnarModelData.from_data_frame("here", idxs, df, y, cat_flds=cats, bs=16, test_df=df.iloc[:9])
    learn = md.get_learner(emb_szs, 1, 0.04, 1, [20, 10], [0.001, 0.01], y_range=y_range, **arguments)
    return learn, df, y, idxs


@pytest.mark.slow
def test_the_lessons_table_learns_and_predicts():
    learn, df, y, idxs = learner(metrics=[rms])
    values = learn.fit(1e-2, 4, cycle_len=2)
    assert values[1] < 0.4 and values[0] == pytest.approx(values[1] ** 2, rel=1e-4)
    preds, targs = learn.predict_with_targs()
    assert preds.shape == (48, 1)
    np.testing.assert_allclose(targs[:, 0], y[np.sort(idxs)], rtol=1e-6)
    assert rms(preds, targs) == pytest.approx(values[1], rel=1e-4)
    np.testing.assert_allclose(learn.predict_dl(learn.data.val_dl), preds, rtol=1e-5)
    expected = learn.predict_array(df[["shop", "day"]].iloc[:9].to_numpy(), df[["heat"]].iloc[:9].to_numpy("float32"))
    np.testing.assert_allclose(learn.predict(True), expected, rtol=1e-4)


@pytest.mark.slow
def test_groups_loaders_and_the_finder():
    learn, df, _, _ = learner(use_bn=True, y_range=None)
    assert len(learn.get_layer_groups()) == 3 and all(learn.core.groups.trainable)
    assert isinstance(learn.core.make_optimizer(), keras.optimizers.Adam)
    learn.lr_find()
    assert len(learn.sched.lrs) > 40
    x_cat, x_cont, y = next(iter(learn.data.trn_dl))
    assert x_cat.shape == (16, 2) and x_cont.shape == (16, 1) and y.shape == (16, 1)
    assert (len(learn.data.trn_dl), len(learn.data.val_dl)) == (12, 2)
    first = np.sort(get_cv_idxs(240))[0]
    assert learn.data.val_ds[0][0].tolist() == df[["shop", "day"]].iloc[first].tolist()
    assert learn.data.test_ds.y.shape == (9, 1)
    with pytest.raises(ValueError, match="needs a pair for each of 2 columns; received 1"):
        learn.data.get_learner([(5, 3)], 1, 0, 1, [4], [0.1])


@pytest.mark.slow
def test_classes_are_predicted_as_log_probabilities():
    keras.utils.set_random_seed(0)
    frame = shops()
    df, y, _ = proc_df(frame, "shop")
    md = ColumnarModelData.from_data_frame("here", get_cv_idxs(240), df, y, ["day"], bs=16, is_reg=False)
    learn = md.get_learner([(8, 2)], 2, 0.0, 4, [30], [0.0], metrics=[accuracy])
    assert learn.fit(2e-2, 4)[1] > 0.7
    np.testing.assert_allclose(np.exp(learn.predict()).sum(axis=1), 1, rtol=1e-5)


@pytest.mark.slow
def test_arrays_have_values_alone():
    rng = np.random.default_rng(0)
    xs = rng.normal(size=(60, 3))
    md = ColumnarModelData.from_arrays("here", get_cv_idxs(60), xs, xs.sum(axis=1), bs=8, test_xs=xs[:5])
    learn = md.get_learner([], 3, 0.0, 1, [10], [0.0])
    first, last = learn.fit(1e-2, 1)[0], learn.fit(1e-2, 8)[0]
    assert last < first and learn.predict(is_test=True).shape == (5, 1)


@pytest.mark.slow
def test_ratings(tmp_path):
    rng = np.random.default_rng(0)
    taste = {"u": 1.0, "v": -1.0, "w": 0.5}
    rows = [
        (user, item, 3 + 1.5 * taste[user] * (item % 2 * 2 - 1) + rng.normal() * 0.1)
        for user in taste
        for item in range(40)
    ]
    rng.shuffle(rows)
    frame = pd.DataFrame(rows, columns=["userId", "movieId", "rating"]).astype({"movieId": int, "rating": float})
    frame.to_csv(tmp_path / "ratings.csv", index=False)
    cf = CollabFilterDataset.from_csv(tmp_path, "ratings.csv", "userId", "movieId", "rating")
    assert (cf.n_users, cf.n_items, len(cf)) == (3, 40, 120) and cf.users[cf.user2idx["v"]] == "v"
    keras.utils.set_random_seed(0)
    learn = cf.get_learner(4, get_cv_idxs(120), 16, opt_fn=optim.Adam)
    first = learn.fit(3e-2, 1)[0]
    assert learn.fit(3e-2, 6, cycle_len=1)[0] < first / 2
    preds = learn.predict()
    assert cf.min_score <= preds.min() and preds.max() <= cf.max_score
    biases = to_np(learn.model.get_layer("item_biases")(V(np.array([cf.item2idx[5], cf.item2idx[6]]))))
    assert biases.shape == (2, 1)
    ((held, _),) = split_by_idx(get_cv_idxs(120), cf.ratings)
    np.testing.assert_allclose(learn.data.val_y[:, 0], held)
    with pytest.raises(ValueError, match="lack their user"):
        CollabFilterDataset.from_data_frame(
            "here", frame.assign(userId=[None, *frame["userId"][1:]]), "userId", "movieId", "rating"
        )


@pytest.mark.slow
def test_weights_of_tables_are_averaged_with_statistics_of_their_own():
    learn, _, _, _ = learner(use_bn=True)
    learn.fit(1e-2, 2, use_swa=True)
    assert learn.predict(use_swa=True).shape == learn.predict().shape
    means = [np.asarray(model.get_layer("values_norm").moving_mean) for model in (learn.model, learn.swa_model)]
    np.testing.assert_allclose(means[1], learn.data.trn_ds.conts.mean(axis=0), atol=1e-3)
    assert np.abs(means[0] - means[1]).max() > 1e-4


def test_the_star_of_tables_loads_rows():
    starred: dict = {}
    exec("from kerasfast.fastai.structured import *\nfrom kerasfast.fastai.column_data import *", starred)
    rows = starred["ColumnarDataset"](np.zeros((5, 1)), np.ones((5, 2)), np.arange(5))
    codes, values, targets = next(iter(starred["DataLoader"](rows, 3)))
    assert codes.shape == (3, 1) and values.shape == (3, 2) and targets.ravel().tolist() == [0, 1, 2]
