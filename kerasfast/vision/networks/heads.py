"""Puts a head on a backbone: pooling, dense layers, and the three models that share them."""

import dataclasses
from collections.abc import Callable, Sequence
from numbers import Real

import keras
from keras import layers

from kerasfast.basics.arguments import choice, number, sized, whole
from kerasfast.vision.networks.registry import Backbone, get

_ACTIVATIONS = ("softmax", "sigmoid", "linear")
_POOLS = ("concat", "avg", "max")
_USUAL_SIDES = (32, 64, 75, 96, 128, 224)

CustomHead = Sequence[layers.Layer] | keras.Model | Callable[[keras.KerasTensor], keras.KerasTensor]


def concat_pool(x: keras.KerasTensor) -> keras.KerasTensor:
    """Pool a feature map (batch, height, width, channels) to (batch, 2 * channels): maxima, then averages.

    In float32 also under mixed precision: a float16 sum over a large map overflows.

    Source: `AdaptiveConcatPool2d` of the lessons, in its order.
    """
    return layers.Concatenate(dtype="float32", name="head_pool")([_pool("max", x), _pool("avg", x)])


def _pool(kind: str, x: keras.KerasTensor) -> keras.KerasTensor:
    pooling = {"max": layers.GlobalMaxPooling2D, "avg": layers.GlobalAveragePooling2D}[kind]
    return pooling(dtype="float32", name=f"head_{kind}_pool")(x)


def head_layers(
    units: int,
    *,
    activation: str | None,
    hidden: Sequence[int] = (),
    dropout: float | Sequence[float] | None = None,
) -> list[layers.Layer]:
    """Make a head: BatchNormalization, Dropout, Dense and ReLU for each hidden layer, then for the output without ReLU.

    Args:
        units: Outputs: classes, tags, or values of a regression.
        activation: "softmax", "sigmoid", or "linear" (also None). The output is float32 under mixed precision.
        hidden: Units of each hidden layer; the lessons' head is (512,), a linear one ().
        dropout: Share of activations dropped before each dense layer, the output's included; one number for all. 0
            leaves the layer out. By default the lessons' 0.25, and 0.5 at the end; none in a linear head.

    Raises:
        ValueError: An argument is out of range, or `dropout` has another number of values than there are dense layers.
    """
    if activation is not None:
        choice("activation", activation, _ACTIVATIONS)
    sizes = [*(whole("hidden", size) for size in sized("hidden", hidden)), whole("units", units)]
    made: list[layers.Layer] = []
    for place, (size, rate) in enumerate(zip(sizes, _rates(dropout, len(sizes)), strict=True), start=1):
        last = place == len(sizes)
        # Keras's own momentum and epsilon suit long training; these are torch's, as in the lessons.
        made.append(layers.BatchNormalization(momentum=0.9, epsilon=1e-5, name=f"head_bn{place}"))
        if rate:
            made.append(layers.Dropout(rate, name=f"head_dropout{place}"))
        made.append(
            layers.Dense(
                size,
                kernel_initializer="he_normal",
                name=f"head_dense{place}",
                activation=(activation or "linear") if last else None,
                dtype="float32" if last else None,
            )
        )
        if not last:
            made.append(layers.ReLU(name=f"head_relu{place}"))
    return made


def _rates(dropout: float | Sequence[float] | None, count: int) -> list[float]:
    if dropout is None:
        dropout = 0.0 if count == 1 else [0.25] * (count - 1) + [0.5]
    rates = [dropout] * count if isinstance(dropout, Real) else list(sized("dropout", dropout))
    if len(rates) != count:
        raise ValueError(
            f"`dropout` has {len(rates)} values but the head has {count} dense layers; pass 1 or {count} values."
        )
    return [number("dropout", rate, least=0, below=1) for rate in rates]


@dataclasses.dataclass(frozen=True)
class ImageNetwork:
    """An image model and its two halves, which share their layers: training one trains the other.

    Attributes:
        model: Pixels 0..255 (batch, height, width, 3) to predictions; flat and functional.
        features: Pixels to what the head reads, for storing it once.
        head: What `features` gives, to predictions.
        split: Names of the layers at which the late group and the head group begin.
    """

    model: keras.Model
    features: keras.Model
    head: keras.Model
    split: tuple[str, str]


