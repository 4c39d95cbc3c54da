"""A few of torch's methods for Keras models, which lessons call on them."""

import keras

from kerasfast.fastai.torch_names.modules import Called, Parameters
from kerasfast.vision.networks.graphs import pieces

__all__ = ["with_torch_methods"]


def _children(model: keras.Model) -> list:
    """Return the layers of a model; of one with branches its pieces, which can be put in a row again."""
    branches = any(
        isinstance(layer.input, list) for layer in model.layers if not isinstance(layer, keras.layers.InputLayer)
    )
    if not branches or isinstance(model.input, (dict, list)):
        return [layer for layer in model.layers if not isinstance(layer, keras.layers.InputLayer)]
    return pieces(model)


def with_torch_methods(model: keras.Model) -> keras.Model:
    """Let lessons call a few of torch's methods on a Keras model: `cuda()`, `eval()`, `parameters()`, `children()`."""
    itself = lambda *_: model
    methods = {
        **dict.fromkeys(("cuda", "cpu", "train", "eval"), itself),
        "parameters": lambda: Parameters(Called(model).parameters()),
        "children": lambda: _children(model),
    }
    for name, method in methods.items():
        if not hasattr(model, name):
            object.__setattr__(model, name, method)  # past Keras's tracking: the model stays what it is
    return model
