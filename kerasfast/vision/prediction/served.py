"""A SavedModel that takes pictures as their files are, for TensorFlow Serving and all that runs SavedModels."""

import os
import pathlib
from collections.abc import Sequence

import keras
import tensorflow as tf

from kerasfast.runtimes.formats import whole_folder
from kerasfast.runtimes.models import signature_of
from kerasfast.vision.pipeline.transforms import Transforms
from kerasfast.vision.prediction.coded import window_of


def write_served(
    path: str | os.PathLike,
    model: keras.Model,
    transforms: Transforms,
    classes: Sequence[str],
    target_kind: str,
    threshold: float | Sequence[float],
) -> pathlib.Path:
    """Write a SavedModel and return its folder.

    Signature "serve" (and the default): `pictures` (n,) bytes of JPEG, PNG, BMP or GIF files -> `prediction` (n,) the
    class or the tags separated by spaces, `probabilities` (n, classes), `classes` (classes,); of a regression `values`
    (n, k) and `names` (k,). Signature "pixels": pictures (n, size, size, 3) 0..255 -> outputs (n, classes).

    Raises:
        FileExistsError: If there is such a folder.
    """
    size, names, channels = transforms.size, list(classes), model.input_shape[-1]
    if channels != 3:
        raise ValueError(
            f"A SavedModel reads files of three channels, and this network {channels}; export it as 'keras', "
            "'onnx' or 'litert'."
        )
    window = tf.TensorSpec([*transforms.sides, 3], tf.uint8)

    def from_bytes(pictures: tf.Tensor) -> dict[str, tf.Tensor]:
        pixels = tf.map_fn(lambda content: window_of(content, transforms), pictures, fn_output_signature=window)
        values = model(tf.cast(pixels, tf.float32), training=False)
        if target_kind == "regression":
            return {"values": values, "names": tf.constant(names)}
        prediction = _tags(values, names, threshold) if target_kind == "multi" else _likeliest(values, names)
        return {"prediction": prediction, "probabilities": values, "classes": tf.constant(names)}

    archive = keras.export.ExportArchive()
    archive.track(model)
    archive.add_endpoint("serve", from_bytes, [tf.TensorSpec([None], tf.string, "pictures")])
    archive.add_endpoint("pixels", lambda pixels: model(pixels, training=False), [signature_of(model, side=size)])
    with whole_folder(path) as unfinished:
        archive.write_out(unfinished, verbose=False)
    return pathlib.Path(path)


def _likeliest(values: tf.Tensor, names: list[str]) -> tf.Tensor:
    return tf.gather(tf.constant(names), tf.argmax(values, axis=1))


def _tags(values: tf.Tensor, names: list[str], threshold: float | Sequence[float]) -> tf.Tensor:
    above = values > tf.constant(threshold, values.dtype)
    tags = tf.strings.reduce_join(tf.where(above, tf.constant(names) + " ", ""), axis=1)
    return tf.where(tf.reduce_any(above, axis=1), tf.strings.strip(tags), _likeliest(values, names))
