"""F-beta and threshold accuracy against scikit-learn, alone, inside Keras and after saving."""

import keras
import numpy as np
import pytest
import sklearn.metrics
import tensorflow as tf

from kerasfast.metrics import tags as metrics

GRID = [0.1, 0.2, 0.35, 0.6]


def sparse_data(seed: int, rows: int = 53, classes: int = 6) -> tuple[np.ndarray, np.ndarray]:
    """Random tags with empty rows, an absent class and rows where nothing is predicted."""
    rng = np.random.default_rng(seed)
    targets = (rng.random((rows, classes)) < 0.3).astype("float32")
    targets[::7] = 0
    targets[:, 2] = 0
    predictions = (0.4 * targets + 0.6 * rng.random((rows, classes))).astype("float32")
    predictions[::14] = 0.01
    predictions[:, 2] = 0.02
    return targets, predictions


def reference(targets, predictions, beta, threshold, average, weights=None) -> float:
    return sklearn.metrics.fbeta_score(
        targets, predictions > threshold, beta=beta, average=average, zero_division=0, sample_weight=weights
    )


def accumulate(metric, targets, predictions, weights=None, cuts=(5, 6, 30)):
    for part in np.split(np.arange(len(targets)), cuts):
        metric.update_state(targets[part], predictions[part], None if weights is None else weights[part])
    return metric


@pytest.mark.parametrize("average", metrics.AVERAGES)
@pytest.mark.parametrize("beta", [0.5, 1, 2])
@pytest.mark.parametrize("threshold", [0.2, 0.5])
def test_fbeta_over_uneven_batches_equals_scikit_learn(average, beta, threshold):
    targets, predictions = sparse_data(1)
    expected = reference(targets, predictions, beta, threshold, average)
    metric = accumulate(metrics.FBeta(beta, average=average, threshold=threshold), targets, predictions)
    assert float(metric.result()) == pytest.approx(expected, abs=1e-6)
    assert metrics.fbeta_score(targets, predictions, beta, threshold, average) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("average", metrics.AVERAGES)
def test_grid_gives_the_largest_score_and_its_threshold(average):
    targets, predictions = sparse_data(2)
    scores = [reference(targets, predictions, 2, threshold, average) for threshold in GRID]
    metric = accumulate(metrics.FBeta(2, average=average, thresholds=GRID), targets, predictions)
    assert float(metric.result()) == pytest.approx(max(scores), abs=1e-6)
    assert metric.best_threshold == GRID[int(np.argmax(scores))]
    found = metrics.best_threshold(targets, predictions, thresholds=GRID, average=average)
    assert found == pytest.approx((metric.best_threshold, max(scores)))


@pytest.mark.parametrize("average", metrics.AVERAGES)
@pytest.mark.parametrize("shape", [(-1,), (-1, 1)])
def test_row_weights_equal_scikit_learn(average, shape):
    targets, predictions = sparse_data(3)
    weights = np.random.default_rng(3).random(len(targets)).astype("float32")
    expected = reference(targets, predictions, 2, 0.3, average, weights)
    metric = metrics.FBeta(2, average=average, threshold=0.3)
    accumulate(metric, targets, predictions, weights.reshape(shape))
    assert float(metric.result()) == pytest.approx(expected, abs=1e-6)


def test_reset_forgets_everything_and_empty_metrics_say_so():
    targets, predictions = sparse_data(4)
    for average in metrics.AVERAGES:
        metric = metrics.FBeta(average=average, thresholds=GRID)
        assert float(metric.result()) == 0
        accumulate(metric, targets, predictions).reset_state()
        assert float(metric.result()) == 0
        with pytest.raises(RuntimeError, match="after an epoch"):
            _ = metric.best_threshold


def test_f2_searches_the_seven_thresholds_of_the_course():
    course = np.arange(0.17, 0.24, 0.01)
    np.testing.assert_array_equal(np.float32(metrics.PLANET_THRESHOLDS), np.float32(course))
    targets, predictions = sparse_data(5)
    metric = accumulate(metrics.f2(), targets, predictions)
    assert metric.name == "f2"
    expected = max(reference(targets, predictions, 2, threshold, "samples") for threshold in course)
    assert float(metric.result()) == pytest.approx(expected, abs=1e-6)
    assert metrics.f2(name="other", threshold=0.4).thresholds is None


