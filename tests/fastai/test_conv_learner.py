import keras
import numpy as np
import pytest
import tensorflow as tf

import kerasfast as kf
from kerasfast.fastai.conv_learner import (
    ArraysIndexDataset,
    BasicModel,
    Callback,
    ConvLearner,
    DataLoader,
    DecayType,
    F,
    FilesIndexArrayDataset,
    ImageClassifierData,
    Learner,
    LoggingCallback,
    SingleModel,
    TrainingPhase,
    accuracy,
    accuracy_thresh,
    open_image,
    optim,
    partial,
    plt,
    tfms_from_model,
    tfms_from_stats,
)


@pytest.mark.slow
def test_a_lesson_learns_and_predicts_log_probabilities(learn, capsys):
    values = learn.fit(0.05, 3, cycle_len=1, cycle_mult=2)
    assert values[1] == 1.0 and len(values) == 2
    table = capsys.readouterr().out.splitlines()
    assert table[0].split() == ["epoch", "trn_loss", "val_loss", "accuracy"]
    assert sum(line.lstrip()[0].isdigit() for line in table) == 7  # whether the last epoch is the best is chance
    log_preds = learn.predict()
    np.testing.assert_allclose(np.exp(log_preds).sum(axis=1), 1, rtol=1e-5)
    np.testing.assert_allclose(log_preds, np.log(learn.core.predict()), rtol=1e-5)
    preds, targs = learn.predict_with_targs()
    assert accuracy(preds, targs) == values[1]
    np.testing.assert_allclose(-preds[np.arange(10), targs].mean(), values[0], rtol=1e-5)


@pytest.mark.slow
def test_test_time_augmentation(learn):
    log_preds, y = learn.TTA()
    assert log_preds.shape == (5, 10, 2) and y.tolist() == learn.data.val_y.tolist()
    np.testing.assert_allclose(log_preds[0], learn.predict(), rtol=1e-4, atol=1e-6)
    log_preds, y = learn.TTA(n_aug=8, is_test=True)
    assert log_preds.shape == (10, 4, 2) and y.shape == (4, 1)
    np.testing.assert_array_equal(log_preds[0], log_preds[1])  # two plain views for eight augmented ones
    np.testing.assert_allclose(log_preds[0], learn.predict(is_test=True), rtol=1e-4, atol=1e-6)


def test_one_picture(learn):
    _, val_tfms = tfms_from_model(resnet := "resnet34", learn.data.sz)
    assert resnet
    im = val_tfms(open_image(f"{learn.data.path}/{learn.data.val_ds.fnames[3]}"))
    np.testing.assert_allclose(np.exp(learn.predict_array(im[None])), np.exp(learn.predict()[3:4]), atol=0.01)
    with pytest.raises(ValueError, match="channels last"):
        learn.predict_array(np.zeros((1, 3, 16, 16)))


@pytest.mark.slow
def test_metrics_are_functions_of_predictions_and_targets_of_the_whole_validation_set(learn):
    seen = []

    def mine(preds, targs):
        seen.append((preds, targs))
        return 0.25

    values, epochs = learn.fit(0.01, 2, metrics=[mine, accuracy, keras.metrics.SparseCategoricalCrossentropy()],
                               get_ep_vals=True)  # fmt: skip
    assert values[1] == 0.25 and len(seen) == 2 and list(epochs) == [0, 1] and len(epochs[0]) == 5
    assert values[3] == pytest.approx(values[0], rel=1e-4)
    np.testing.assert_allclose(seen[-1][0], learn.predict(), rtol=1e-4, atol=1e-5)
    assert seen[-1][1].tolist() == learn.data.val_y.tolist()
    assert len(learn.fit(0.01, 1)) == 2  # learn.metrics again
    with pytest.raises(TypeError, match="a function"):
        learn.fit(0.01, 1, metrics=["accuracy"])


