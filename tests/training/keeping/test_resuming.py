"""Fits that are killed go on and end as fits that were not: to the bit on a CPU."""

import pathlib
import subprocess
import sys
import types

import keras
import numpy as np
import pytest

import kerasfast as kf
from kerasfast.training.keeping.resuming import SHARE, CheckpointWriter, KeptFits
from kerasfast.training.training_stage import Moment

KILLS = pathlib.Path(__file__).parents[2] / "faults" / "kill_training.py"


class Views:
    """Rows in an order that depends on the epoch, as `ImageData` and `TableData` have them."""

    def __init__(self, shuffle: bool):
        self.shuffle = shuffle
        self.x = np.random.default_rng(0).normal(size=(48, 4)).astype("float32")
        self.targets = self.x.sum(1, keepdims=True)

    def dataset(self, epoch: int = 0):
        import tensorflow as tf

        from kerasfast.training.epoch_order import epoch_order

        order = epoch_order(48, 5, epoch, shuffle=self.shuffle)
        x, y = tf.constant(self.x), tf.constant(self.targets)
        return order.map(lambda row: (x[row], y[row])).batch(8, drop_remainder=True)


def learner(path, seed: int = 0) -> kf.Learner:
    keras.utils.set_random_seed(seed)
    inputs = keras.Input((4,))
    x = keras.layers.Dense(16, "relu", name="first")(inputs)
    x = keras.layers.BatchNormalization(name="norm")(x)
    x = keras.layers.Dropout(0.3)(x)
    network = keras.Model(inputs, keras.layers.Dense(1, name="last")(x))
    groups = kf.LayerGroups.split(network, ["last"])
    data = kf.Datasets(Views(True), Views(False))
    return kf.Learner(network, data, loss="mse", groups=groups, metrics=["mae"], path=path)


class Killed(Exception):
    """As good as a kill for what is on disk."""


class KillAt(keras.callbacks.Callback):
    def __init__(self, batch: int):
        super().__init__()
        self.left = batch

    def on_train_batch_end(self, batch, logs=None):
        self.left -= 1
        if self.left < 0:
            raise Killed


@pytest.fixture(autouse=True)
def every_epoch(monkeypatch):
    monkeypatch.setattr("kerasfast.training.keeping.resuming.SHARE", 1e9)


def program(path, kill: int | None = None, seed: int = 0):
    """Train in three fits; the kill comes after so many batches."""
    learn = learner(path, seed)
    killer = KillAt(10**9 if kill is None else kill)
    histories = []
    learn.freeze()
    histories.append(learn.fit(0.05, 2, callbacks=[killer], resume=True))
    learn.unfreeze()
    fit = {"cycle_len": 1, "cycle_mult": 2, "best_save_name": "best", "cycle_save_name": "c"}
    histories.append(learn.fit([0.001, 0.01], 2, callbacks=[killer], resume=True, **fit))
    histories.append(learn.fit_one_cycle(0.01, 2, callbacks=[killer], resume=True))
    state = [variable.numpy() for variable in [*learn.model.weights, *learn.model.optimizer.variables]]
    return state, histories, learn


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    return program(tmp_path_factory.mktemp("whole"))


@pytest.mark.slow
@pytest.mark.parametrize("kills", [(0,), (4,), (8,), (12,), (17, 3), (20, 9, 9, 2), (40,)])
def test_a_killed_training_ends_as_one_that_was_not(whole, kills, tmp_path):
    for kill in kills:
        with pytest.raises(Killed):
            program(tmp_path, kill)
    state, histories, learn = program(tmp_path)
    expected, whole_histories, whole_learn = whole
    for mine, its in zip(state, expected, strict=True):
        np.testing.assert_array_equal(mine, its)
    for mine, its in zip(histories, whole_histories, strict=True):
        assert mine.history == its.history and mine.epoch == its.epoch
    np.testing.assert_array_equal(learn.recorder.learning_rates, whole_learn.recorder.learning_rates)
    np.testing.assert_array_equal(learn.recorder.losses, whole_learn.recorder.losses)
    for name in ("best", "c_cyc_0", "c_cyc_1"):
        learn.load(name, weights_only=True)
        whole_learn.load(name, weights_only=True)
        for mine, its in zip(learn.model.get_weights(), whole_learn.model.get_weights(), strict=True):
            np.testing.assert_array_equal(mine, its)
    assert not [file for file in (tmp_path / "models").iterdir() if file.name.startswith(".")]


@pytest.mark.slow
@pytest.mark.parametrize(("steps", "kill"), [(4, 2), (4, 0), (1, 7)])
def test_several_steps_per_call_go_on(steps, kill, tmp_path):
    def run(path, kill=None, seed=0):
        learn = learner(path, seed)
        learn._main.steps_per_execution = steps
        callbacks = [KillAt(10**9 if kill is None else kill)]
        learn.fit_one_cycle(0.01, 3, callbacks=callbacks, resume=True)
        return learn

    expected = run(tmp_path / "whole")
    with pytest.raises(Killed):
        run(tmp_path / "killed", kill)
    resumed = run(tmp_path / "killed", seed=3)
    np.testing.assert_array_equal(resumed.recorder.losses, expected.recorder.losses)
    np.testing.assert_array_equal(resumed.recorder.learning_rates, expected.recorder.learning_rates)
    for mine, its in zip(resumed.model.get_weights(), expected.model.get_weights(), strict=True):
        np.testing.assert_array_equal(mine, its)


