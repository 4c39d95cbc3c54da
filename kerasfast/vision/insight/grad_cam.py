"""Grad-CAM: where in a picture a network finds a class."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Protocol

import keras
import numpy as np
import tensorflow as tf

from kerasfast.basics.arguments import choice, whole
from kerasfast.keras_internals import producer, run_graph
from kerasfast.plots.insight import plot_heat
from kerasfast.vision.networks.graphs import feature_map
from kerasfast.vision.pipeline.single import validation_pixels
from kerasfast.vision.prediction.predictor import ImagePredictor

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_ENDS = ("softmax", "sigmoid")


class Predicting(Protocol):
    """What makes a predictor: a learner of pictures."""

    def predictor(self, *, threshold: float | Sequence[float] | None = None) -> ImagePredictor:
        """Return the predictor."""


Source = keras.Model | ImagePredictor | Predicting


def grad_cam(
    source: Source, picture: str | os.PathLike | bytes | np.ndarray, target_class: str | int | None = None
) -> np.ndarray:
    """Return where the network finds a class in a picture: (size, size) float32, 0 (nowhere) to 1 (most).

    The channels of the last feature map are weighted by the mean slope of the class's score in them, added, and what
    speaks against the class is left out. The score is taken before softmax or sigmoid, which would flatten it. The
    map is as coarse as the feature map (7 x 7 for most networks at 224) and scaled up.

    Args:
        source: A learner, a (loaded) predictor, or a functional or Sequential Keras model, nested or flat.
        picture: A file, its bytes or an array (height, width, 3) uint8, which is cropped and scaled as for
            validation. For a Keras model an array (height, width, 3) as the model reads it.
        target_class: Its name (of a learner or predictor) or its index; the likeliest when not given.

    Raises:
        ValueError: If the model has no feature map that its output depends on, or the class or picture does not suit.

    Source: Selvaraju et al., "Grad-CAM", 2017.

    Example:
        >>> layers = [keras.layers.Conv2D(4, 3), keras.layers.GlobalMaxPooling2D(), keras.layers.Dense(2, "softmax")]
        >>> model = keras.Sequential([keras.Input((16, 16, 3)), *layers])
        >>> grad_cam(model, np.ones((16, 16, 3)), 1).shape
        (16, 16)
    """
    model, pixels, classes = _parts(source, picture)
    return _heat(model, pixels, _index(target_class, classes, model.output_shape[-1]))


def plot_grad_cam(
    source: Source,
    picture: str | os.PathLike | bytes | np.ndarray,
    target_class: str | int | None = None,
    *,
    title: str = "",
    ax: Axes | None = None,
) -> Axes:
    """Draw a picture as the network reads it with `grad_cam` over it.

    Args:
        source, picture, target_class: See `grad_cam`.
        title: Title above the picture; the class when not given.
        ax: Where to draw; a new figure when not given.

    Returns:
        The axes.

    Raises:
        ValueError: See `grad_cam`.

    Example:
        >>> layers = [keras.layers.Conv2D(4, 3), keras.layers.GlobalMaxPooling2D(), keras.layers.Dense(2, "softmax")]
        >>> model = keras.Sequential([keras.Input((16, 16, 3)), *layers])
        >>> plot_grad_cam(model, np.full((16, 16, 3), 99), 1).get_title(loc="left")
        'class 1'
    """
    model, pixels, classes = _parts(source, picture)
    index = _index(target_class, classes, model.output_shape[-1])
    heat = _heat(model, pixels, index)
    if not title and index is not None:
        title = classes[index] if classes else f"class {index}"
    return plot_heat(pixels, heat, title=title, ax=ax)


def _parts(source: Source, picture: Any) -> tuple[keras.Model, np.ndarray, tuple[str, ...] | None]:
    """Return the model, the pixels that it reads, and its classes where they are known."""
    if isinstance(source, keras.Model):
        pixels = np.asarray(picture)
        if pixels.ndim != 3:
            raise ValueError(f"For a Keras model a picture is (height, width, channels); received {pixels.shape}.")
        return source, pixels, None
    if not isinstance(source, ImagePredictor) and not callable(getattr(source, "predictor", None)):
        raise ValueError(
            f"`source` must be a Keras model, an `ImageLearner` or an `ImagePredictor`; received {source!r:.100}."
        )
    predictor = source if isinstance(source, ImagePredictor) else source.predictor(threshold=0.5)
    pixels = np.asarray(validation_pixels(picture, predictor.transforms, predictor.model.input_shape[-1]))
    return predictor.model, pixels, predictor.classes


def _index(target_class: str | int | None, classes: tuple[str, ...] | None, count: int) -> int | None:
    if target_class is None:
        return None
    if isinstance(target_class, str):
        return (classes or ()).index(choice("target_class", target_class, classes or ()))
    return whole("target_class", target_class, least=0, most=count - 1)


def _heat(model: keras.Model, pixels: np.ndarray, index: int | None) -> np.ndarray:
    wanted, last = _map_maker(model), _score_maker(model)
    seen: list[tf.Tensor] = []
    with tf.GradientTape() as tape:

        def call(operation: Any, *args: Any, **kwargs: Any) -> Any:
            if operation is last:
                made = _without_end(operation, *args, **kwargs)
            elif isinstance(operation, keras.Model) and operation is not wanted:
                made = run_graph(operation, args[0], call)
            else:
                made = operation(*args, **kwargs)
            if operation is wanted:
                tape.watch(made)
                seen.append(made)
            return made

        outputs = tf.cast(run_graph(model, tf.convert_to_tensor(pixels, "float32")[None], call), "float32")
        score = tf.reduce_max(outputs) if index is None else outputs[0, index]
    slope = tape.gradient(score, seen[-1])
    if slope is None:
        raise ValueError(f"The output of model {model.name!r} does not depend on its last feature map.")
    slope, maps = tf.cast(slope, "float32"), tf.cast(seen[-1], "float32")
    heat = tf.nn.relu(tf.reduce_sum(tf.reduce_mean(slope, axis=(1, 2), keepdims=True) * maps, axis=-1, keepdims=True))
    heat = tf.image.resize(heat, pixels.shape[:2])[0, ..., 0].numpy()
    return heat / max(heat.max(), np.finfo("float32").tiny)


def _map_maker(model: keras.Model) -> keras.Operation:
    """Return what makes the last feature map: an operation of the model, or of the last model inside that has one."""
    try:
        return producer(feature_map(model))[0]
    except ValueError:
        for inner in reversed([layer for layer in model.layers if isinstance(layer, keras.Model)]):
            try:
                return _map_maker(inner)
            except ValueError:
                continue
        raise


def _score_maker(model: keras.Model) -> keras.Operation:
    """Return what makes the output, past activations that change nothing."""
    operation, inputs, _ = producer(model.outputs[0])
    while _end_of(operation) == "linear" and isinstance(operation, keras.layers.Activation):
        operation, inputs, _ = producer(inputs[0])
    return _score_maker(operation) if isinstance(operation, keras.Model) else operation


def _without_end(operation: keras.Operation, *args: Any, **kwargs: Any) -> Any:
    """Call an operation without its softmax or sigmoid."""
    if type(operation).__name__ in ("Softmax", "Sigmoid"):
        return args[0]
    if _end_of(operation) not in _ENDS:
        return operation(*args, **kwargs)
    linear = type(operation).from_config(operation.get_config() | {"activation": "linear"})
    made = linear(*args, **kwargs)
    if not operation.weights:
        return made
    linear.set_weights(operation.get_weights())
    return linear(*args, **kwargs)


def _end_of(operation: keras.Operation) -> str | None:
    return getattr(getattr(operation, "activation", None), "__name__", None)