@pytest.mark.slow
def test_callbacks_of_the_course(learn):
    events = []

    class Mine(Callback):
        def on_train_begin(self):
            events.append("begin")

        def on_batch_end(self, loss):
            events.append(float(loss))

        def on_epoch_end(self, metrics):
            events.append(list(metrics))
            return True

        def on_train_end(self):
            events.append("end")

    values = learn.fit(0.01, 5, callbacks=[Mine(), keras.callbacks.Callback()])
    assert events[0] == "begin" and events[-1] == "end" and events[-2] == values and len(events) == 7
    losses, average = learn.sched.losses, 0
    for step, (loss, given) in enumerate(zip(losses, events[1:5], strict=True), start=1):
        average = 0.98 * average + 0.02 * loss
        assert given == pytest.approx(average / (1 - 0.98**step), rel=1e-4)
    with pytest.raises(TypeError, match="Callbacks are those of the course"):
        learn.fit(0.01, 1, callbacks=[print])


@pytest.mark.slow
def test_a_log_of_events(learn, tmp_path):
    learn.fit(0.01, 1, callbacks=[LoggingCallback(tmp_path / "log.txt")])
    lines = [line.split("\t", 1)[1] for line in (tmp_path / "log.txt").read_text().splitlines()]
    assert lines[0] == "\ton_train_begin" and lines[-1] == "\ton_train_end" and len(lines) == 7
    assert [line.split("\t")[0] for line in lines[1:5]] == list("0123") and lines[5].startswith("0\ton_epoch_end: [")


@pytest.mark.slow
def test_groups_freezing_and_rates(learn):
    assert [len(group) > 0 for group in learn.get_layer_groups()] == [True] * 3
    assert learn.core.groups.trainable == [False, False, True]
    learn.unfreeze()
    learn.bn_freeze(True)
    learn.fit(np.array([1e-4, 1e-3, 1e-2]), 1, cycle_len=1)
    np.testing.assert_allclose(
        learn.core.recorder.learning_rates[1], learn.sched.lrs[1] * np.array([0.01, 0.1, 1]), rtol=1e-5
    )
    learn.freeze_to(-2)
    assert learn.core.groups.trainable == [False, True, True]
    learn.freeze()
    with pytest.raises(ValueError, match="3 layer groups"):
        learn.fit([1e-3, 1e-2], 1)


@pytest.mark.slow
def test_precompute_gives_way_to_unfreezing(make_data, backbone):
    keras.utils.set_random_seed(0)
    learn = ConvLearner.pretrained(backbone, make_data(), precompute=True)
    assert learn.precompute
    values = learn.fit(0.05, 4)
    assert accuracy(*learn.predict_with_targs()) == values[1]
    stored = learn.predict()
    learn.precompute = False
    np.testing.assert_allclose(learn.predict(), stored, rtol=1e-3, atol=1e-5)
    learn.precompute = True
    learn.unfreeze()
    assert not learn.precompute


@pytest.mark.slow
def test_another_size_keeps_the_weights(learn, make_data):
    learn.fit(0.05, 2)
    weights = [weight.copy() for weight in learn.model.get_weights()]
    larger = make_data(size=24)
    learn.unfreeze()
    learn.set_data(larger)
    assert learn.data is larger and learn.core.groups.trainable == [False, False, True]
    for before, after in zip(weights, learn.model.get_weights(), strict=True):
        np.testing.assert_array_equal(before, after)
    assert learn.predict().shape == (10, 2)
    assert str(learn.summary()).splitlines()[1].split()[2:] == ["(None,", "24,", "24,", "3)", "False", "0"]


@pytest.mark.slow
def test_weights_are_saved_by_name_and_cycle(learn, tmp_path):
    learn.fit(0.05, 2, cycle_len=1, cycle_save_name="mine", best_save_name="best")
    first = learn.predict()
    assert {file.name for file in (tmp_path / "models").iterdir()} == {
        "mine_cyc_0.weights.h5", "mine_cyc_1.weights.h5", "best.weights.h5",
    }  # fmt: skip
    learn.save("now")
    learn.load_cycle("mine", 0)
    assert np.abs(learn.predict() - first).max() > 1e-4
    learn.load("now")
    np.testing.assert_allclose(learn.predict(), first, rtol=1e-5)
    learn.save_cycle("other", 3)
    learn.load("other_cyc_3")