def assemble(
    backbone: Backbone,
    units: int,
    *,
    activation: str | None,
    hidden: Sequence[int] = (),
    dropout: float | Sequence[float] | None = None,
    custom_head: CustomHead | None = None,
    weights: str | None = "default",
    pool: str = "concat",
    channels: int = 3,
) -> ImageNetwork:
    """Build a backbone with a head on it.

    Args:
        backbone: Or what `backbones.get` turns into one.
        units: Outputs of the network.
        activation: See `head_layers`; a custom head has its own.
        hidden: See `head_layers`.
        dropout: See `head_layers`.
        custom_head: Layers, a model or a function, put on the last feature map without pooling.
        weights: See `Backbone.create`.
        pool: "concat" (the lessons' maxima and averages), "avg" or "max".
        channels: Of the pictures.

    Raises:
        ValueError: An argument is out of range, or the custom head has no parameters or not `units` outputs.

    Example:
        >>> network = assemble(get("resnet34"), 17, activation="sigmoid")        # doctest: +SKIP
        >>> network.split                                                        # doctest: +SKIP
        ('layer3_0_conv1_pad', 'head_bn1')
    """
    backbone = get(backbone)
    choice("pool", pool, _POOLS)
    own = None if custom_head is not None else head_layers(units, activation=activation, hidden=hidden, dropout=dropout)
    base = backbone.create(weights=weights, channels=channels)
    late = backbone.split_layer(base)
    if own is None:
        inputs, outputs = base.output, _as_float32(_apply(custom_head, base.output))
        _check_custom(outputs, units)
    else:
        inputs = concat_pool(base.output) if pool == "concat" else _pool(pool, base.output)
        outputs = _apply(own, inputs)
    return _shared(base, inputs, outputs, late)


def check_sides(network: keras.Model, sides: tuple[int, int]) -> None:
    """Refuse pictures so small that the layers of a network leave nothing of them.

    Args:
        network: Functional, from pixels.
        sides: Height and width of the pictures.

    Raises:
        ValueError: If they are too small; it names a size that is not.
    """
    if _bears(network, sides):
        return
    least = next((side for side in _USUAL_SIDES if side > min(sides) and _bears(network, (side, side))), None)
    if least is not None:
        raise ValueError(
            f"{network.name.removesuffix('_features')} needs pictures of {least} pixels a side; received {sides[0]} x "
            f"{sides[1]}. Smaller files are enlarged: make the data with such a size, or `data.at_size({least})`; "
            "pretrained networks see more at 96 and above."
        )


def _bears(network: keras.Model, sides: tuple[int, int]) -> bool:
    try:
        network.compute_output_spec(keras.KerasTensor((None, *sides, network.input_shape[-1])))
    except ValueError:
        return False
    return True


def _shared(base: keras.Model, inputs: keras.KerasTensor, outputs: keras.KerasTensor, late: str) -> ImageNetwork:
    """Make the whole model and its halves of the same layers."""
    model = keras.Model(base.input, outputs, name=base.name)
    features = keras.Model(base.input, inputs, name=f"{base.name}_features")
    head = keras.Model(inputs, outputs, name=f"{base.name}_head")
    if not head.trainable_weights:
        raise ValueError("The custom head has no parameters to train; add a layer that has.")
    known = {layer.name for layer in features.layers}
    first = next(layer.name for layer in model.layers if layer.name not in known)
    return ImageNetwork(model, features, head, (late, first))


def _apply(head: CustomHead, x: keras.KerasTensor) -> keras.KerasTensor:
    """Call a head; the layers of a list or a Sequential one by one, so that the model stays flat."""
    if isinstance(head, keras.Sequential):
        head = head.layers
    if callable(head):
        return head(x)
    for layer in head:
        x = layer(x)
    return x


def _as_float32(x: keras.KerasTensor) -> keras.KerasTensor:
    return x if x.dtype == "float32" else layers.Activation("linear", dtype="float32", name="head_output")(x)


def _check_custom(outputs: keras.KerasTensor, units: int) -> None:
    if outputs.shape[-1] != units:
        raise ValueError(
            f"The custom head ends in shape {tuple(outputs.shape)} but {units} outputs are needed; "
            f"let its last layer have {units} units."
        )