def test_half_precision_predictions_are_scored_in_single_precision():
    targets, predictions = sparse_data(6, rows=4000)
    half = predictions.astype("float16")
    for average in metrics.AVERAGES:
        metric = metrics.FBeta(average=average, threshold=0.3, dtype="mixed_float16")
        accumulate(metric, targets, half)
        expected = reference(targets, half.astype("float32"), 2, 0.3, average)
        assert float(metric.result()) == pytest.approx(expected, abs=1e-6)


def test_threshold_accuracy_is_the_share_of_right_elements():
    targets, predictions = sparse_data(7)
    weights = np.random.default_rng(7).random(len(targets)).astype("float32")
    right = (predictions > 0.3) == targets
    plain = accumulate(metrics.ThresholdAccuracy(0.3), targets, predictions)
    assert float(plain.result()) == pytest.approx(right.mean(), abs=1e-6)
    weighted = accumulate(metrics.ThresholdAccuracy(0.3), targets, predictions, weights)
    assert float(weighted.result()) == pytest.approx(np.average(right.mean(axis=1), weights=weights), abs=1e-6)
    assert plain.name == "accuracy_thresh"


def tagger(jit_compile: bool = False, steps_per_execution: int = 1, weighted: bool = False, f2=None) -> keras.Model:
    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(6, activation="sigmoid")])
    macro = metrics.FBeta(1, average="macro", thresholds=GRID, name="macro")
    scores = [f2 or metrics.f2(), macro, metrics.ThresholdAccuracy()]
    model.compile(
        "sgd",
        "binary_crossentropy",
        steps_per_execution=steps_per_execution,
        jit_compile=jit_compile,
        **{"weighted_metrics" if weighted else "metrics": scores},
    )
    return model


def expected_logs(targets, predictions, weights=None) -> dict[str, float]:
    f2 = max(reference(targets, predictions, 2, t, "samples", weights) for t in metrics.PLANET_THRESHOLDS)
    macro = max(reference(targets, predictions, 1, t, "macro", weights) for t in GRID)
    accuracy = np.average(((predictions > 0.5) == targets).mean(axis=1), weights=weights)
    return {"f2": f2, "macro": macro, "accuracy_thresh": accuracy}


@pytest.mark.slow
@pytest.mark.parametrize("jit_compile", [False, True])
def test_fit_and_evaluate_report_the_whole_epoch_with_several_steps_per_execution(jit_compile, rng):
    targets, _ = sparse_data(8)
    features = rng.normal(size=(53, 4)).astype("float32")
    f2 = metrics.f2()
    model = tagger(jit_compile, steps_per_execution=3, f2=f2)
    history = model.fit(features, targets, batch_size=8, validation_data=(features, targets), verbose=0).history
    expected = expected_logs(targets, model.predict(features, verbose=0))
    logs = model.evaluate(features, targets, batch_size=8, verbose=0, return_dict=True)
    for name, value in expected.items():
        assert logs[name] == pytest.approx(value, abs=1e-6)
        assert history[f"val_{name}"][-1] == pytest.approx(value, abs=1e-6)
    predictions = model.predict(features, verbose=0)
    assert f2.best_threshold == metrics.best_threshold(targets, predictions, thresholds=metrics.PLANET_THRESHOLDS)[0]


@pytest.mark.slow
def test_sample_weights_reach_the_weighted_metrics(rng):
    targets, _ = sparse_data(9)
    features, weights = rng.normal(size=(53, 4)).astype("float32"), rng.random(53).astype("float32")
    model = tagger(weighted=True)
    logs = model.evaluate(features, targets, sample_weight=weights, batch_size=10, verbose=0, return_dict=True)
    for name, value in expected_logs(targets, model.predict(features, verbose=0), weights).items():
        assert logs[name] == pytest.approx(value, abs=1e-6)