@pytest.mark.slow
def test_the_finder_runs_an_epoch_and_leaves_no_trace(learn, capsys):
    before = learn.predict()
    learn.lr_find()
    assert 50 < len(learn.sched.lrs) <= 100
    assert learn.sched.plot() is None  # or a cell would print the axes too
    assert plt.gca().get_xscale() == "log"
    plt.close("all")
    learn.sched.plot_lr()
    assert plt.gca().get_title(loc="left") == "Learning rate"
    plt.close("all")
    learn.sched.plot(100)
    assert len(plt.gca().lines[0].get_xdata()) == len(learn.sched.lrs)
    assert "nothing is left: all are drawn" in capsys.readouterr().out
    plt.close("all")
    learn.lr_find2(num_it=20)
    assert 10 < len(learn.sched.losses) == len(learn.sched.val_losses) <= 20  # it may diverge
    assert (np.asarray(learn.sched.val_losses) >= 0).all()
    learn.sched.plot()
    assert "validation" in [line.get_label() for line in plt.gca().lines]
    plt.close("all")
    with pytest.raises(ValueError, match="leave `stop_dv=False` out"):
        learn.lr_find2(stop_dv=False)
    np.testing.assert_array_equal(learn.predict(), before)


@pytest.mark.slow
def test_curves_of_a_fit(learn):
    learn.fit(0.01, 2, cycle_len=1, use_clr=(10, 4, 0.95, 0.85))
    sched = learn.sched
    assert len(sched.losses) == len(sched.iterations) == 8 and len(sched.val_losses) == len(sched.rec_metrics) == 2
    assert np.ptp(sched.momentums) > 0.05
    sched.plot_lr()
    assert "learning rate" in {ax.get_ylabel() for ax in plt.gcf().axes}
    plt.close("all")
    sched.plot_loss(1, 1)
    assert plt.gca().lines
    plt.close("all")


@pytest.mark.slow
def test_phases(learn):
    phases = [
        TrainingPhase(1, optim.SGD, lr=(1e-3, 1e-2), lr_decay=DecayType.LINEAR, momentum=(0.95, 0.85),
                      momentum_decay=DecayType.COSINE),
        TrainingPhase(1, optim.SGD, lr=1e-2, lr_decay=(DecayType.POLYNOMIAL, 3)),
        TrainingPhase(1, optim.Adam, lr=1e-3, beta=0.9),
    ]  # fmt: skip
    values, epochs = learn.fit_opt_sched(phases, get_ep_vals=True)
    assert len(epochs) == 3 and values == epochs[2][1:]
    assert isinstance(learn.core.model.optimizer, keras.optimizers.Adam)
    assert learn.core.model.optimizer.beta_2 == pytest.approx(0.9)
    with pytest.raises(ValueError, match="share one power"):
        TrainingPhase(lr_decay=(DecayType.POLYNOMIAL, 2), momentum_decay=(DecayType.POLYNOMIAL, 3))
    with pytest.raises(ValueError, match="second beta of `optim.Adam`"):
        TrainingPhase(opt_fn=optim.RMSprop, beta=0.9).as_core()


@pytest.mark.parametrize("arguments", [{"wds_sched_mult": True}, {"data_list": [1]}, {"norm_wds": True}])
def test_what_is_not_there_says_what_is(learn, arguments):
    with pytest.raises(ValueError, match=f"`{next(iter(arguments))}` is not there"):
        learn.fit(0.01, 1, **arguments)


@pytest.mark.slow
def test_optimizers_and_losses_of_the_course(make_data, backbone):
    learn = ConvLearner.pretrained(
        backbone, make_data(), opt_fn=partial(optim.Adam, betas=(0.8, 0.99)), crit=F.nll_loss
    )
    value = learn.fit(1e-2, 1)[0]
    assert learn.model.optimizer.beta_2 == pytest.approx(0.99)
    preds, targs = learn.predict_with_targs()
    assert float(F.nll_loss(tf.constant(preds), targs)) == pytest.approx(value, rel=1e-4)
    learn.crit = "sparse_categorical_crossentropy"
    value = learn.fit(1e-3, 1)[0]
    preds, targs = learn.predict_with_targs()
    assert float(F.nll_loss(tf.constant(preds), targs)) == pytest.approx(value, rel=1e-4)
    layer_opt = learn.get_layer_opt([1e-3, 1e-2, 1e-1], 1e-4)
    assert layer_opt.lrs == [1e-3, 1e-2, 1e-1] and layer_opt.lr == 0.1 and layer_opt.wds == [1e-4] * 3
    assert layer_opt.mom == pytest.approx(0.8)
    layer_opt.set_lrs(0.5)
    assert layer_opt.lrs == [0.5] * 3