@pytest.mark.slow
def test_keeping_the_state_changes_nothing(whole, tmp_path):
    learn = learner(tmp_path)
    learn.freeze()
    learn.fit(0.05, 2)
    learn.unfreeze()
    learn.fit([0.001, 0.01], 2, cycle_len=1, cycle_mult=2)
    learn.fit_one_cycle(0.01, 2)
    for mine, its in zip(learn.model.weights, whole[0], strict=False):
        np.testing.assert_array_equal(mine.numpy(), its)


@pytest.mark.slow
def test_a_finished_fit_is_not_repeated_and_says_so(tmp_path, capsys):
    state, _, _ = program(tmp_path)
    capsys.readouterr()
    again, histories, _ = program(tmp_path, seed=5)
    for mine, its in zip(again, state, strict=True):
        np.testing.assert_array_equal(mine, its)
    assert capsys.readouterr().out.count("Not repeated: this fit was finished after") == 3
    assert len(histories[1].history["loss"]) == 3


@pytest.mark.slow
def test_other_settings_are_refused_and_another_name_is_another_fit(tmp_path):
    learner(tmp_path).fit(0.05, 2, resume=True)
    with pytest.raises(ValueError, match=r"other settings \(learning rates: \[0.05, 0.05\] before, \[0.1, 0.1\] now"):
        learner(tmp_path).fit(0.1, 2, resume=True)
    assert len(learner(tmp_path).fit(0.1, 2, resume="other").history["loss"]) == 2
    with pytest.raises(ValueError, match="without folders"):
        learner(tmp_path).fit(0.1, 2, resume="a/b")


@pytest.mark.slow
def test_a_damaged_file_is_named(tmp_path):
    learner(tmp_path).fit(0.05, 1, resume=True)
    file = tmp_path / "models" / "resume-1.resume.npz"
    file.write_bytes(file.read_bytes()[:100])
    with pytest.raises(ValueError, match="resume-1.resume.npz cannot be read .* delete it"):
        learner(tmp_path).fit(0.05, 1, resume=True)


def test_the_file_of_another_network_of_as_many_variables_changes_nothing(tmp_path):
    import tensorflow as tf

    def made(width):
        rows = tf.data.Dataset.from_tensor_slices((np.ones((8, 2), "f4"), np.ones((8, 1), "f4"))).batch(4)
        model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(width), keras.layers.Dense(1)])
        return kf.Learner(model, kf.Datasets(rows), loss="mse", path=tmp_path)

    made(3).fit(0.05, 1, resume=True)
    other = made(4)
    before = other.model.get_weights()
    with pytest.raises(ValueError, match="is of another network"):
        other.fit(0.05, 1, resume=True)
    for value, now in zip(before, other.model.get_weights(), strict=True):
        np.testing.assert_array_equal(value, now)


@pytest.mark.slow
def test_a_fit_goes_on_in_the_same_process_after_an_interrupt(whole, tmp_path):
    learn = learner(tmp_path)
    learn.freeze()
    with pytest.raises(Killed):
        learn.fit(0.05, 2, callbacks=[KillAt(8)], resume=True)
    learn.fit(0.05, 2, resume=True)
    learn.unfreeze()
    learn.fit([0.001, 0.01], 2, cycle_len=1, cycle_mult=2, resume=True)
    learn.fit_one_cycle(0.01, 2, resume=True)
    for mine, its in zip(learn.model.weights, whole[0], strict=False):
        np.testing.assert_array_equal(mine.numpy(), its)


def test_keeping_takes_no_more_than_its_share(monkeypatch):
    monkeypatch.undo()
    clock, written, kept = [0.0], [], KeptFits(spent=0.2)
    monkeypatch.setattr("kerasfast.training.keeping.resuming.time.perf_counter", lambda: clock[0])
    place = types.SimpleNamespace(moment=None)

    def write(state):
        clock[0] += 0.5
        kept.spent += 0.5

    stage = types.SimpleNamespace(place=place)
    checkpoint = types.SimpleNamespace(cost=0.5, now=written.append, write=write, stage=stage, kept=kept)
    with CheckpointWriter(checkpoint) as writer:
        writer.set_params({"steps": 5})
        writer.set_model(types.SimpleNamespace(stop_training=False))
        for epoch in range(400):
            for batch in range(5):
                clock[0] += 0.2
                place.moment = Moment(epoch, batch + 1)
                writer.on_train_batch_end(batch)
                if writer._writing is not None:
                    writer._writing.result()
            writer.on_epoch_end(epoch)
            assert kept.spent <= 0.2 + SHARE * clock[0]
    assert len(written) > 10
    assert any(moment.batches for moment in written) and all(moment.batches < 5 for moment in written)


def killed_run() -> subprocess.CompletedProcess:
    """All of `kerasfast train`, with SIGKILL at random moments."""
    return subprocess.run([sys.executable, str(KILLS), "--kills", "2"], check=False, capture_output=True, text=True)


@pytest.mark.slow
@pytest.mark.beside(run=killed_run)
def test_a_run_that_is_killed_for_good_goes_on(beside):
    assert beside.returncode == 0, beside.stdout + beside.stderr
    assert "kill 2: " in beside.stdout and "0 trainings ended differently" in beside.stdout
