"""Heads solved on stored features, and whole networks trained gently from there, on small drawn pictures."""

import dataclasses

import keras
import numpy as np
import pytest

import kerasfast as kf
from kerasfast.vision.fitting import features as features_module
from kerasfast.vision.fitting.fine_tuning import BOLDER, RATE, KeepBest, cycles_of, group_rates
from kerasfast.vision.fitting.solved_head import linear_layers, solve_head


def pictures(count: int, kind: str, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Noisy pictures of which the left half is red, the right half green, both or neither."""
    random = np.random.default_rng(seed)
    sides = random.integers(0, 2, size=(count, 2))
    images = random.normal(90, 45, size=(count, 24, 24, 3))
    images[:, :, :12, 0] += 70 * sides[:, 0, None, None]
    images[:, :, 12:, 1] += 70 * sides[:, 1, None, None]
    targets = {"single": sides @ [1, 2], "multi": sides, "regression": (sides * [3.0, 500.0]).astype(np.float32)}[kind]
    return images.clip(0, 255).astype(np.uint8), targets


def data_of(kind: str, path, *, train: int = 48) -> kf.ImageData:
    arguments = {"target_kind": kind} if kind == "regression" else {}
    return kf.ImageData.from_arrays(
        pictures(train, kind, 0), pictures(40, kind, 1), path=path, batch_size=16,
        transforms=kf.transforms_basic(24), **arguments,
    )  # fmt: skip


def backbone() -> kf.Backbone:
    keras.utils.set_random_seed(0)
    inputs = keras.Input((None, None, 3))
    x = keras.layers.Rescaling(1 / 127.5, -1)(inputs)
    for width in (8, 16, 24):
        x = keras.layers.Conv2D(width, 3, strides=2, padding="same", kernel_initializer="he_normal")(x)
        x = keras.layers.BatchNormalization()(x)
        x = keras.layers.ReLU()(x)
    return kf.Backbone.from_model(keras.Model(inputs, x), size=24, name="tiny")


def activated(outputs: np.ndarray, kind: str) -> np.ndarray:
    if kind == "single":
        powers = np.exp(outputs - outputs.max(axis=1, keepdims=True))
        return powers / powers.sum(axis=1, keepdims=True)
    return 1 / (1 + np.exp(-outputs)) if kind == "multi" else outputs


def statistics(learn: kf.ImageLearner) -> list[np.ndarray]:
    layers = [layer for layer in learn.model.layers if isinstance(layer, keras.layers.BatchNormalization)]
    return [variable.numpy() for layer in layers for variable in (layer.moving_mean, layer.moving_variance)]


@pytest.mark.slow
@pytest.mark.parametrize("precompute", [True, False])
@pytest.mark.parametrize("kind", ["single", "multi", "regression"])
def test_a_solved_head_predicts_what_the_solution_says(kind, precompute, tmp_path, capsys):
    data = data_of(kind, tmp_path)
    learn = kf.ImageLearner.pretrained(backbone(), data, precompute=precompute)
    body = learn.network.features.get_weights()
    fit = learn.fit_head()
    assert learn.precompute == precompute and learn.groups.trainable == [False, False, True]
    assert all(np.array_equal(a, b) for a, b in zip(body, learn.network.features.get_weights(), strict=True))
    assert "solved on 48 pictures, weight decay" in capsys.readouterr().out
    expected = fit.outputs(learn.network.features.predict(data.valid.dataset(), verbose=0))
    np.testing.assert_allclose(learn.predict(), activated(expected, kind), rtol=1e-3, atol=2e-3)


def test_a_solved_head_needs_no_validation_pictures(tmp_path, monkeypatch):
    computed = []
    compute = features_module._compute
    monkeypatch.setattr(features_module, "_compute", lambda *a: (computed.append(len(a[1])), compute(*a))[1])
    learn = kf.ImageLearner.pretrained(backbone(), data_of("single", tmp_path))
    learn.fit_head()
    assert computed == [48]


@pytest.mark.slow
def test_a_solved_head_is_better_than_a_fitted_one(tmp_path):
    scores = []
    for solve in (True, False):
        learn = kf.ImageLearner.pretrained(backbone(), data_of("single", tmp_path), precompute=True)
        learn.fit_head() if solve else learn.fit(0.01, 1, cycle_len=8)
        predictions, targets = learn.predict_with_targs()
        scores.append(-np.log(predictions[np.arange(40), targets]).mean())
    assert scores[0] < scores[1]


@pytest.mark.slow
@pytest.mark.parametrize("arguments", [{"hidden": (8,)}, {"loss": keras.losses.SparseCategoricalCrossentropy()}])
def test_other_heads_and_losses_are_trained_by_steps(arguments, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("kerasfast.vision.fitting.solved_head.STEPS", 300)
    learn = kf.ImageLearner.pretrained(backbone(), data_of("single", tmp_path), precompute=True, **arguments)
    assert learn.fit_head() is None
    assert "trained for 100 epochs" in capsys.readouterr().out
    predictions, targets = learn.predict_with_targs()
    assert np.mean(predictions.argmax(axis=1) == targets) > 0.5
    learn.fit(0.001, 1)


def test_a_solved_head_minds_class_weights_and_label_smoothing():
    features = keras.Input((6,))
    head = keras.Model(features, keras.layers.Dense(3, activation="softmax")(features))
    random = np.random.default_rng(0)
    rows = random.normal(size=(300, 6)).astype(np.float32)
    targets = (rows[:, :3] + random.gumbel(size=(300, 3))).argmax(axis=1)

    def mean_prediction(**options) -> np.ndarray:
        assert solve_head(head, rows, targets, "single", kf.ClassLoss(**options)) is not None
        return head.predict(rows, verbose=0).mean(axis=0)

    shares = np.bincount(targets) / 300
    np.testing.assert_allclose(mean_prediction(), shares, atol=2e-3)
    np.testing.assert_allclose(mean_prediction(label_smoothing=0.3), shares * 0.7 + 0.1, atol=2e-3)
    assert mean_prediction(class_weights=[5, 1, 1])[0] > shares[0] + 0.1
    assert solve_head(head, rows, targets, "single", "kl_divergence") is None


def test_linear_heads_are_known_and_solved_with_and_without_normalisation():
    features = keras.Input((6,))
    dense = keras.layers.Dense(3, activation="softmax")
    norm = keras.layers.BatchNormalization(scale=False, epsilon=0.3)
    plain = keras.Model(features, dense(features))
    normed = keras.Model(
        features, keras.layers.Dense(3, activation="softmax")(keras.layers.Dropout(0.2)(norm(features)))
    )
    hidden = keras.Model(features, dense(keras.layers.Dense(6)(features)))
    rows = np.random.default_rng(0).normal(size=(60, 6)).astype(np.float32)
    for head in (plain, normed):
        fit = solve_head(head, rows, rows[:, :3].argmax(axis=1), "single")
        expected = fit.outputs(rows)
        found = np.log(head.predict(rows, verbose=0))
        np.testing.assert_allclose(
            found - found.mean(axis=1, keepdims=True), expected - expected.mean(axis=1, keepdims=True), atol=1e-3
        )
    assert linear_layers(plain)[0] is None and linear_layers(hidden) is None
    assert linear_layers(keras.Sequential([keras.Input((2, 2, 6)), keras.layers.Dense(3)])) is None


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["single", "multi"])
def test_fine_tuning_never_ends_below_its_start_and_says_what_is_loaded(kind, tmp_path, capsys, monkeypatch):
    learn = kf.ImageLearner.pretrained(backbone(), data_of(kind, tmp_path))
    learn.fit_head()
    held = statistics(learn)
    start = learn.model.get_weights()
    learn.fine_tune(2, learning_rate=30.0)  # which ruins everything
    assert "none was better than the start, which is loaded" in capsys.readouterr().out
    assert all(np.array_equal(a, b) for a, b in zip(start, learn.model.get_weights(), strict=True))
    monkeypatch.setattr(learn, "fit_head", lambda: None)
    learn.model.layers[-1].kernel.assign(-learn.model.layers[-1].kernel)  # so that epochs beat the start
    history = learn.fine_tune(6, learning_rate=1e-2).history
    said = capsys.readouterr().out
    assert "was best and is loaded" in said
    scores = learn.model.evaluate(learn.data.valid.dataset(), return_dict=True, verbose=0)
    name = "accuracy" if kind == "single" else "accuracy_thresh"
    assert scores["loss"] == pytest.approx(min(history["val_loss"]), rel=1e-4)
    assert scores[name] >= history[f"val_{name}"][0]
    assert learn.groups.trainable == [True] * 3 and not learn.precompute
    assert all(np.array_equal(a, b) for a, b in zip(held, statistics(learn), strict=True))


@pytest.mark.slow
def test_fine_tuning_has_rates_per_group_and_goes_by_steps_while_it_gains(tmp_path, monkeypatch):
    monkeypatch.setattr("kerasfast.vision.fitting.fine_tuning.STEPS", 5)
    gained = iter([True, False])
    monkeypatch.setattr(KeepBest, "gained", property(lambda keeper: next(gained)))
    learn = kf.ImageLearner.pretrained(backbone(), data_of("single", tmp_path))
    history = learn.fine_tune()  # of three batches each epoch
    assert history.epoch == list(range(6)) and len(history.history["val_loss"]) == 6
    assert len(learn.recorder.epochs) == 4
    np.testing.assert_allclose(learn.recorder.learning_rates.max(axis=0), group_rates(BOLDER * RATE, 3), rtol=0.35)


def test_further_cycles_are_longer_and_bolder_unless_epochs_are_asked_for():
    assert cycles_of(3, 1e-3, 10) == [(3, 1e-3)]
    assert cycles_of(None, 1e-4, 100) == [(2, 1e-4), *[(4, pytest.approx(3e-4))] * 2]
    assert cycles_of(None, RATE, 1000)[0][0] == 1 and cycles_of(None, RATE, 1)[0][0] == 8


def test_the_lowest_loss_is_kept_where_the_metric_is_no_worse_than_at_the_start():
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1, use_bias=False)])

    def kept(start, epochs, metrics=("accuracy",)) -> float:
        keep = KeepBest(start, list(metrics))
        keep.set_model(model)
        model.set_weights([np.zeros((1, 1))])
        keep.on_train_begin()
        for epoch, logs in enumerate(epochs):
            model.set_weights([np.full((1, 1), epoch + 1.0)])
            keep.on_epoch_end(epoch, {"loss": 1.0, **logs})
        keep.on_train_end()
        return float(model.get_weights()[0][0, 0])

    def logs(loss, accuracy):
        return {"val_loss": loss, "val_accuracy": accuracy}

    assert kept(logs(0.5, 0.9), [logs(0.4, 0.8), logs(0.6, 0.9)]) == 0
    assert kept(logs(0.5, 0.9), [logs(0.4, 0.9), logs(0.3, 0.95), logs(0.8, 0.99), logs(0.1, float("nan"))]) == 2
    assert kept(logs(0.5, 0.9), [logs(0.1, 0.89), logs(0.45, 0.9), logs(float("nan"), 0.99)]) == 2
    assert kept(logs(0.5, 0.9), [logs(0.48, 0.95)]) == 0  # which may be chance
    assert kept({"val_loss": 0.5}, [{"val_loss": 0.6}, {"val_loss": 0.4}], metrics=()) == 2
    mean_error = {"val_loss": 0.5, "val_mean_absolute_error": 0.5}
    assert kept(mean_error, [{**mean_error, "val_mean_absolute_error": 0.6}], metrics=["mean_absolute_error"]) == 0


def test_a_solved_head_is_as_good_as_a_logistic_regression_on_real_pictures(data_dir, weights_dir, tmp_path):
    from sklearn.linear_model import LogisticRegression
    from sklearn.preprocessing import StandardScaler

    weights = weights_dir / "mobilenet_v1_0.25_224_no_top.weights.h5"
    data = kf.ImageData.from_folders(data_dir / "dogscats", transforms=kf.transforms_side_on(96))
    parts = {
        name: getattr(data.source, name).take(np.arange(0, 1600, 4) if name == "train" else np.arange(400))
        for name in ("train", "valid")
    }
    data = dataclasses.replace(data, source=dataclasses.replace(data.source, **parts, test=None), path=tmp_path)
    backbone = kf.Backbone.from_keras(keras.applications.MobileNet, alpha=0.25, weights=weights)
    learn = kf.ImageLearner.pretrained(backbone, data, precompute=True)
    train, valid = learn._features.data.train, learn._features.data.valid
    averages = slice(train.features.shape[1] // 2, None)
    scaler = StandardScaler().fit(train.features[:, averages])
    peer = LogisticRegression(max_iter=2000).fit(scaler.transform(train.features[:, averages]), train.targets)
    theirs = peer.score(scaler.transform(valid.features[:, averages]), valid.targets)
    learn.fit_head()
    ours = np.mean(learn.predict().argmax(axis=1) == valid.targets)
    assert ours >= theirs - 0.005 and ours > 0.85