@pytest.mark.slow
def test_tags_keep_probabilities(tagged, backbone, tmp_path):
    tfms = tfms_from_model(backbone, 16)
    data = ImageClassifierData.from_csv(tagged, "all", tagged / "tags.csv", tfms=tfms, suffix=".jpg", bs=4)
    learn = ConvLearner.pretrained(backbone, data)
    assert len(learn.fit(0.01, 1, metrics=[accuracy_thresh(0.2), accuracy_thresh(0.5)])) == 3
    values = learn.fit(0.01, 1)
    preds, y = learn.TTA(n_aug=1)
    assert preds.shape == (2, 4, 2) and y.shape == (4, 2)
    assert (preds >= 0).all() and (preds <= 1).all()
    assert values[1] == pytest.approx(np.mean((learn.predict() > 0.5) == (y > 0.5)))
    assert learn.metrics[0].__name__ == "accuracy_thresh"


@pytest.mark.slow
def test_values_are_predicted_as_they_are(pictures, backbone):
    names = [f"train/{name}/{name}{index:02d}.jpg" for index in range(10) for name in ("blue", "red")]
    warmth, tfms = np.tile([[-1.0], [2.0]], (10, 1)), tfms_from_model(backbone, 16)
    data = ImageClassifierData.from_names_and_array(
        pictures, names, warmth, ["warmth"], tfms=tfms, bs=4, continuous=True
    )
    learn = ConvLearner.pretrained(backbone, data, metrics=[lambda preds, targs: np.abs(preds - targs).mean()])
    loss, error = learn.fit(0.01, 2)
    assert loss == pytest.approx(error, rel=1e-5)  # the usual loss is the mean absolute error
    np.testing.assert_array_equal(learn.predict(), learn.core.predict())
    assert learn.predict().shape == (4, 1)


def test_heads_and_architectures(make_data, backbone):
    data = make_data()
    learn = ConvLearner.pretrained(backbone, data, ps=0.1, xtra_fc=[12, 7])
    dense = [layer for layer in learn.core.network.head.layers if isinstance(layer, keras.layers.Dense)]
    assert [layer.units for layer in dense] == [12, 7, 2]
    shorter = ConvLearner.pretrained(backbone, data, xtra_cut=1)
    assert len(shorter.model.layers) < len(learn.model.layers)
    own = [keras.layers.GlobalAveragePooling2D(), keras.layers.Dense(2, activation="softmax")]
    assert ConvLearner.pretrained(backbone, data, custom_head=own).predict().shape == (10, 2)


@pytest.mark.slow
def test_a_model_of_ones_own_gets_normalised_pictures(pictures):
    stats = [np.array([0.5, 0.4, 0.3]), np.array([0.25, 0.2, 0.1])]
    data = ImageClassifierData.from_paths(pictures, tfms=tfms_from_stats(stats, 8), bs=6)
    flat = [keras.Input((8, 8, 3)), keras.layers.Flatten(), keras.layers.Dense(2, activation="softmax")]
    network = keras.Sequential(flat)
    learn = Learner.from_model_data(network, data, metrics=[accuracy], opt_fn=optim.Adam)
    learn.fit(1e-2, 2)
    x, _ = data.val_ds[:]
    expected = network.predict((x / 255 - stats[0]) / stats[1], verbose=0)
    np.testing.assert_allclose(np.exp(learn.predict()), expected, rtol=1e-3, atol=1e-5)


