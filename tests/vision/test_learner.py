"""The image learner end to end on small drawn pictures: stages, views, predictions, submission, broken files."""

import shutil

import keras
import numpy as np
import pandas as pd
import pytest
from PIL import Image

import kerasfast as kf
from kerasfast.vision.fitting import features as features_module
from kerasfast.vision.sources.decoding.decode import ImageError

COLOURS = {"blue": (40, 60, 200), "green": (40, 180, 60), "red": (200, 50, 40)}


def draw(path, colour, seed):
    path.parent.mkdir(parents=True, exist_ok=True)
    noise = np.random.default_rng(seed).normal(0, 25, size=(36, 44, 3))
    Image.fromarray(np.clip(np.array(colour) + noise, 0, 255).astype("uint8")).save(path, quality=95)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Three classes, 12 training and 6 validation pictures each, and 5 test pictures, which are all red."""
    root = tmp_path_factory.mktemp("colours")
    for split, count in (("train", 12), ("valid", 6)):
        for name, colour in COLOURS.items():
            for index in range(count):
                draw(root / split / name / f"{index}.jpg", colour, index + 50 * (split == "valid"))
    for index in range(5):
        draw(root / "test" / f"t{index}.jpg", COLOURS["red"], 100 + index)
    return root


@pytest.fixture(scope="module")
def tagged(tmp_path_factory):
    """Pictures with a red left half, a green right half, both or neither, and their tags in a CSV."""
    root = tmp_path_factory.mktemp("tags")
    rows = []
    for index in range(40):
        left, right = index % 2, index // 2 % 2
        pixels = np.random.default_rng(index).normal(60, 20, size=(32, 32, 3))
        pixels[:, :16, 0] += 140 * left
        pixels[:, 16:, 1] += 140 * right
        path = root / ("pics" if index < 32 else "test") / f"p{index}.png"
        path.parent.mkdir(exist_ok=True)
        Image.fromarray(np.clip(pixels, 0, 255).astype("uint8")).save(path)
        tags = " ".join(["any", *["left"] * left, *["right"] * right])
        if index < 32:
            rows.append({"name": f"p{index}", "tags": tags, "value": float(left)})
    pd.DataFrame(rows)[["name", "tags"]].to_csv(root / "tags.csv", index=False)
    pd.DataFrame(rows)[["name", "value"]].to_csv(root / "values.csv", index=False)
    return root


def backbone(seed: int = 0) -> kf.Backbone:
    keras.utils.set_random_seed(seed)
    layers = keras.layers
    inputs = keras.Input((None, None, 3))
    x = layers.Rescaling(1 / 127.5, -1)(inputs)
    for width in (8, 16, 32):
        x = layers.Conv2D(width, 3, strides=2, padding="same", activation="relu", kernel_initializer="he_normal")(x)
    return kf.Backbone.from_model(keras.Model(inputs, x), size=32, name="tiny")


def colours_data(folder, path=None, **arguments) -> kf.ImageData:
    data = kf.ImageData.from_folders(
        folder, test="test", transforms=kf.transforms_side_on(32, max_zoom=1.1), batch_size=8, **arguments
    )
    return data if path is None else kf.ImageData(data.source, data.transforms, 8, path=path)


@pytest.fixture
def learn(folder, tmp_path) -> kf.ImageLearner:
    data = colours_data(folder, tmp_path)
    return kf.ImageLearner.pretrained(backbone(), data, hidden=(16,), precompute=True)


def same(a, b) -> bool:
    return all(np.array_equal(x, y) for x, y in zip(a, b, strict=True))


@pytest.mark.slow
def test_the_lesson_runs_from_stored_activations_to_the_unfrozen_network(learn, capsys):
    body = learn.network.features.get_weights()
    learn.fit(0.05, 5)
    assert same(body, learn.network.features.get_weights())
    assert learn.precompute and len(learn.recorder.losses) == 5 * 4
    plain = learn.predict()
    learn.precompute = False
    np.testing.assert_allclose(learn.predict(), plain, atol=1e-4)
    learn.fit(0.01, 1)
    assert same(body, learn.network.features.get_weights())
    learn.unfreeze()
    history = learn.fit([0.0005, 0.002, 0.01], 2, cycle_len=1, cycle_mult=2)
    assert not same(body, learn.network.features.get_weights())
    assert history.history["val_accuracy"][-1] == 1.0
    assert "accuracy" in capsys.readouterr().out


@pytest.mark.slow
def test_three_groups_and_only_the_head_trains_at_first(learn):
    assert len(learn.groups) == 3 and learn.groups.trainable == [False, False, True]
    head = {id(v) for v in learn.network.head.trainable_variables}
    assert {id(v) for v in learn.groups.variables[2]} == head


@pytest.mark.slow
def test_a_checkpoint_during_precompute_holds_the_whole_model(learn, tmp_path):
    """What trains is the head alone, which nobody wants in a file; stopping and restoring act on the head."""
    keep = keras.callbacks.ModelCheckpoint(tmp_path / "whole.keras", monitor="val_loss", save_best_only=True)
    weights = keras.callbacks.ModelCheckpoint(tmp_path / "all.weights.h5", save_weights_only=True)
    stop = keras.callbacks.EarlyStopping("val_accuracy", min_delta=1.0, patience=1, restore_best_weights=True)
    learn.precompute = True
    assert len(learn.fit(0.001, 5, callbacks=[keep, weights, stop]).history["loss"]) == 2
    loaded = keras.models.load_model(tmp_path / "whole.keras")
    assert loaded.input_shape == learn.model.input_shape and loaded.count_params() == learn.model.count_params()
    learn.model.load_weights(tmp_path / "all.weights.h5")


@pytest.mark.slow
def test_unfreezing_ends_precompute_and_freezing_the_rest_does_not(learn):
    learn.freeze()
    assert learn.precompute
    learn.freeze_to(-2)
    assert not learn.precompute and learn.groups.trainable == [False, True, True]
    learn.precompute = True
    assert learn.groups.trainable == [False, False, True]
    learn.unfreeze()
    assert not learn.precompute


@pytest.mark.slow
def test_stored_activations_are_computed_once(folder, tmp_path, monkeypatch):
    computed = []
    compute = features_module._compute
    monkeypatch.setattr(features_module, "_compute", lambda *a: (computed.append(len(a[1])), compute(*a))[1])
    data = colours_data(folder, tmp_path)
    kf.ImageLearner.pretrained(backbone(), data, precompute=True)
    assert computed == [36, 18, 5]
    kf.ImageLearner.pretrained(backbone(), data, precompute=True)
    assert computed == [36, 18, 5]
    kf.ImageLearner.pretrained(backbone(seed=1), data, precompute=True)
    assert computed == [36, 18, 5] * 2


@pytest.mark.slow
def test_tta_stacks_the_plain_view_and_different_augmented_ones(learn):
    learn.fit(0.05, 2)
    views, targets = learn.tta(n_aug=3)
    assert views.shape == (4, 18, 3)
    np.testing.assert_array_equal(targets, learn.data.valid.targets)
    np.testing.assert_allclose(views[0], learn.predict(), atol=1e-4)
    assert not np.allclose(views[1], views[2])
    again, _ = learn.tta(n_aug=3)
    np.testing.assert_array_equal(views, again)
    test_views, none = learn.tta(n_aug=1, is_test=True)
    assert test_views.shape == (2, 5, 3) and none is None


@pytest.mark.slow
def test_tta_equals_a_plain_loop_over_the_views(learn):
    views, _ = learn.tta(n_aug=2)
    for epoch in range(2):
        batches = [learn.model(pixels, training=False) for pixels, _ in learn.data.augmented.dataset(epoch)]
        np.testing.assert_allclose(views[1 + epoch], np.concatenate(batches), atol=1e-5)


@pytest.mark.slow
def test_predictions_follow_the_file_names(learn):
    learn.fit(0.05, 5)
    predictions, targets = learn.predict_with_targs()
    names = [file.split("/")[1] for file in learn.data.valid.files]
    assert [learn.data.classes[i] for i in targets] == names
    assert [learn.data.classes[i] for i in predictions.argmax(1)] == names
    assert learn.predict(is_test=True).argmax(1).tolist() == [2] * 5


@pytest.mark.slow
def test_one_picture_is_predicted_as_in_its_batch(learn):
    learn.fit(0.05, 2)
    all_at_once = learn.predict()
    for index in (0, 7, 17):
        file = learn.data.source.root / learn.data.valid.files[index]
        np.testing.assert_allclose(learn.predict_image(file), all_at_once[index], atol=1e-5)
        np.testing.assert_allclose(
            learn.predict_array(learn.data.valid[index][0][None])[0], all_at_once[index], atol=1e-4
        )
    np.testing.assert_allclose(
        learn.predict_image(file.read_bytes()), learn.predict_image(kf.open_image(file)), atol=1e-6
    )


@pytest.mark.slow
def test_the_submission_has_a_column_per_class_and_a_row_per_test_file(learn, tmp_path):
    file = learn.submission(tmp_path / "sub" / "subm.csv.gz")
    frame = pd.read_csv(file)
    assert frame.columns.tolist() == ["id", "blue", "green", "red"]
    assert frame["id"].tolist() == [f"t{index}" for index in range(5)]
    np.testing.assert_allclose(frame.iloc[:, 1:].sum(axis=1), 1.0, atol=1e-5)
    views, _ = learn.tta(is_test=True)
    np.testing.assert_allclose(frame.iloc[:, 1:], views.mean(0), atol=1e-5)


@pytest.mark.slow
def test_weights_survive_saving_and_the_head_is_shared(learn, folder, tmp_path):
    learn.fit(0.05, 2)
    learn.save("head")
    want = learn.predict()
    other = kf.ImageLearner.pretrained(backbone(), colours_data(folder, tmp_path), hidden=(16,))
    other.load("head")
    np.testing.assert_allclose(other.predict(), want, atol=1e-4)


@pytest.mark.slow
def test_set_data_changes_the_size_and_keeps_the_weights(learn):
    learn.fit(0.05, 3)
    before = learn.model.get_weights()
    learn.unfreeze()
    learn.set_data(learn.data.at_size(48))
    assert same(before, learn.model.get_weights())
    assert learn.data.size == 48 and learn.groups.trainable == [False, False, True] and not learn.precompute
    learn.fit(0.01, 1)
    assert learn.predict().shape == (18, 3)
    assert learn.summary()[learn.model.layers[0].name]["output_shape"] == (None, 48, 48, 3)
    learn.set_data(learn.data.at_size(40), precompute=True)
    assert learn.precompute


@pytest.mark.slow
def test_other_classes_need_another_learner(learn, tagged):
    other = kf.ImageData.from_csv(tagged, "tags.csv", folder="pics", suffix=".png")
    with pytest.raises(ValueError, match=r"blue, green, red \(single\); received any, left, right"):
        learn.set_data(other)


@pytest.mark.slow
def test_tags_get_a_sigmoid_a_threshold_and_a_planet_style_submission(tagged, tmp_path):
    data = kf.ImageData.from_csv(
        tagged, "tags.csv", folder="pics", suffix=".png", test="test", transforms=kf.Transforms(32), batch_size=8
    )
    data = kf.ImageData(data.source, data.transforms, 8, path=tmp_path)
    learn = kf.ImageLearner.pretrained(backbone(), data, pool="max", hidden=(16,), precompute=True, metrics=[kf.f2()])
    assert data.target_kind == "multi" and data.classes == ("any", "left", "right")
    history = learn.fit(0.05, 15)
    assert history.history["val_f2"][-1] > kf.best_constant(data.train.targets)[1]
    predictions, targets = learn.predict_with_targs()
    threshold, score = kf.best_threshold(targets, predictions)
    assert score == pytest.approx(kf.fbeta_score(targets, predictions, threshold=threshold))
    frame = pd.read_csv(learn.submission(tmp_path / "s.csv", threshold=threshold, n_aug=1), keep_default_na=False)
    assert frame.columns.tolist() == ["image_name", "tags"] and len(frame) == 8
    assert all(set(tags.split()) <= set(data.classes) and tags for tags in frame["tags"])


def test_a_submission_is_refused_before_anything_is_predicted(tagged, tmp_path, monkeypatch):
    data = kf.ImageData.from_csv(
        tagged, "tags.csv", folder="pics", suffix=".png", test="pics", transforms=kf.Transforms(32), batch_size=8
    )
    learn = kf.ImageLearner.pretrained(backbone(), data, hidden=(), dropout=0, path=tmp_path)
    monkeypatch.setattr(learn, "tta", lambda *_: pytest.fail("predicted"))
    with pytest.raises(ValueError, match="`threshold` must lie from 0 to 1; received 5"):
        learn.submission(tmp_path / "sub.csv", threshold=5)
    with pytest.raises(ValueError, match="`ids` must be"):
        learn.submission(tmp_path / "sub.csv", ids=[1])


@pytest.mark.slow
def test_a_picture_replaced_during_training_is_named(folder, tmp_path):
    shutil.copytree(folder, tmp_path / "copy")
    for file in (tmp_path / "copy").rglob("*.png"):
        Image.open(file).convert("RGB").save(file, "JPEG")
    data = kf.ImageData.from_folders(tmp_path / "copy", transforms=kf.Transforms(32), batch_size=8)
    learn = kf.ImageLearner.pretrained(backbone(), data, hidden=(), dropout=0)
    replaced = data.train.files[:6]  # more than one epoch leaves out
    for index, file in enumerate(replaced):
        with Image.open(data.source.root / file) as picture:
            picture.load()
        new, form = (picture.resize((88, 72)), "JPEG") if index % 2 else (picture, "PNG")
        new.save(data.source.root / file, form)
    with pytest.raises(
        kf.ImageError, match="has changed since the data was made, from .* to .*; make the data anew"
    ) as error:
        learn.fit(0.01, 1)
    assert list(error.value.problems) == list(replaced)


@pytest.mark.slow
def test_values_get_a_linear_head_and_the_absolute_error(tagged, tmp_path):
    data = kf.ImageData.from_csv(
        tagged,
        "values.csv",
        folder="pics",
        suffix=".png",
        target_kind="regression",
        transforms=kf.Transforms(32),
        batch_size=8,
    )
    data = kf.ImageData(data.source, data.transforms, 8, path=tmp_path)
    learn = kf.ImageLearner.pretrained(
        backbone(), data, hidden=(), dropout=0, precompute=True, optimizer=keras.optimizers.Adam
    )
    history = learn.fit(0.01, 20)
    assert learn.loss == "mean_absolute_error" and list(history.history) == ["loss", "val_loss"]
    assert min(history.history["loss"]) < 0.3 * history.history["loss"][0]
    assert learn.predict().shape == (6, 1)


@pytest.mark.slow
def test_fits_are_repeatable(folder, tmp_path):
    results = []
    for _ in range(2):
        keras.utils.set_random_seed(3)
        learn = kf.ImageLearner.pretrained(backbone(), colours_data(folder, tmp_path), hidden=(8,), precompute=True)
        learn.fit(0.01, 2)
        learn.unfreeze()
        learn.fit(0.001, 2)
        results.append(learn.model.get_weights())
    for a, b in zip(*results, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-3, atol=1e-4)


@pytest.mark.slow
@pytest.mark.parametrize("stored", [True, False])
def test_the_rate_finder_changes_nothing_of_the_fit_that_follows(folder, tmp_path, stored):
    results = []
    for find in (False, True):
        keras.utils.set_random_seed(3)
        learn = kf.ImageLearner.pretrained(backbone(), colours_data(folder, tmp_path), hidden=(8,), precompute=stored)
        if find:
            assert len(learn.lr_find(end=0.1, steps=9).losses) == 9
        learn.fit(0.01, 2)
        results.append([*learn.model.get_weights(), learn.recorder.losses])
    for a, b in zip(*results, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize(
    "harm", [lambda file, content: file.write_bytes(content[:300]), lambda file, content: file.unlink()]
)
def test_a_file_that_breaks_while_training_is_named_with_the_others(folder, tmp_path, harm):
    learn = kf.ImageLearner.pretrained(backbone(), colours_data(folder, tmp_path))
    hurt = [learn.data.train.files[3], learn.data.train.files[20]]
    whole = {file: (folder / file).read_bytes() for file in hurt}
    try:
        for file in hurt:
            harm(folder / file, whole[file])
        with pytest.raises(ImageError) as caught:
            learn.fit(0.01, 1)
        assert sorted(caught.value.problems) == sorted(hurt)
    finally:
        for file, content in whole.items():
            (folder / file).write_bytes(content)


@pytest.mark.slow
def test_a_custom_head_replaces_the_pooling(folder, tmp_path):
    head = [keras.layers.GlobalAveragePooling2D(), keras.layers.Dense(3), keras.layers.Softmax()]
    learn = kf.ImageLearner.pretrained(backbone(), colours_data(folder, tmp_path), custom_head=head, precompute=True)
    assert learn.network.features.output_shape == (None, None, None, 32)
    assert learn.fit(0.05, 15).history["val_accuracy"][-1] > 0.8


@pytest.mark.slow
def test_the_exported_model_loads_with_keras_alone(learn, tmp_path):
    learn.fit(0.05, 1)
    learn.model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras", compile=False)
    pixels = next(iter(learn.data.valid.dataset()))[0]
    np.testing.assert_allclose(loaded.predict(pixels, verbose=0), learn.model.predict(pixels, verbose=0), atol=1e-5)


@pytest.mark.slow
def test_each_state_and_size_is_traced_once_in_a_lesson(folder):
    size = 32
    data = kf.ImageData.from_folders(folder, transforms=kf.transforms_side_on(size), batch_size=6)
    learn = kf.ImageLearner.pretrained(backbone(), data)
    traces, train_step = [], learn.model.train_step
    learn.model.train_step = lambda batch: (traces.append(batch[0].shape), train_step(batch))[1]

    def traced(*changes) -> int:
        before = len(traces)
        for change in changes:
            change()
        learn.fit([1e-4, 1e-3, 1e-2], 1)
        return len(traces) - before

    assert traced() <= 2  # the very first step makes the metrics' variables, so TensorFlow goes through it twice
    assert traced(lambda: learn.lr_find(steps=3)) == traced(lambda: learn.fit(0.02, 1, cycle_len=1)) == 0
    assert traced(learn.unfreeze) == 1
    assert traced() == traced(learn.freeze) == traced(learn.unfreeze) == 0
    same = kf.ImageData.from_folders(folder, transforms=kf.transforms_basic(size), batch_size=6)
    assert traced(lambda: learn.set_data(same)) == traced(learn.unfreeze) == 0
    assert traced(lambda: learn.set_data(same.at_size(48)), learn.freeze) == 1
    assert traced(lambda: learn.set_data(data)) == traced(learn.unfreeze) == 0
    assert traced(lambda: learn.set_data(same.at_size(48)), learn.freeze) == 0


@pytest.mark.slow
def test_a_report_predicts_once_and_says_what_is_wrong(learn, monkeypatch):
    calls, predict = [], learn.predict
    monkeypatch.setattr(learn, "predict", lambda is_test=False: (calls.append(is_test), predict(is_test))[1])
    report = learn.interpret()
    assert calls == [False] and len(report.predictions) == 18
    assert report.confusion().to_numpy().sum() == 18 and report.per_class(resamples=9)["n"].tolist() == [6, 6, 6]
    frame = report.top_losses(2)
    assert set(frame["file"]) <= set(learn.data.valid.files)
    assert len(report.plot_pictures(frame, grad_cam=True).images) == 4
