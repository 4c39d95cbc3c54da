import keras
import numpy as np
import pandas as pd
import pytest

import kerasfast as kf
from kerasfast.tabular.collab import dot_bias_model


@pytest.fixture(scope="module")
def ratings():
    """Ratings that follow from one taste per user and one character per item, and from how good the item is."""
    random = np.random.default_rng(0)
    taste, character, good = random.normal(size=60), random.normal(size=40), random.normal(size=40)
    users, items = random.integers(0, 60, 6000), random.integers(0, 40, 6000)
    score = 3 + taste[users] * character[items] + good[items]
    frame = pd.DataFrame({"userId": users + 100, "movieId": items, "rating": np.clip(score, 0.5, 5)})
    return frame.drop_duplicates(["userId", "movieId"]), good


@pytest.fixture(scope="module")
def learn(ratings):
    keras.utils.set_random_seed(0)
    data = kf.TableData.from_frame(ratings[0], "rating", categorical=["userId", "movieId"], batch_size=64)
    learn = kf.CollabFilter(data, factors=5)
    learn.fit(0.03, 1, cycle_len=8)
    return learn


@pytest.mark.slow
def test_ratings_are_learned(learn, ratings):
    outputs, targets = learn.predict_with_targs()
    assert np.mean((outputs - targets) ** 2) < 0.25 * np.var(targets)


def test_predictions_stay_in_the_range_of_the_ratings(learn, ratings):
    predictions = learn.predict_frame(ratings[0])["rating"]
    assert predictions.min() >= 0.5 and predictions.max() <= 5


def test_good_items_have_large_biases(learn, ratings):
    biases = learn.biases("movieId")
    assert biases.index[0] == "unknown"
    assert np.corrcoef(biases.iloc[1:], ratings[1])[0, 1] > 0.8
    with pytest.raises(ValueError, match="'title' is neither users nor items"):
        learn.biases("title")


def test_vectors_are_named(learn):
    vectors = learn.embeddings()
    assert vectors["userId"].shape == (61, 5) and vectors["movieId"].shape == (41, 5)
    assert vectors["userId"].index[1] == 100


def test_a_user_never_seen_gets_a_rating(learn):
    predictions = learn.predict_frame(pd.DataFrame({"userId": [99999], "movieId": [3]}))
    assert 0.5 <= predictions["rating"][0] <= 5


def test_the_model_is_a_dot_product_with_two_biases():
    model = dot_bias_model(4, 3, factors=2, y_range=(1, 5))
    codes = np.array([[3, 2], [0, 1]], np.int32)
    weights = {layer.name: layer.get_weights()[0] for layer in model.layers if layer.weights}
    expected = [
        weights["user_vectors"][user] @ weights["item_vectors"][item]
        + weights["user_biases"][user, 0]
        + weights["item_biases"][item, 0]
        for user, item in codes
    ]
    got = model.predict({"codes": codes}, verbose=0)
    np.testing.assert_allclose(got[:, 0], 1 + 4 / (1 + np.exp(-np.array(expected))), rtol=1e-5)
    assert "kerasfast" not in model.to_json()


def test_a_bundle_predicts_ratings(learn, ratings, tmp_path):
    loaded = kf.TablePredictor.load(learn.export(tmp_path / "ratings.kerasfast"))
    pd.testing.assert_frame_equal(loaded.predict(ratings[0][:9]), learn.predict_frame(ratings[0][:9]))


def test_other_data_is_refused(ratings):
    frame = ratings[0].assign(day=1.0)
    with pytest.raises(ValueError, match="two categorical columns, users and items"):
        kf.CollabFilter(kf.TableData.from_frame(frame, "rating", categorical=["userId"], continuous=["movieId"]))


@pytest.mark.parametrize("arguments", [{"factors": 0}, {"y_range": (5, 1)}])
def test_numbers_that_make_no_sense_are_refused(arguments):
    with pytest.raises(ValueError, match="factors|y_range"):
        dot_bias_model(3, 3, **arguments)