def test_targets_of_unknown_rank_are_scored():
    targets, predictions = sparse_data(10)
    metric = metrics.f2()
    signature = [tf.TensorSpec(None), tf.TensorSpec((None, 6))]
    accumulate_in_graph = tf.function(metric.update_state, input_signature=signature)
    for part in np.split(np.arange(len(targets)), [20]):
        accumulate_in_graph(targets[part], predictions[part])
    assert float(metric.result()) == pytest.approx(expected_logs(targets, predictions)["f2"], abs=1e-6)


@pytest.mark.slow
def test_compiled_model_reloads_with_its_metrics(tmp_path, rng):
    targets, _ = sparse_data(11)
    features = rng.normal(size=(53, 4)).astype("float32")
    model = tagger()
    before = model.evaluate(features, targets, verbose=0, return_dict=True)
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    assert loaded.evaluate(features, targets, verbose=0, return_dict=True) == pytest.approx(before)
    metric = metrics.FBeta(3, average="micro", threshold=0.2, name="mine")
    assert metrics.FBeta.from_config(metric.get_config()).get_config() == metric.get_config()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"beta": 0}, "above 0; received 0"),
        ({"beta": float("nan")}, "above 0"),
        ({"average": "weighted"}, "'samples', 'micro', 'macro'; received 'weighted'"),
        ({"threshold": 1.0}, r"between 0 and 1.*\[1.0\]"),
        ({"threshold": 0.5, "thresholds": [0.5]}, "not both"),
        ({"thresholds": []}, r"at least one; received \[\]"),
        ({"thresholds": [0.2, float("nan")]}, r"between 0 and 1.*\[0.2, nan\]"),
        ({"thresholds": 0.2}, "list of numbers"),
    ],
)
def test_wrong_arguments_are_named(arguments, message):
    with pytest.raises(ValueError, match=message):
        metrics.FBeta(**arguments)


@pytest.mark.parametrize("shapes", [((4, 3), (4, 2)), ((4,), (4, 1)), ((4,), (4,)), ((4, 2, 2), (4, 2, 2))])
def test_wrong_shapes_are_named(shapes):
    targets, predictions = (np.zeros(shape, "float32") for shape in shapes)
    for score in (metrics.FBeta().update_state, metrics.fbeta_score):
        with pytest.raises(ValueError, match="shape"):
            score(targets, predictions)


def test_wrong_batches_are_named():
    metric = metrics.FBeta(average="macro")
    metric.update_state(np.zeros((2, 3)), np.zeros((2, 3)))
    with pytest.raises(ValueError, match="3 classes; received one with 4"):
        metric.update_state(np.zeros((2, 4)), np.zeros((2, 4)))
    with pytest.raises(ValueError, match="one weight per row"):
        metric.update_state(np.zeros((2, 3)), np.zeros((2, 3)), np.zeros((2, 3)))
    with pytest.raises(ValueError, match="1 of 2 rows hold NaN"):
        metrics.fbeta_score(np.zeros((2, 2)), np.array([[0, np.nan], [0, 1]]))
    with pytest.raises(ValueError, match="At least one row"):
        metrics.best_threshold(np.zeros((0, 2)), np.zeros((0, 2)))


def test_default_grid_is_searched_exactly(rng):
    targets, predictions = sparse_data(12, rows=300)
    grid = np.arange(2, 99) / 100
    scores = [reference(targets, predictions, 2, threshold, "samples") for threshold in grid]
    assert metrics.best_threshold(targets, predictions) == pytest.approx((grid[np.argmax(scores)], max(scores)))


def test_best_constant_beats_every_other_prefix_of_frequent_tags(rng):
    targets = (rng.random((200, 5)) < [0.1, 0.9, 0.05, 0.6, 0.3]).astype(float)
    tags, score = metrics.best_constant(targets)
    order = np.argsort(-targets.mean(axis=0))
    candidates = [np.isin(np.arange(5), order[:count]).astype(float) for count in range(1, 6)]
    scores = [reference(targets, np.tile(tag, (200, 1)), 2, 0.5, "samples") for tag in candidates]
    np.testing.assert_array_equal(tags, candidates[int(np.argmax(scores))])
    assert score == pytest.approx(max(scores))
