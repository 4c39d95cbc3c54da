"""Saving and loading: all of a training or nothing of it, in a file that Keras alone reads."""

import keras
import numpy as np
import pytest

import kerasfast as kf
from kerasfast.model_with_data import sgd_with_momentum
from kerasfast.optimizing.control import control_of


def model(units: int = 6) -> keras.Model:
    inputs = keras.Input((4,))
    x = keras.layers.Dense(units, "relu", name="first")(inputs)
    x = keras.layers.BatchNormalization(name="norm")(x)
    return keras.Model(inputs, keras.layers.Dense(1, name="last")(x))


def learner(path, seed: int = 0, units: int = 6, **arguments) -> kf.Learner:
    import tensorflow as tf

    keras.utils.set_random_seed(seed)
    random = np.random.default_rng(0)
    x = random.normal(size=(32, 4)).astype("float32")
    rows = tf.data.Dataset.from_tensor_slices((x, x.sum(1, keepdims=True))).batch(8)
    network = model(units)
    groups = kf.LayerGroups.split(network, ["last"])
    arguments = {"loss": "mse", "groups": groups, "path": path} | arguments
    return kf.Learner(network, kf.Datasets(rows, rows), **arguments)


def weights(learn):
    return [variable.numpy() for variable in [*learn.model.variables, *learn.model.optimizer.variables]]


@pytest.mark.slow
@pytest.mark.parametrize("make", [sgd_with_momentum, keras.optimizers.Adam], ids=["sgd", "adam"])
def test_training_goes_on_in_another_learner_as_if_it_had_never_stopped(tmp_path, make):
    learn = learner(tmp_path, optimizer=make)
    learn.lr_find(steps=5)
    learn.freeze()
    learn.fit([0.001, 0.01], 2)
    learn.bn_freeze()
    learn.save("half")
    other = learner(tmp_path, seed=7, optimizer=make)
    other.load("half")
    assert other.groups.trainable == [False, True] and other.groups.bn_frozen
    assert other._stage().epochs == 2
    np.testing.assert_array_equal(other.search.losses, learn.search.losses)
    control = control_of(other.model.optimizer)
    np.testing.assert_allclose(control.learning_rates, [0.001, 0.01])
    assert control.iterations == 8
    for one in (learn, other):
        one.fit([0.001, 0.01], 1)
    for mine, its in zip(weights(learn), weights(other), strict=True):
        np.testing.assert_array_equal(mine, its)


def test_weights_alone_on_request(tmp_path):
    learn = learner(tmp_path)
    learn.freeze()
    learn.fit(0.01, 1)
    learn.save("a")
    other = learner(tmp_path, seed=1)
    other.load("a", weights_only=True)
    np.testing.assert_array_equal(other.model.get_weights()[0], learn.model.get_weights()[0])
    assert other.groups.trainable == [True, True] and other._stage().epochs == 0 and not other.model.compiled


def test_keras_alone_reads_the_file_and_ours_reads_keras_s(tmp_path):
    learn = learner(tmp_path)
    learn.fit(0.01, 1)
    file = learn.save("a")
    plain = model()
    plain.load_weights(file)
    np.testing.assert_array_equal(plain.get_weights()[0], learn.model.get_weights()[0])
    plain.set_weights([array * 0 for array in plain.get_weights()])
    plain.save_weights(tmp_path / "models" / "zero.weights.h5")
    learn.load("zero")
    assert not learn.model.get_weights()[0].any() and learn._stage().epochs == 1