@pytest.mark.slow
def test_a_model_of_ones_own_has_a_group_per_layer_and_everything_else(pictures, tmp_path):
    stats = [np.array([0.5, 0.4, 0.3]), np.array([0.25, 0.2, 0.1])]
    data = ImageClassifierData.from_paths(pictures, tfms=tfms_from_stats(stats, 8), bs=6, test_name="test")
    layers = [keras.layers.Flatten(), keras.layers.Dense(4), keras.layers.ReLU(), keras.layers.Dense(2, "softmax")]
    learn = ConvLearner(data, BasicModel(keras.Sequential([keras.Input((8, 8, 3)), *layers])), metrics=[accuracy])
    assert [group[0] for group in learn.get_layer_groups()] == layers
    learn.freeze_to(-3)
    learn.fit([1e-4, 1e-3, 1e-2, 1e-2], 1)
    views, y = learn.TTA()
    assert views.shape == (5, 10, 2) and accuracy(views, y) == accuracy(np.log(np.exp(views).mean(0)), y)
    learn.set_data(ImageClassifierData.from_paths(pictures, tfms=tfms_from_stats(stats, 8), bs=4))
    assert learn.data.bs == 4
    learn.fit(1e-3, 1)
    whole = Learner.from_model_data(SingleModel(learn.model.layers[-1]), data)
    assert len(whole.get_layer_groups()) == 1


@pytest.mark.slow
def test_files_of_ones_own_are_predicted_through_a_loader(learn):
    _, val_tfms = tfms_from_model("resnet34", learn.data.sz)
    names, targets = learn.data.val_ds.fnames[:3], learn.data.val_y[:3]
    ds = FilesIndexArrayDataset(names, targets, val_tfms, learn.data.path)
    np.testing.assert_allclose(
        learn.predict_dl(DataLoader(ds, batch_size=2)), learn.predict()[:3], rtol=1e-3, atol=1e-5
    )
    pixels = ArraysIndexDataset(np.zeros((2, 8, 8, 3), np.uint8), [0, 1], tfms_from_stats(None, 8)[1])
    assert next(iter(DataLoader(pixels, 1)))[0].shape == (1, 8, 8, 3)
    with pytest.raises(TypeError, match="no argument"):
        DataLoader(ds, sampler=1)
    with pytest.raises(ValueError, match="received 3 files and 2 targets"):
        FilesIndexArrayDataset(names, targets[:2], val_tfms, learn.data.path)


@pytest.mark.slow
def test_what_lessons_assign_works_or_raises(learn, make_data, backbone, tmp_path):
    learn.models_path = tmp_path / "kept"
    learn.save("a")
    assert (tmp_path / "kept/a.weights.h5").is_file() and learn.get_model_path("a").endswith("kept/a.weights.h5")
    learn.opt_fn, learn.clip = optim.Adam, 0.1
    learn.fit(1e-3, 1)
    optimizer = learn.core._stage().model.optimizer
    assert type(optimizer) is keras.optimizers.Adam and optimizer.global_clipnorm == 0.1
    for target, name in ((learn, "lr"), (learn, "data"), (learn.data, "bs"), (learn.data, "trn_dl")):
        with pytest.raises(AttributeError, match=f"`{name}` of a .* cannot be assigned"):
            setattr(target, name, 1)
    with pytest.raises(TypeError, match="a function that makes an optimizer"):
        learn.opt_fn = keras.optimizers.SGD()
    data = make_data()
    data.path = tmp_path / "other"
    (tmp_path / "other").mkdir()
    other = ConvLearner.pretrained(backbone, data, precompute=True, tmp_name="store", models_name="weights")
    other.save("b")
    assert (tmp_path / "other/weights/b.weights.h5").is_file() and list((tmp_path / "other/store").glob("features-*"))


@pytest.mark.slow
def test_it_takes_kerass_functions_too(make_data):
    learn = ConvLearner.pretrained(keras.applications.MobileNetV2, make_data(size=32), pretrained=False)
    assert isinstance(learn.model, keras.Model) and learn.core.network.model is learn.model
    assert isinstance(learn.core, kf.ImageLearner)
    assert learn[0] is learn.children[0] and "total params" in repr(learn)


def test_the_switch_for_a_gpu_is_passed_on(make_data, backbone, recwarn):
    learn = ConvLearner.pretrained(backbone, make_data(), accelerate=True)
    assert learn.core.data.on_device and learn.core.jit_compile is True
