"""From pixels 0..255 to what a pretrained network was trained on, in Keras's own layers."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import keras

# Keras is imported where it is used: naming backbones needs none of TensorFlow's six seconds.

MODES = ("tf", "torch", "caffe", "lite", "none")
_IMAGENET_MEAN = (0.485, 0.456, 0.406)
_IMAGENET_DEVIATION = (0.229, 0.224, 0.225)


def check_preprocess(preprocess: Any) -> None:
    """Raise ValueError unless `preprocess` is one of `MODES` or a Keras layer."""
    import keras

    if preprocess not in MODES and not isinstance(preprocess, keras.layers.Layer):
        allowed = f"one of {', '.join(MODES)}, None or a Keras layer"
        raise ValueError(f"`preprocess` must be {allowed}; received {preprocess!r}.")


def prepare(preprocess: "str | keras.layers.Layer", pixels: "keras.KerasTensor") -> "keras.KerasTensor":
    """Append the preprocessing, in float32 also where the network computes in float16.

    Channels beyond the third are scaled as the mean of the three.
    """
    import keras

    if preprocess == "none":
        return pixels
    if isinstance(preprocess, keras.layers.Layer):
        copy = type(preprocess).from_config(preprocess.get_config())
        result = copy(pixels)
        copy.set_weights(preprocess.get_weights())
        return result
    scale, offset = 1 / 127.5, -1.0
    if preprocess == "lite":
        scale, offset = 1 / 128, -127 / 128
    elif preprocess == "torch":
        scale = [1 / (255 * deviation) for deviation in _IMAGENET_DEVIATION]
        offset = [-mean / deviation for mean, deviation in zip(_IMAGENET_MEAN, _IMAGENET_DEVIATION, strict=True)]
    elif preprocess == "caffe":
        order = [2, 1, 0, *range(3, pixels.shape[-1])]
        pixels = keras.ops.flip(pixels, axis=-1) if len(order) == 3 else keras.ops.take(pixels, order, axis=-1)
        scale, offset = 1.0, [-103.939, -116.779, -123.68]
    scale, offset = (extended(values, pixels.shape[-1]) for values in (scale, offset))
    return keras.layers.Rescaling(scale, offset, dtype="float32", name="preprocess")(pixels)


def extended(values: Any, channels: int) -> Any:
    """Return a list of a value per colour with their mean for each further channel; a single value as it is."""
    if not isinstance(values, (list, tuple)) or len(values) != 3:
        return values
    return [*values, *[sum(values) / 3] * (channels - 3)]
