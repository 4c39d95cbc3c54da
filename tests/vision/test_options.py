"""Options of a picture learner in one line each: mixed pictures, balanced classes and tags."""

import dataclasses

import keras
import numpy as np
import pytest

import kerasfast as kf


def pictures(targets: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Grey pictures, brighter by class."""
    random = np.random.default_rng(0)
    levels = targets if targets.ndim == 1 else targets @ [1, 2, 3]
    return (random.integers(0, 60, (len(targets), 8, 8, 3)) + 40 * levels[:, None, None, None]).astype(
        np.uint8
    ), targets


def data_of(targets: np.ndarray, path, **options) -> kf.ImageData:
    return kf.ImageData.from_arrays(
        pictures(targets), pictures(targets), path=path, batch_size=10, transforms=kf.Transforms(8), **options
    )


def learner(data: kf.ImageData, **options) -> kf.ImageLearner:
    keras.utils.set_random_seed(0)
    inputs = keras.Input((None, None, 3))
    x = keras.layers.Rescaling(1 / 255)(inputs)
    for width in (4, 8):
        x = keras.layers.Conv2D(width, 3, strides=2, padding="same", activation="relu")(x)
    backbone = kf.Backbone.from_model(keras.Model(inputs, x), size=8, name="tiny")
    return kf.ImageLearner.pretrained(backbone, data, **options)


CLASSES = np.repeat([0, 1, 2], [30, 8, 2])


@pytest.mark.slow
@pytest.mark.parametrize(("mix", "on_device"), [(kf.MixUp(1.0), False), (kf.CutMix(), True)])
def test_a_learner_trains_on_mixed_pictures_and_the_same_run_gives_the_same(mix, on_device, tmp_path):

    data = dataclasses.replace(data_of(CLASSES, tmp_path), on_device=on_device)
    weights = []
    for one in (mix, mix, None):
        learn = learner(data, mix=one)
        history = learn.fit(0.1, 1)
        weights.append(learn.model.get_weights())
    assert all(np.array_equal(a, b) for a, b in zip(*weights[:2], strict=True))
    assert not np.allclose(weights[0][-1], weights[2][-1], atol=1e-3)
    assert np.isfinite(history.history["val_loss"]).all()


@pytest.mark.slow
def test_a_mixing_learner_saves_a_plain_model_and_can_stop_mixing(tmp_path):
    learn = learner(data_of(CLASSES, tmp_path), mix=kf.MixUp(1.0))
    learn.fit(0.1, 1)
    learn.model.save(tmp_path / "model.keras")
    assert keras.saving.load_model(tmp_path / "model.keras").loss == "sparse_categorical_crossentropy"
    learn.mix = None
    learn.fit(0.1, 1)
    assert learn.model.loss == "sparse_categorical_crossentropy"


def test_stored_activations_cannot_be_mixed(tmp_path):
    data = data_of(CLASSES, tmp_path)
    with pytest.raises(ValueError, match="stored activations"):
        learner(data, mix=kf.MixUp(), precompute=True)
    learn = learner(data, precompute=True)
    with pytest.raises(ValueError, match="stored activations"):
        learn.mix = kf.CutMix()
    with pytest.raises(ValueError, match="kf.MixUp"):
        learner(data, mix=0.4)
    assert learn.mix is None and learn.precompute


def test_balanced_classes_come_equally_often_and_each_epoch_is_its_own(tmp_path):
    data = data_of(CLASSES, tmp_path).balanced()
    epochs = [np.concatenate([targets for _, targets in data.train.dataset(epoch)]) for epoch in range(3)]
    counts = np.array([np.bincount(epoch, minlength=3) for epoch in epochs])
    assert counts.sum(axis=1).tolist() == [40] * 3 and np.all(np.abs(counts - 40 / 3) <= 2)
    np.testing.assert_array_equal(np.concatenate([y for _, y in data.train.dataset(1)]), epochs[1])
    assert len(data.fixed) == 40 and data.valid.draws is None
    few = data.balanced(most=4).draws
    assert few.max() == 4 and few.sum() == pytest.approx(40)


def test_rare_tags_come_more_often(tmp_path):
    tags = np.zeros((40, 3), np.int64)
    tags[:, 0], tags[:8, 1], tags[:2, 2] = 1, 1, 1
    data = data_of(tags, tmp_path).balanced()
    shown = np.concatenate([targets for _, targets in data.train.dataset(0)])
    assert shown[:, 2].sum() > 8 and len(shown) == 40


@pytest.mark.slow
def test_a_solved_head_and_a_trained_one_mind_the_balance(tmp_path):
    plain = data_of(CLASSES, tmp_path)
    samples = dataclasses.replace(plain.source.train, targets=np.random.default_rng(0).permutation(CLASSES))
    plain = dataclasses.replace(plain, source=dataclasses.replace(plain.source, train=samples))  # nothing to be learned
    shares = []
    for data in (plain, plain.balanced()):
        learn = learner(data, precompute=True)
        learn.fit_head()
        shares.append(learn.predict()[:, 2].mean())
        learn.fit(0.1, 1)
        assert learn.recorder.losses.shape == (4,)
    assert shares[0] == pytest.approx(2 / 40, abs=0.01) and shares[1] > 0.2


def test_numbers_cannot_be_balanced(tmp_path):
    with pytest.raises(ValueError, match="classes or tags"):
        data_of(CLASSES.astype(np.float32), tmp_path, target_kind="regression").balanced()
    for most in (1, 0, "all"):
        with pytest.raises(ValueError, match="most"):
            data_of(CLASSES, tmp_path).balanced(most=most)
