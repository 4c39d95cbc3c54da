"""The Learner: the course's fit, freezing, saving, predicting, and what it refuses before training."""

import concurrent.futures
import copy
import pickle
import subprocess
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf

import kerasfast as kf

STEPS = 8


def make_learner(tmp_path, *, groups=3, metrics=("mae",), valid=True, **arguments) -> kf.Learner:
    keras.utils.set_random_seed(0)
    model = keras.Sequential(
        [
            keras.layers.Input((4,)),
            keras.layers.Dense(8, "relu", name="early"),
            keras.layers.Dense(8, "relu", name="late"),
            keras.layers.Dense(1, name="head"),
        ]
    )
    random = np.random.default_rng(0)
    x = random.normal(size=(STEPS * 4, 4)).astype("float32")
    y = (x @ random.normal(size=(4, 1))).astype("float32")
    data = tf.data.Dataset.from_tensor_slices((x, y)).batch(4)
    split = kf.LayerGroups.split(model, ["late", "head"]) if groups == 3 else None
    sets = kf.Datasets(data, data if valid else None, data.map(lambda x, y: x), tmp_path)
    return kf.Learner(model, sets, groups=split, loss="mse", metrics=metrics, **arguments)


@pytest.mark.slow
def test_fit_without_cycles_is_constant_and_learns(tmp_path, capsys):
    learn = make_learner(tmp_path)
    history = learn.fit([0.001, 0.01, 0.02], 5)
    assert len(history.history["val_loss"]) == 5
    assert history.history["val_loss"][-1] < 0.5 * history.history["val_loss"][0]
    np.testing.assert_allclose(learn.recorder.learning_rates, np.tile([0.001, 0.01, 0.02], (5 * STEPS, 1)), rtol=1e-6)
    lines = capsys.readouterr().out.strip().splitlines()
    assert lines[0].split() == ["epoch", "trn_loss", "val_loss", "mae"] and len(lines) == 7


@pytest.mark.slow
def test_fit_with_cycles_is_sgdr(tmp_path):
    learn = make_learner(tmp_path)
    learn.fit(0.02, 3, cycle_len=1, cycle_mult=2)
    want = 0.02 * kf.sgdr(STEPS, cycle_mult=2)(np.arange(7 * STEPS))
    for group in range(3):
        np.testing.assert_allclose(learn.recorder.learning_rates[:, group], want, rtol=1e-6, atol=1e-9)


@pytest.mark.slow
def test_a_plan_is_what_fit_follows(tmp_path):
    learn = make_learner(tmp_path)
    plans = learn.plan([1e-3, 1e-2, 1e-1], 2, cycle_len=1, cycle_mult=2), learn.plan_one_cycle(0.1, 1)
    assert len(learn.recorder.losses) == 0
    for plan, fit in zip(
        plans,
        (lambda: learn.fit([1e-3, 1e-2, 1e-1], 2, cycle_len=1, cycle_mult=2), lambda: learn.fit_one_cycle(0.1, 1)),
        strict=True,
    ):
        fit()
        np.testing.assert_allclose(learn.recorder.learning_rates, plan.learning_rates, rtol=1e-6)


@pytest.mark.slow
def test_clr_and_one_cycle_schedule_rate_and_momentum(tmp_path):
    learn = make_learner(tmp_path)
    learn.fit(0.02, 2, cycle_len=2, use_clr=(4, 8, 0.95, 0.85))
    rates, momentums = learn.recorder.learning_rates[:, 0], learn.recorder.momentums
    assert rates[0] == pytest.approx(0.005) and rates[2] == pytest.approx(0.02) and rates[16] == pytest.approx(0.005)
    assert momentums[0] == pytest.approx(0.95) and momentums[2] == pytest.approx(0.85)
    learn.fit(0.02, 1, cycle_len=2, use_clr_beta=(10, 10, 0.95, 0.85))
    assert learn.recorder.learning_rates.max() == pytest.approx(0.02, rel=0.1)
    learn.fit_one_cycle(0.02, 2)
    assert learn.recorder.learning_rates[0, 0] == pytest.approx(0.02 / 25)
    assert learn.recorder.momentums.min() < 0.87