@pytest.mark.parametrize("harm", ["other network", "cut", "text"])
def test_a_load_that_fails_changes_nothing(tmp_path, harm):
    learn = learner(tmp_path)
    learn.fit(0.01, 1)
    file = learner(tmp_path, seed=3, units=7 if harm == "other network" else 6).save("bad")
    if harm == "cut":
        file.write_bytes(file.read_bytes()[: file.stat().st_size * 2 // 3])
    elif harm == "text":
        file.write_text("no weights")
    before = weights(learn)
    with pytest.raises(ValueError, match="stays as it was"):
        learn.load("bad")
    for mine, its in zip(before, weights(learn), strict=True):
        np.testing.assert_array_equal(mine, its)


def test_another_optimizer_begins_anew_and_says_so(tmp_path):
    learn = learner(tmp_path)
    learn.fit(0.01, 1)
    learn.save("sgd")
    other = learner(tmp_path, optimizer=keras.optimizers.Adam)
    with pytest.warns(UserWarning, match="is of an SGD .* is an Adam .* begins anew"):
        other.load("sgd")


def test_names_without_folders_and_missing_files(tmp_path):
    learn = learner(tmp_path)
    with pytest.raises(ValueError, match="without folders; received 'a/b'"):
        learn.save("a/b")
    learn.save("there")
    with pytest.raises(FileNotFoundError, match="saved: there"):
        learn.load("absent")


@pytest.mark.slow
def test_a_loaded_optimizer_takes_groups_and_keeps_its_slots(tmp_path):
    learn = learner(tmp_path)
    learn.fit(0.01, 2)
    learn.model.save(tmp_path / "m.keras")
    loaded = keras.models.load_model(tmp_path / "m.keras")
    slots = [variable.numpy() for variable in loaded.optimizer.variables]
    groups = kf.LayerGroups.split(loaded, ["last"])
    with pytest.raises(ValueError, match="made 8 updates.*holds only the largest. Pass `learning_rates`"):
        kf.grouped(loaded.optimizer, groups)
    optimizer = kf.grouped(loaded.optimizer, groups, learning_rates=[0.001, 0.01])
    loaded.compile(optimizer, loss="mse")
    np.testing.assert_allclose(control_of(loaded.optimizer).learning_rates, [0.001, 0.01])
    for before, now in zip(slots[2:], optimizer.variables[2:], strict=True):
        np.testing.assert_array_equal(before, now.numpy())
    learn.fit([0.001, 0.01], 1)
    loaded.fit(learn.data.train, verbose=0)
    for mine, its in zip(learn.model.get_weights(), loaded.get_weights(), strict=True):
        np.testing.assert_allclose(mine, its, rtol=1e-4, atol=1e-6)
    with pytest.raises(ValueError, match="has layer groups already"):
        kf.grouped(loaded.optimizer, groups)


class SaveAt(keras.callbacks.Callback):
    def __init__(self, learn, batch):
        super().__init__()
        self.learn, self.left = learn, batch

    def on_train_batch_end(self, batch, logs=None):
        self.left -= 1
        if self.left == 0:
            self.learn.save("within")


@pytest.mark.slow
def test_a_fit_is_continued_from_weights_that_were_saved_in_it(tmp_path):
    keras.utils.set_random_seed(0)
    whole = learner(tmp_path)
    plan = {"cycle_len": 1, "cycle_mult": 2}
    whole.fit(0.01, 2, cycle_save_name="c", callbacks=[SaveAt(whole, 6)], **plan)
    for name, epochs in (("c_cyc_0", 2), ("within", 2)):
        learn = learner(tmp_path)
        learn.load(name)
        history = learn.continue_fit()
        assert len(history.epoch) == epochs
        np.testing.assert_allclose(learn.recorder.learning_rates, whole.recorder.learning_rates, rtol=1e-6)
        assert learn.recorder.epochs[-1]["loss"] == pytest.approx(whole.recorder.epochs[-1]["loss"], rel=1e-5)
        assert learn.recorder.epochs[1]["loss"] == pytest.approx(whole.recorder.epochs[1]["loss"], rel=1e-5)
        for mine, its in zip(learn.model.get_weights(), whole.model.get_weights(), strict=True):
            np.testing.assert_allclose(mine, its, rtol=1e-4, atol=1e-6)
        with pytest.raises(ValueError, match="no fit to continue"):
            learn.continue_fit()
    learn.load("c_cyc_1")
    with pytest.raises(ValueError, match="at its end, after 3 epochs"):
        learn.continue_fit()


def test_a_bit_that_flipped_is_seen_and_changes_nothing(tmp_path):
    learn = learner(tmp_path)
    learn.fit(0.01, 1)
    file = learn.save("w")
    whole, before = file.read_bytes(), learn.model.get_weights()
    for part in (before[0], learn.model.optimizer.variables[2].numpy()):  # a weight, and a slot of the optimizer
        place = whole.index(np.ascontiguousarray(part).tobytes()[:24])
        file.write_bytes(whole[: place + 2] + bytes([whole[place + 2] ^ 1]) + whole[place + 3 :])
        with pytest.raises(ValueError, match=r"w.weights.h5 does not fit.*(not those|not that) of its checksum"):
            learn.load("w")
        for value, now in zip(before, learn.model.get_weights(), strict=True):
            np.testing.assert_array_equal(value, now)
    file.write_bytes(whole)
    learn.load("w")
