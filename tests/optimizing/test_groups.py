"""Layer groups: splitting, freezing without compiling, and the train functions that come back."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import kerasfast as kf
from kerasfast.optimizing.groups import flat_layers


class Counting:
    """A loss that counts how often it is traced."""

    def __init__(self):
        self.traces = 0

    def __call__(self, y_true, y_pred):
        self.traces += 1
        return tf.reduce_mean(tf.square(y_true - y_pred))


def nested_model() -> keras.Model:
    keras.utils.set_random_seed(0)
    body = keras.Sequential(
        [keras.layers.Input((4,)), keras.layers.Dense(6, name="a"), keras.layers.BatchNormalization(name="norm"),
         keras.layers.Dense(6, name="b")], name="body",
    )  # fmt: skip
    inputs = keras.Input((4,))
    return keras.Model(inputs, keras.layers.Dense(1, name="head")(body(inputs)))


def data(n: int = 32) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(0)
    return random.normal(2.0, 3.0, size=(n, 4)).astype("float32"), random.normal(size=(n, 1)).astype("float32")


def moved(model, before) -> set[str]:
    return {v.path.split("/")[-2] for v, old in zip(model.weights, before, strict=True) if not np.array_equal(v, old)}


@pytest.mark.parametrize("boundaries", [["norm", "head"], [2, 4], [-3, -1]])
def test_names_and_indices_split_nested_models_alike(boundaries):
    model = nested_model()
    assert [layer.name for layer in flat_layers(model)][1:] == ["a", "norm", "b", "head"]
    groups = kf.LayerGroups.split(model, boundaries)
    names = [[layer.name for layer in group if layer.weights] for group in groups.layers]
    assert names == [["a"], ["norm", "b"], ["head"]]
    assert [len(v) for v in groups.variables] == [2, 4, 2]


def test_layers_split_too_and_unnested_indices_are_keras_indices():
    model = keras.Sequential([keras.layers.Input((4,)), keras.layers.Dense(3), keras.layers.Dense(2)])
    assert flat_layers(model) == model.layers
    groups = kf.LayerGroups.split(model, [model.layers[1]])
    assert groups.layers == [[model.layers[0]], [model.layers[1]]]


@pytest.mark.slow
@pytest.mark.parametrize("arguments", [{}, {"steps_per_execution": 2}])
def test_freezing_takes_effect_without_compiling(arguments):
    model, (x, y) = nested_model(), data()
    groups = kf.LayerGroups.split(model, ["norm", "head"])
    model.compile(keras.optimizers.Adam(0.01), loss="mse", **arguments)
    for act, want in [
        (lambda: groups.freeze_to(-1), {"head"}),
        (groups.unfreeze, {"a", "norm", "b", "head"}),
        (lambda: groups.freeze_all_but(1), {"norm", "b"}),
        (lambda: groups.freeze_to(1), {"norm", "b", "head"}),
        (lambda: groups.freeze_all_but(0), {"a"}),
    ]:
        act()
        before = [v.numpy() for v in model.weights]
        model.fit(x, y, verbose=0)
        assert moved(model, before) == want


@pytest.mark.slow
def test_a_state_seen_before_is_not_traced_again_and_slots_survive():
    model, (x, y) = nested_model(), data()
    groups = kf.LayerGroups.split(model, ["norm", "head"])
    loss = Counting()
    model.compile(kf.grouped(keras.optimizers.Adam, groups, learning_rates=[1e-4, 1e-3, 1e-2]), loss=loss)
    for act in (lambda: groups.freeze_to(-1), groups.unfreeze, lambda: groups.freeze_all_but(1)):
        act()
        model.fit(x, y, verbose=0)
    traces, iterations = loss.traces, int(model.optimizer.iterations)
    slots = [v.numpy() for v in model.optimizer.variables if "momentum" in v.path]
    for act in (lambda: groups.freeze_to(-1), groups.unfreeze, lambda: groups.freeze_all_but(1), lambda: None):
        act()
        model.fit(x, y, epochs=2, verbose=0)
    assert loss.traces == traces
    assert int(model.optimizer.iterations) == iterations + 8
    now = [v.numpy() for v in model.optimizer.variables if "momentum" in v.path]
    assert len(now) == len(slots) == 8 and all(np.any(value) for value in now)


@pytest.mark.slow
def test_compiling_again_forgets_the_old_train_functions():
    model, (x, y) = nested_model(), data()
    groups = kf.LayerGroups.split(model, ["norm", "head"])
    model.compile("sgd", loss="mse")
    groups.freeze_to(-1)
    model.fit(x, y, verbose=0)
    groups.unfreeze()
    model.fit(x, y, verbose=0)
    model.compile(keras.optimizers.SGD(0.0), loss="mse")
    groups.freeze_to(-1)
    before = [v.numpy() for v in model.weights]
    model.fit(x, y, verbose=0)
    assert moved(model, before) == set()


def test_flags_set_by_hand_before_compiling_do_not_confuse_the_states():
    model, (x, y) = nested_model(), data()
    groups = kf.LayerGroups.split(model, ["norm", "head"])
    model.get_layer("body").trainable = False
    model.compile("sgd", loss="mse")
    model.fit(x, y, verbose=0)
    groups.unfreeze()
    before = [v.numpy() for v in model.weights]
    model.fit(x, y, verbose=0)
    assert moved(model, before) == {"a", "norm", "b", "head"}


def test_frozen_batch_norm_is_in_inference_mode_and_unfrozen_moves():
    model, (x, y) = nested_model(), data()
    groups = kf.LayerGroups.split(model, ["norm", "head"])
    model.compile("sgd", loss="mse")
    norm = flat_layers(model)[2]
    groups.freeze_to(-1)
    model.fit(x, y, verbose=0)
    np.testing.assert_array_equal(norm.moving_mean, np.zeros(6))
    groups.unfreeze()
    model.fit(x, y, verbose=0)
    assert np.any(norm.moving_mean)


@pytest.mark.slow
def test_bn_freeze_holds_statistics_while_scale_and_shift_train():
    model, (x, y) = nested_model(), data()
    groups = kf.LayerGroups.split(model, ["norm", "head"])
    model.compile("sgd", loss="mse")
    norm = flat_layers(model)[2]
    groups.bn_freeze(True)
    groups.unfreeze()
    gamma = norm.gamma.numpy()
    model.fit(x, y, verbose=0)
    np.testing.assert_array_equal(norm.moving_mean, np.zeros(6))
    assert not np.array_equal(norm.gamma, gamma)
    groups.freeze_to(-1)
    gamma = norm.gamma.numpy()
    model.fit(x, y, verbose=0)
    np.testing.assert_array_equal(norm.gamma, gamma)
    groups.unfreeze()
    groups.bn_freeze(False)
    model.fit(x, y, verbose=0)
    assert np.any(norm.moving_mean)


def test_keras_does_not_warn_of_changed_flags(recwarn):
    model, (x, y) = nested_model(), data()
    groups = kf.LayerGroups.split(model, ["norm", "head"])
    model.compile("sgd", loss="mse")
    groups.freeze_to(-1)
    model.fit(x, y, verbose=0)
    assert not [w for w in recwarn if "trainable" in str(w.message)]


@pytest.mark.parametrize(
    ("act", "message"),
    [
        (lambda m: kf.LayerGroups.split(m, [99]), "has 5 layers"),
        (lambda m: kf.LayerGroups.split(m, ["nose"]), "no layer named 'nose'; its layers: .*head"),
        (lambda m: kf.LayerGroups.split(m, [3, 2]), "Boundaries must rise"),
        (lambda m: kf.LayerGroups.split(m, [0]), "leave a layer in every group"),
        (lambda m: kf.LayerGroups.split(m, [keras.layers.Dense(1, name="other")]), "'other' is not a layer"),
        (lambda m: kf.LayerGroups.split(m, ["norm"]).freeze_to(2), "has 2 layer groups; pass an index from -2 to 1"),
        (lambda m: kf.LayerGroups.split(m, ["norm"]).freeze_all_but(-3), "received -3"),
        (lambda m: kf.LayerGroups.split(m, ["norm"]).freeze_to(True), "received True"),
        (lambda m: kf.LayerGroups(m, [[], m.layers]), r"group\(s\) \[0\] have none"),
        (lambda m: kf.LayerGroups(keras.Sequential([keras.layers.Dense(1)]), [[1]]), "needs a built model"),
    ],
)
def test_wrong_splits_are_refused(act, message):
    with pytest.raises(ValueError, match=message):
        act(nested_model())


@pytest.mark.slow
@pytest.mark.parametrize("arguments", [{}, {"steps_per_execution": 2}])
def test_flags_set_by_hand_count_and_unfreezing_after_them_too(arguments):
    """Set between the groups, `compile` and a first fit: the function of one state must not be kept for another."""
    model, (x, y) = nested_model(), data()
    groups = kf.LayerGroups.split(model, ["norm", "head"])
    first = flat_layers(model)[1]
    first.trainable = False
    model.compile(kf.grouped(keras.optimizers.SGD, groups, learning_rates=0.01), loss="mse", **arguments)
    before = [v.numpy() for v in model.weights]
    model.fit(x, y, verbose=0)
    assert moved(model, before) == {"norm", "b", "head"}
    groups.sync()
    groups.unfreeze()
    before = [v.numpy() for v in model.weights]
    model.fit(x, y, verbose=0)
    assert moved(model, before) == {"a", "norm", "b", "head"}
    first.trainable = False
    groups.sync()
    before = [v.numpy() for v in model.weights]
    model.fit(x, y, verbose=0)
    assert moved(model, before) == {"norm", "b", "head"}
    groups.unfreeze()
    before = [v.numpy() for v in model.weights]
    model.fit(x, y, verbose=0)
    assert moved(model, before) == {"a", "norm", "b", "head"}
