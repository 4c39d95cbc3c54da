"""`fit_gen`, first weights by data, half precision, and models that learners are made of."""

import keras
import numpy as np
import pytest

from kerasfast.fastai.conv_learner import (
    BasicModel,
    ConvLearner,
    ConvnetBuilder,
    T,
    apply_init,
    apply_lsuv_init,
    fbeta_torch,
    kaiming_normal,
)
from kerasfast.keras_internals import all_layers


@pytest.mark.slow
def test_the_inner_fit_and_half_precision_with_a_scaled_loss(learn):
    pixels = next(iter(learn.data.val_dl))[0]
    before = learn.predict_array(pixels)
    learn.half()
    assert {layer.compute_dtype for layer in all_layers(learn.model)} == {"float16", "float32"}
    after = learn.predict_array(pixels)
    assert after.dtype == np.float32
    np.testing.assert_allclose(np.exp(after), np.exp(before), atol=0.02)
    layer_opt = learn.get_layer_opt([0.01, 0.02, 0.04], 1e-3)
    values = learn.fit_gen(learn.model, learn.data, layer_opt, 1)
    assert len(values) == 2 and learn.sched.lrs[-1] == pytest.approx(0.04)
    assert isinstance(learn.model.optimizer, keras.optimizers.LossScaleOptimizer)
    assert np.isfinite(learn.sched.losses).all()
    learn.float()
    assert {layer.compute_dtype for layer in all_layers(learn.model)} == {"float32"}


@pytest.mark.slow
def test_the_inner_fit_and_half_precision_say_what_they_need(learn):
    with pytest.raises(ValueError, match="get_layer_opt"):
        learn.fit_gen(keras.Sequential(), learn.data, None, 1)
    learn.precompute = True
    with pytest.raises(ValueError, match="precompute = False"):
        learn.half()


@pytest.mark.slow
def test_kernels_are_scaled_until_outputs_have_the_deviation(learn):
    keras.utils.set_random_seed(0)
    inner = [keras.layers.Dense(6, activation="relu"), keras.layers.Dense(4)]
    model = keras.Sequential([keras.Input((5,)), *inner])
    batch = np.random.default_rng(0).normal(0, 30, (40, 5)).astype("float32")
    assert apply_lsuv_init(model, T(batch)) is model
    between = inner[0](batch)
    assert np.std(between) == pytest.approx(1, abs=0.1) and np.std(inner[1](between)) == pytest.approx(1, abs=0.1)
    assert "call" not in vars(inner[0])
    learn.lsuv_init()
    with pytest.raises(ValueError, match="no dense layer"):
        apply_lsuv_init(keras.Sequential([keras.Input((5,)), keras.layers.ReLU()]), batch)
    with pytest.raises(ValueError, match="needed_std"):
        apply_lsuv_init(model, batch, needed_std=0)


def test_kernels_are_drawn_anew_and_biases_are_zero():
    keras.utils.set_random_seed(0)
    dense = keras.layers.Dense(300, bias_initializer="ones")
    norm = keras.layers.BatchNormalization(gamma_initializer=keras.initializers.Constant(3))
    model = keras.Sequential([keras.Input((200,)), dense, norm])
    apply_init(model, kaiming_normal)
    assert np.std(dense.kernel) == pytest.approx(0.1, rel=0.05) and not np.any(dense.bias)
    assert np.all(np.asarray(norm.gamma) == 3)
    with pytest.raises(ValueError, match="no weights yet"):
        apply_init(keras.Sequential([keras.layers.Dense(3)]), kaiming_normal)


def test_learners_are_made_of_what_a_builder_or_a_basic_model_says(make_data, backbone):
    data = make_data()
    described = ConvnetBuilder(backbone, data.c, data.is_multi, data.is_reg, xtra_fc=[8])
    learn = ConvLearner(data, described, metrics=[])
    assert learn.model.output_shape == (None, 2) and len(learn.get_layer_groups()) == 3
    with pytest.raises(ValueError, match="made for"):
        ConvLearner(data, ConvnetBuilder(backbone, 5, False, False))
    own = keras.Sequential([keras.Input((16, 16, 3)), keras.layers.Flatten(), keras.layers.Dense(2, "softmax")])
    learn = ConvLearner(data, BasicModel(own), clip=0.1)
    assert learn.clip == 0.1 and learn.predict_array(np.zeros((1, 16, 16, 3), np.uint8)).shape == (1, 2)
    with pytest.raises(TypeError, match="ConvnetBuilder"):
        ConvLearner(data, BasicModel(own), accelerate=True)


@pytest.mark.slow
def test_views_are_their_mean_as_an_array(learn):
    pair = learn.TTA()
    views, targets = pair
    assert views.shape == (5, 10, 2) and targets.shape == (10,)
    np.testing.assert_allclose(np.asarray(pair), views.mean(axis=0))
    np.testing.assert_allclose(np.mean([pair, pair], axis=0), views.mean(axis=0), rtol=1e-6)


def test_f_beta_of_tensors():
    truth, said = np.array([[1, 0, 1], [0, 1, 1]]), np.array([[0.9, 0.8, 0.1], [0.1, 0.9, 0.7]])
    assert float(fbeta_torch(truth, said, 1, 0.5)) == pytest.approx((0.5 + 1) / 2, abs=1e-6)
