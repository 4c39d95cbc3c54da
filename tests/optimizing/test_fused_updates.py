import keras
import numpy as np
import pytest
import tensorflow as tf

from kerasfast.optimizing.fused_updates import fused_update_step

OPTIMIZERS = {
    "adam": lambda: keras.optimizers.Adam(0.1, beta_1=0.8, beta_2=0.95, epsilon=1e-4),
    "adamw": lambda: keras.optimizers.AdamW(0.1),
    "momentum": lambda: keras.optimizers.SGD(0.1, momentum=0.7),
    "nesterov": lambda: keras.optimizers.SGD(0.1, momentum=0.7, nesterov=True),
}


@pytest.mark.parametrize("name", OPTIMIZERS)
@pytest.mark.parametrize("sparse", [False, True])
def test_the_kernel_computes_what_keras_does(name, sparse, rng):
    start, gradients = rng.normal(size=(7, 3)), rng.normal(size=(9, 7, 3)).astype("float32")
    results = []
    for fused in (False, True):
        optimizer, variable = OPTIMIZERS[name](), keras.Variable(start)
        optimizer.build([variable])
        update = fused_update_step(optimizer) if fused else optimizer.update_step
        for gradient in gradients:
            if sparse:
                gradient = tf.IndexedSlices(gradient[[0, 3, 3]], [1, 5, 2], (7, 3))
            update(gradient, variable, tf.constant(0.1))
            optimizer.iterations.assign_add(1)
        results.append([variable.numpy(), *(slot.numpy() for slot in optimizer.variables)])
    for plain, kernel in zip(*results, strict=True):
        np.testing.assert_allclose(kernel, plain, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    "optimizer",
    [
        keras.optimizers.Adam(amsgrad=True),
        keras.optimizers.SGD(),
        keras.optimizers.RMSprop(),
        type("MyAdam", (keras.optimizers.Adam,), {})(),
    ],
)
def test_other_optimizers_keep_their_own_update(optimizer):
    assert fused_update_step(optimizer) is None
