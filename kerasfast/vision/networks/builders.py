"""Builds the networks that backbones stand for, with the weights asked for, and checks what they are made of."""

import inspect
import os
import pathlib
import warnings
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from kerasfast.basics import arguments
from kerasfast.vision.networks.applications import APPLICATIONS, Application, cached_file, downloaded, load_file

if TYPE_CHECKING:
    import keras

# Keras is imported where it is used, as in `backbones`.
_DECIDED = {"include_top", "pooling", "input_tensor", "input_shape", "include_preprocessing", "classes"}


def existing(path: str | os.PathLike) -> pathlib.Path:
    """Return the path of a weights file.

    Raises:
        FileNotFoundError: There is no such file.
    """
    found = arguments.path("weights", path)
    if not found.is_file():
        raise FileNotFoundError(f'No weights file at {found}; pass the path of an existing file, "default" or None.')
    return found


def application_name(function: Callable, kwargs: dict) -> str:
    """Return the name in `APPLICATIONS` of a function of `keras.applications`, having checked its arguments.

    Raises:
        TypeError: The function is not one of them, or an argument is unknown or is the backbone's to decide.
    """
    name = next(
        (name for name, row in APPLICATIONS.items() if row.function == getattr(function, "__name__", None)), None
    )
    if name is None:
        raise TypeError(
            f"{function!r} is not a function of keras.applications; use Backbone.from_model for another network."
        )
    taken = sorted(_DECIDED & kwargs.keys())
    if taken:
        raise TypeError(
            f"{', '.join(taken)}: the backbone decides this; use Backbone.from_model for a network built otherwise."
        )
    unknown = sorted(kwargs.keys() - inspect.signature(function).parameters)
    if unknown:
        raise TypeError(
            f"{function.__name__} has no argument {', '.join(unknown)}; see keras.applications.{function.__name__}."
        )
    return name


def application_weights(row: Application, kwargs: dict, weights: str | pathlib.Path | None) -> tuple[bool, str]:
    """Say whether these default weights of a `keras.applications` network are here, and where; or what to do."""
    if weights == "imagenet":
        return cached_file(row.file_name(**kwargs))
    return (True, "random weights, as asked for") if weights is None else (weights.is_file(), str(weights))


def application(
    name: str, row: Application, kwargs: dict, default: str | pathlib.Path | None, weights: str | pathlib.Path | None
) -> "keras.Model":
    """Build a `keras.applications` network; a weights file is loaded here so that errors name it.

    Args:
        name: For messages.
        row: The network.
        kwargs: Further arguments of its function.
        default: What the weights "default" stand for: "imagenet", a file, or None for random ones.
        weights: "default", a file, or None.
    """
    import keras

    weights = default if weights == "default" else weights
    function = getattr(keras.applications, row.function)
    with warnings.catch_warnings():
        # Any size is meant; Keras would warn that it takes the weights trained at 224.
        warnings.filterwarnings("ignore", message=".*`input_shape` is undefined")
        if weights == "imagenet":
            return downloaded(
                lambda: function(include_top=False, weights="imagenet", **kwargs), name, row.file_name(**kwargs)
            )
        model = function(include_top=False, weights=None, **kwargs)
    if weights is not None:
        load_file(model, weights, name)
    return model


def shortened(build: Callable, count: int, weights: str | pathlib.Path | None) -> "keras.Model":
    """Build a network without its last `count` stages."""
    import keras

    from kerasfast.vision.networks.graphs import feature_map, stage_end

    whole = build(weights)
    features = keras.Model(whole.input, feature_map(whole), name=whole.name)
    return keras.Model(features.input, stage_end(features, count), name=whole.name)


def copied(model: "keras.Model", weights: str | pathlib.Path | None) -> "keras.Model":
    """Return a model for "default", else a copy of it with the weights of a file, or random ones for None."""
    import keras

    if weights == "default":
        return model
    fresh = keras.models.clone_model(model)
    if weights is not None:
        load_file(fresh, weights, model.name)
    return fresh


def checked_sides(model: Any) -> tuple[int | None, int | None]:
    """Check that a model can be taken apart, and return the height and width it reads.

    Raises:
        ValueError: It is no functional model, reads anything but one picture, or holds a whole model as a layer.
    """
    import keras

    if not isinstance(model, keras.Model) or not getattr(model, "inputs", None):
        raise ValueError(
            f"Expected a functional keras.Model; received {model!r}. Build a subclassed model through keras.Input."
        )
    shapes = [tuple(tensor.shape) for tensor in model.inputs]
    if len(shapes) != 1 or len(shapes[0]) != 4 or shapes[0][-1] != 3:
        raise ValueError(f"Expected one input of shape (batch, height, width, 3); {model.name!r} reads {shapes}.")
    nested = [
        layer for layer in model.layers if isinstance(layer, keras.Model) and not isinstance(layer, keras.Sequential)
    ]
    if nested:
        raise ValueError(
            f"{model.name!r} holds a whole model, {nested[0].name!r}, as one layer, which cannot be split: "
            f"pass model.get_layer({nested[0].name!r}) and what came before it as `preprocess`."
        )
    return shapes[0][1:3]