def test_weight_decay_alone_shrinks_the_weights(tmp_path):
    learn = make_learner(tmp_path, optimizer=keras.optimizers.SGD)
    learn.loss = lambda y, p: 0.0 * tf.reduce_mean(p)
    before = learn.model.get_weights()
    learn.fit(0.1, 1, wds=[0.0, 0.5, 1.0])
    after = learn.model.get_weights()
    for index, decay in enumerate([0.0, 0.5, 1.0]):
        np.testing.assert_allclose(after[2 * index], before[2 * index] * (1 - 0.1 * decay) ** STEPS, rtol=1e-5)


@pytest.mark.slow
def test_weight_decay_lasts_for_its_fit_alone_and_reaches_states_traced_before(tmp_path):
    learn = make_learner(tmp_path, optimizer=keras.optimizers.SGD)
    learn.loss = lambda y, p: 0.0 * tf.reduce_mean(p)
    learn.freeze()
    learn.fit(0.1, 1)
    learn.unfreeze()
    learn.fit(0.1, 1, wds=0.5)
    learn.freeze()
    before = learn.model.get_weights()
    learn.fit(0.1, 1)
    assert all(np.array_equal(a, b) for a, b in zip(before, learn.model.get_weights(), strict=True))
    learn.fit(0.1, 1, wds=0.5)
    np.testing.assert_allclose(learn.model.get_weights()[4], before[4] * 0.95**STEPS, rtol=1e-5)


@pytest.mark.slow
def test_phases_follow_each_other_and_change_the_optimizer(tmp_path):
    learn = make_learner(tmp_path)
    phases = [
        kf.Phase(epochs=1, learning_rate=0.01),
        kf.Phase(epochs=2, learning_rate=(0.01, 0.001), learning_rate_decay="cosine"),
        kf.Phase(
            epochs=1,
            learning_rate=(np.array([0.001, 0.002, 0.004]), 0.0),
            learning_rate_decay="linear",
            optimizer=keras.optimizers.Adam,
        ),
    ]
    histories = learn.fit_opt_sched(phases)
    assert [len(h.history["loss"]) for h in histories] == [3, 1]
    assert isinstance(learn.model.optimizer, keras.optimizers.Adam)
    np.testing.assert_allclose(learn.recorder.learning_rates[0], [0.001, 0.002, 0.004], rtol=1e-6)
    np.testing.assert_allclose(learn.recorder.learning_rates[-1], np.array([0.001, 0.002, 0.004]) / STEPS, rtol=1e-5)


@pytest.mark.slow
def test_rates_cycles_and_freezing_need_no_new_trace_and_metrics_do(tmp_path):
    traces = []
    learn = make_learner(tmp_path)
    learn.loss = lambda y, p: (traces.append(1), tf.reduce_mean(tf.square(y - p)))[1]
    learn.freeze()
    learn.fit(0.01, 1)
    learn.unfreeze()
    learn.fit(0.01, 1)
    count = len(traces)
    learn.fit([1e-4, 1e-3, 1e-2], 2, cycle_len=1)
    learn.freeze()
    learn.lr_find(steps=5)
    learn.fit(0.03, 1, cycle_len=2)
    assert len(traces) == count
    learn.fit(0.01, 1, metrics=["mse"])
    assert len(traces) > count


@pytest.mark.slow
def test_the_finder_leaves_the_next_fit_as_it_was(tmp_path):
    results = []
    for find in (False, True):
        learn = make_learner(tmp_path)
        learn.fit(0.01, 1)
        if find:
            assert learn.lr_find(end=1.0, steps=20).suggestion > 0
        learn.fit(0.01, 1, cycle_len=1)
        results.append(learn.model.get_weights())
    for a, b in zip(*results, strict=True):
        np.testing.assert_array_equal(a, b)


def test_save_and_load_bring_the_weights_back(tmp_path):
    learn = make_learner(tmp_path)
    file = learn.save("first")
    before = learn.model.get_weights()
    learn.fit(0.05, 1)
    learn.load("first")
    for a, b in zip(before, learn.model.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
    assert file == tmp_path / "models" / "first.weights.h5" and [*file.parent.iterdir()] == [file]
    with pytest.raises(FileNotFoundError, match="No weights named 'second'.*saved: first"):
        learn.load("second")
    with pytest.raises(ValueError, match="without folders"):
        learn.save("../away")


@pytest.mark.slow
def test_a_model_saved_with_our_metrics_loads_where_kerasfast_is_unknown(tmp_path):
    learn = make_learner(tmp_path, metrics=[kf.FBeta(), "mae"])
    learn.fit(0.01, 1)
    learn.model.save(tmp_path / "model.keras")
    code = (
        "import sys, keras; sys.modules['kerasfast'] = None; model = keras.models.load_model(sys.argv[1]);"
        "print(type(model.optimizer).__name__, int(model.optimizer.iterations), model.loss)"
    )
    command = [sys.executable, "-c", code, str(tmp_path / "model.keras")]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["SGD", str(STEPS), "mse"]


@pytest.mark.slow
def test_cycles_and_the_best_epoch_are_saved(tmp_path):
    learn = make_learner(tmp_path)
    learn.fit(0.01, 2, cycle_len=1, cycle_mult=2, cycle_save_name="run", best_save_name="best")
    names = sorted(file.name for file in (tmp_path / "models").iterdir())
    assert names == ["best.weights.h5", "run_cyc_0.weights.h5", "run_cyc_1.weights.h5"]
    last = learn.model.get_weights()
    learn.load("run_cyc_1")
    for a, b in zip(last, learn.model.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


def test_predictions_come_in_order_for_each_set(tmp_path):
    learn = make_learner(tmp_path)
    predictions, targets = learn.predict_with_targs()
    assert predictions.shape == targets.shape == (STEPS * 4, 1)
    np.testing.assert_allclose(learn.predict(is_test=True), predictions, rtol=1e-6)
    x = np.concatenate(list(learn.data.test))
    np.testing.assert_allclose(learn.predict_array(x), predictions, rtol=1e-5)
    with pytest.raises(ValueError, match=r"takes a batch of shape \(None, 4\); received shape \(4,\).*inputs\[None\]"):
        learn.predict_array(x[0])


def test_summary_lists_the_lessons_columns(tmp_path):
    learn = make_learner(tmp_path)
    learn.freeze()
    summary = learn.summary()
    assert list(summary) == ["early", "late", "head"]
    assert summary["early"] == {
        "input_shape": (None, 4),
        "output_shape": (None, 8),
        "trainable": False,
        "nb_params": 40,
    }
    assert summary["head"]["trainable"] is True
    assert "early" in str(summary) and "total params 121, in trainable layers 9" in str(summary)


def test_a_loss_that_is_no_number_stops_with_advice(tmp_path, capsys):
    learn = make_learner(tmp_path, valid=False)
    learn.fit(1e30, 5)
    out = capsys.readouterr().out
    assert "try lower learning rates" in out and len(learn.recorder.epochs) < 5


def test_a_compiled_model_brings_its_own_loss(tmp_path):
    model = keras.Sequential([keras.layers.Input((4,)), keras.layers.Dense(1)])
    sets = make_learner(tmp_path).data
    with pytest.raises(ValueError, match="needs a `loss`"):
        kf.Learner(model, sets)
    model.compile("sgd", loss="mse")
    assert kf.Learner(model, sets).fit(0.01, 1).history["loss"][0] > 0


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda learn: learn.fit([0.1, 0.2], 1),
            r"`lrs` has 2 values but the model has 3 layer groups; pass 1 or 3 values",
        ),
        (lambda learn: learn.fit(0.1, 1, wds=[0.1] * 4), "`wds` has 4 values"),
        (lambda learn: learn.fit(-0.1, 1), "0 or more; received"),
        (lambda learn: learn.fit(0.1, 0), "`n_cycle` must be a whole number, 1 or more; received 0"),
        (lambda learn: learn.fit(0.1, 1.5), "`n_cycle` must be a whole number"),
        (lambda learn: learn.fit(0.1, 1, cycle_len=0.5), "`cycle_len` must be a whole number"),
        (lambda learn: learn.fit(0.1, 1, cycle_mult=2), "need a `cycle_len`"),
        (lambda learn: learn.fit(0.1, 1, use_clr=(4, 8)), "need a `cycle_len`"),
        (lambda learn: learn.fit(0.1, 1, cycle_len=1, use_clr=(4, 8), use_clr_beta=(4, 8)), "exclude each other"),
        (lambda learn: learn.fit(0.1, 1, cycle_len=1, cycle_mult=2, use_clr=(4, 8)), "cycles of equal length"),
        (lambda learn: learn.fit(0.1, 1, cycle_len=1, use_clr=(4, 8, 0.9)), "takes 2 numbers, or 4"),
        (lambda learn: learn.fit_one_cycle(0.1, 0), "`epochs` must be a whole number"),
        (lambda learn: learn.fit_opt_sched([]), "needs a phase"),
        (
            lambda learn: learn.fit_opt_sched([kf.Phase(learning_rate_decay="sudden")]),
            "`learning_rate_decay` must be one of 'constant', 'linear'",
        ),
        (lambda learn: learn.fit_opt_sched([kf.Phase(momentum=0.9), kf.Phase()]), "in some phases of one optimizer"),
        (lambda learn: learn.freeze_to(3), "has 3 layer groups; pass an index from -3 to 2"),
        (lambda learn: learn.lr_find(1.0, 0.1), "0 < start < end"),
    ],
)
def test_mistakes_are_named_before_anything_is_trained(tmp_path, call, message):
    learn = make_learner(tmp_path)
    before = learn.model.get_weights()
    with pytest.raises(ValueError, match=message):
        call(learn)
    for a, b in zip(before, learn.model.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("clip", [-1, float("nan"), 0, "1"])
def test_a_senseless_clip_is_refused(tmp_path, clip):
    with pytest.raises(ValueError, match="`clip` must be a number, above 0; received"):
        make_learner(tmp_path, clip=clip)


@pytest.mark.slow
def test_clip_acts_inside_a_loss_scale_optimizer_too(tmp_path):
    moved = []
    for optimizer in (
        keras.optimizers.SGD,
        lambda: keras.optimizers.LossScaleOptimizer(keras.optimizers.SGD(), initial_scale=8.0),
    ):
        learn = make_learner(tmp_path, optimizer=optimizer, clip=1e-3)
        before = learn.model.get_weights()
        learn.fit(1.0, 1)
        moved.append([now - old for now, old in zip(learn.model.get_weights(), before, strict=True)])
        length = np.sqrt(sum(np.sum(part**2) for part in moved[-1]))
        assert length < 1.1e-3 * STEPS
    for plain, scaled in zip(*moved, strict=True):
        np.testing.assert_allclose(plain, scaled, rtol=1e-3, atol=1e-7)


@pytest.mark.slow
def test_keras_callbacks_that_stop_and_resume_work_inside_fit(tmp_path):
    learn = make_learner(tmp_path)
    stop = keras.callbacks.EarlyStopping("val_loss", min_delta=100.0, patience=1, restore_best_weights=True)
    assert len(learn.fit(0.01, 9, callbacks=[stop]).history["loss"]) == 2
    spoil = keras.callbacks.LambdaCallback(
        on_epoch_begin=lambda epoch, logs: learn.model.layers[0].bias.assign([np.nan] * 8)
    )
    assert len(learn.fit(0.01, 9, callbacks=[keras.callbacks.TerminateOnNaN(), spoil]).history["loss"]) == 1


@pytest.mark.slow
def test_a_fit_that_was_broken_off_is_resumed_in_its_schedule(tmp_path):
    def interrupt(epoch, logs):
        if epoch == 2:
            raise KeyboardInterrupt

    whole = make_learner(tmp_path)
    whole.fit(0.02, 1, cycle_len=4)
    for fresh in (False, True):
        learn, backup = make_learner(tmp_path), keras.callbacks.BackupAndRestore(tmp_path / f"backup{fresh}")
        stop = keras.callbacks.LambdaCallback(on_epoch_begin=interrupt)
        with pytest.raises(KeyboardInterrupt):
            learn.fit(0.02, 1, cycle_len=4, callbacks=[backup, stop])
        if fresh:
            learn = make_learner(tmp_path)
        learn.fit(0.02, 1, cycle_len=4, callbacks=[keras.callbacks.BackupAndRestore(tmp_path / f"backup{fresh}")])
        np.testing.assert_allclose(learn.recorder.learning_rates, whole.recorder.learning_rates[2 * STEPS :], rtol=1e-6)
        for now, want in zip(learn.model.get_weights(), whole.model.get_weights(), strict=True):
            np.testing.assert_allclose(now, want, rtol=1e-4, atol=1e-6)


def test_a_learner_is_neither_copied_nor_pickled(tmp_path):
    learn = make_learner(tmp_path)
    for act in (copy.deepcopy, copy.copy, pickle.dumps):
        with pytest.raises(TypeError, match="A learner cannot be copied or pickled"):
            act(learn)


def test_four_threads_predict_what_one_does(tmp_path):
    learn = make_learner(tmp_path)
    inputs = np.random.default_rng(1).normal(size=(64, 4)).astype("float32")
    with concurrent.futures.ThreadPoolExecutor(4) as threads:
        found = list(threads.map(lambda i: learn.predict_array(inputs[i : i + 4]), range(0, 64, 4)))
    np.testing.assert_allclose(np.concatenate(found), learn.predict_array(inputs), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    ("inputs", "targets", "message"),
    [
        ((8, 3), (8, 1), r"takes inputs of shape \(None, 4\); received \(None, 3\)"),
        ((8, 4), (8, 2), r"takes targets of shape \(None, 1\); received \(None, 2\)"),
        ((8, 4), None, "needs batches .inputs, targets.; received inputs without targets"),
    ],
)
def test_batches_that_do_not_fit_the_model_are_named_before_anything_is_read(tmp_path, inputs, targets, message):
    learn = make_learner(tmp_path)
    parts = np.ones(inputs, "f4") if targets is None else (np.ones(inputs, "f4"), np.ones(targets, "f4"))
    learn._main.data = kf.Datasets(tf.data.Dataset.from_tensor_slices(parts).batch(4), path=tmp_path)
    with pytest.raises(ValueError, match=message):
        learn.fit(0.01, 1)


def test_a_forked_process_is_refused_what_would_wait_forever(tmp_path, monkeypatch):
    learn = make_learner(tmp_path)
    monkeypatch.setattr("os.getpid", lambda: 1)
    for act in (lambda: learn.fit(0.01, 1), learn.predict, lambda: learn.predict_array(np.ones((1, 4))), learn.lr_find):
        with pytest.raises(RuntimeError, match="was forked from the one that made this learner.*spawn"):
            act()


def test_a_schedule_of_ones_own_beside_a_plan_is_refused_unless_it_sets_something_else(tmp_path):
    learn = make_learner(tmp_path)
    with pytest.raises(ValueError, match="Two schedules set learning_rates"):
        learn.fit(0.01, 1, callbacks=[kf.Schedule(learning_rate=kf.linear(1.0, 0.0, 1))])
    learn.fit(0.01, 1, callbacks=[kf.Schedule(momentum=kf.linear(0.9, 0.5, 1))])
    assert learn.recorder.momentums[0] == pytest.approx(0.9) and learn.recorder.momentums[-1] < 0.6


def test_one_batch_per_epoch_trains(tmp_path):
    learn = make_learner(tmp_path)
    learn._main.data = kf.Datasets(learn.data.train.take(1), path=tmp_path)
    learn.fit(0.05, 1, cycle_len=1)
    np.testing.assert_allclose(learn.recorder.learning_rates, 0.05, rtol=1e-6)


def test_missing_sets_and_unknown_lengths_are_named(tmp_path):
    learn = make_learner(tmp_path, valid=False)
    with pytest.raises(ValueError, match="no validation set"):
        learn.predict()
    endless = learn.data.train.filter(lambda x, y: True)
    with pytest.raises(ValueError, match="does not say how many batches"):
        kf.Learner(learn.model, kf.Datasets(endless), loss="mse").fit(0.1, 1)
    with pytest.raises(ValueError, match="function that makes an optimizer"):
        kf.Learner(learn.model, learn.data, loss="mse", optimizer=keras.optimizers.SGD())
