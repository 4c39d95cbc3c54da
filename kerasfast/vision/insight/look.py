"""`kf.look`: what happens to one picture on its way, with the numbers in cells, as in the lessons' spreadsheet."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import keras
import numpy as np

from kerasfast.basics.arguments import whole
from kerasfast.plots.sheets import Panel, draw_sheet
from kerasfast.vision.insight.augmentation_grid import augmentation

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

__all__ = ["augmentation", "convolution", "fully_connected", "network", "softmax"]

WINDOW = 28  # the side of the notes' digits


def convolution(
    picture: Any,
    layer: keras.layers.Conv2D,
    *,
    model: keras.Model | None = None,
    filters: int | Sequence[int] = 2,
    pool: int = 2,
    window: int = WINDOW,
) -> Figure:
    """Draw a picture, filters of a layer, activations before and after ReLU and max pooling, as numbers in cells.

    Args:
        picture: (height, width) or (height, width, channels), as the layer takes it, or as `model` does; uint8 without
            a model is divided by 255.
        layer: A built `Conv2D`, of one channel or more.
        model: The model that the layer is in: the layer is then shown what it gets there.
        filters: How many, the first ones, or which.
        pool: Side of the squares of which the maximum is taken.
        window: Side of the part in the middle that is shown, in pixels of what the layer gets.

    Returns:
        The figure; `kf.save_figure` writes it.

    Raises:
        ValueError: If the layer is no plain convolution, or picture and layer do not fit.

    Example:
        >>> layer = keras.layers.Conv2D(2, 3)
        >>> figure = convolution(np.eye(8), layer)
        >>> [axes.get_title(loc="left") for axes in figure.axes][:3]
        ['picture', 'filter 0', 'filter 0: before ReLU, 6 x 6']
    """
    inputs = _centre(_given(picture, model, layer), whole("window", window, least=3))
    before = _convolved(inputs, layer)
    chosen = _chosen("filters", filters, before.shape[-1])
    rows = [_channels("picture" if model is None else f"what {layer.name} gets", inputs)]
    kernel = np.asarray(layer.kernel)
    rows += [_filter_row(kernel, before, index, whole("pool", pool)) for index in chosen]
    return draw_sheet(rows, title=f"Convolution {layer.name}")


def fully_connected(
    maps: Any, layer: keras.layers.Dense, *, unit: int = 0, channels: int | Sequence[int] = 2
) -> Figure:
    """Draw the sum product of a dense layer: activations, the weight of each, their products, and the sum.

    Args:
        maps: (height, width, channels) or (n,), what the layer gets, before it is flattened.
        layer: A built `Dense`, or one to be built for these maps.
        unit: Which of its outputs.
        channels: How many maps to show, the first ones, or which; the sum is over all.

    Returns:
        The figure.

    Raises:
        ValueError: If the maps have another number of values than the layer has weights.

    Example:
        >>> figure = fully_connected(np.ones((2, 2, 1)), keras.layers.Dense(3, kernel_initializer="ones"), unit=1)
        >>> figure.axes[-1].get_title(loc="left")
        'sum 4.00 + bias 0.00'
    """
    return draw_sheet(
        _dense_rows(np.asarray(maps, np.float32), layer, unit, channels), title=f"Fully connected {layer.name}"
    )


def softmax(outputs: Any, classes: Sequence[str] | None = None) -> pd.DataFrame:
    """Return the lessons' table: outputs of the last layer, their exponentials, and these divided by their sum.

    Args:
        outputs: (classes,) numbers of any sign, before softmax.
        classes: A name per class.

    Returns:
        Frame by class with `output`, `exp` and `softmax`, and a last row of the sums.

    Raises:
        ValueError: If there is not a name for each number.

    Example:
        >>> softmax([-0.36, 2.85, 3.86, 4.08, 0.07], ["cat", "dog", "plane", "fish", "building"]).round(2)
                  output     exp  softmax
        class
        cat        -0.36    0.70     0.01
        dog         2.85   17.29     0.14
        plane       3.86   47.47     0.38
        fish        4.08   59.15     0.47
        building    0.07    1.07     0.01
        sum        10.50  125.67     1.00
    """
    import pandas as pd

    outputs = np.asarray(outputs, dtype=np.float64)
    names = [str(index) for index in range(outputs.size)] if classes is None else list(classes)
    if outputs.ndim != 1 or len(names) != len(outputs):
        raise ValueError(
            f"`outputs` must be (classes,) with a name each; received {outputs.shape}, {len(names)} names."
        )
    raised = np.exp(outputs)
    columns = {"output": outputs, "exp": raised, "softmax": raised / raised.sum()}
    frame = pd.DataFrame(columns, index=pd.Index(names, name="class"))
    frame.loc["sum"] = frame.sum()
    return frame


def network(
    picture: Any, model: keras.Model, *, classes: Sequence[str] | None = None, maps: int | Sequence[int] = 2
) -> Figure:
    """Draw a picture's way through a small network as the lesson's spreadsheet does, all of it on one page.

    Convolutions with filters and activations, ReLU, pooling, the fully connected sum of the likeliest class, and
    softmax's table of exponentials.

    Args:
        picture: (height, width) or (height, width, channels), as the model takes it.
        model: Layers in a row: `Conv2D`, `ReLU`, `Activation`, pooling, `Flatten`, `Dropout`, `Rescaling`, `Softmax`,
            and a `Dense` at the end.
        classes: A name per output.
        maps: How many channels of each layer to show, the first ones, or which.

    Returns:
        The figure.

    Raises:
        ValueError: If the model is no row of such layers.

    Example:
        >>> layers = keras.layers
        >>> body = [layers.Conv2D(2, 3, activation="relu"), layers.MaxPooling2D(), layers.Flatten()]
        >>> model = keras.Sequential([keras.Input((10, 10, 1)), *body, layers.Dense(3, "softmax")])
        >>> network(np.eye(10), model).axes[-1].get_title(loc="left")
        'softmax'
    """
    x = _with_channels(picture)
    rows: list[list[Panel]] = [_channels("picture", x)]
    last: np.ndarray | None = None
    for layer in model.layers:
        made = None if isinstance(layer, keras.layers.Dense) else np.asarray(layer(x[None]))[0]
        if isinstance(layer, keras.layers.Conv2D):
            before = _convolved(x, layer)
            kernel = np.asarray(layer.kernel)
            chosen = _chosen("maps", maps, before.shape[-1])
            rows += [_convolution_row(kernel, before, made, index, layer.name) for index in chosen]
        elif isinstance(layer, keras.layers.Dense):
            before = np.asarray(keras.ops.matmul(x.reshape(1, -1), layer.kernel))[0] + np.asarray(layer.bias)
            unit = int(before.argmax())
            rows += _dense_rows(x if last is None else last, layer, unit, maps)
            made, last = before, None
        elif isinstance(layer, keras.layers.Flatten):
            last = x
        elif made.ndim == 3 and not isinstance(layer, keras.layers.InputLayer):
            chosen = _chosen("maps", maps, made.shape[-1])
            rows.append([Panel(f"{layer.name}: {_sides(made)}, map {index}", made[..., index]) for index in chosen])
        elif not isinstance(layer, (keras.layers.Softmax, keras.layers.Activation, keras.layers.Dropout)):
            raise ValueError(f"`network` shows layers in a row, a Dense at the end; received the layer {layer.name!r}.")
        x = made
    table = softmax(before if x.ndim == 1 else x.ravel(), classes)
    rows.append([Panel("softmax", table.to_numpy(), list(table.index), list(table.columns))])
    return draw_sheet(rows, title=model.name)


def _given(picture: Any, model: keras.Model | None, layer: keras.layers.Layer) -> np.ndarray:
    """Return what the layer gets, (height, width, channels)."""
    if (
        not isinstance(layer, keras.layers.Conv2D)
        or isinstance(layer, keras.layers.DepthwiseConv2D)
        or layer.groups > 1
    ):
        raise ValueError(f"`convolution` shows a plain `Conv2D`; received {type(layer).__name__} {layer.name!r}.")
    if model is None:
        x = _with_channels(picture)
        if layer.built and layer.kernel.shape[2] != x.shape[-1]:
            raise ValueError(
                f"Layer {layer.name!r} takes {layer.kernel.shape[2]} channels; the picture has {x.shape[-1]}. Where "
                "the layer is inside a model, pass `model` too."
            )
        return x
    before = keras.Model(model.inputs[0], layer.input)  # a Sequential model has no `input`
    return np.asarray(before(np.asarray(picture, np.float32)[None]))[0]


def _with_channels(picture: Any) -> np.ndarray:
    picture = np.asarray(picture)
    scale = 255.0 if picture.dtype == np.uint8 else 1.0
    picture = picture.astype(np.float32) / scale
    if picture.ndim not in (2, 3):
        raise ValueError(f"`picture` must be (height, width) or (height, width, channels); received {picture.shape}.")
    return picture[..., None] if picture.ndim == 2 else picture


def _centre(x: np.ndarray, window: int) -> np.ndarray:
    top, left = (max(0, (side - window) // 2) for side in x.shape[:2])
    return x[top : top + window, left : left + window]


def _convolved(x: np.ndarray, layer: keras.layers.Conv2D) -> np.ndarray:
    """Return a layer's sums (height, width, filters), before its activation."""
    if not layer.built:
        layer.build((None, *x.shape))
    sums = keras.ops.conv(
        x[None], layer.kernel, strides=layer.strides, padding=layer.padding, dilation_rate=layer.dilation_rate,
        data_format="channels_last",
    )  # fmt: skip
    return np.asarray(sums if layer.bias is None else sums + layer.bias)[0]


def _chosen(name: str, wanted: int | Sequence[int], count: int) -> list[int]:
    if isinstance(wanted, int):
        return list(range(min(whole(name, wanted), count)))
    return [whole(name, index, least=0, most=count - 1) for index in wanted]


def _channels(name: str, x: np.ndarray) -> list[Panel]:
    if x.shape[-1] == 1:
        return [Panel(name, x[..., 0])]
    return [Panel(f"{name}, channel {index}", x[..., index]) for index in range(min(3, x.shape[-1]))]


def _filter_panels(kernel: np.ndarray, index: int, name: str) -> list[Panel]:
    shown = range(min(3, kernel.shape[2]))
    parts = [f", channel {channel}" if kernel.shape[2] > 1 else "" for channel in shown]
    return [Panel(f"{name}{parts[channel]}", kernel[:, :, channel, index]) for channel in shown]


def _filter_row(kernel: np.ndarray, before: np.ndarray, index: int, pool: int) -> list[Panel]:
    name, sums = f"filter {index}", before[..., index]
    after = np.maximum(sums, 0)
    pooled = np.asarray(keras.ops.max_pool(after[None, ..., None], pool, data_format="channels_last"))[0, ..., 0]
    return [
        *_filter_panels(kernel, index, name),
        Panel(f"{name}: before ReLU, {_sides(sums)}", sums),
        Panel(f"after ReLU: max(0, x), {_sides(after)}", after),
        Panel(f"max pooling {pool} x {pool}, {_sides(pooled)}", pooled),
    ]


def _convolution_row(kernel: np.ndarray, before: np.ndarray, after: np.ndarray, index: int, name: str) -> list[Panel]:
    row = _filter_panels(kernel, index, f"{name}, filter {index}")
    row.append(Panel(f"sums, {_sides(before)}", before[..., index]))
    changed = not np.array_equal(before[..., index], after[..., index])
    return [*row, Panel("after activation", after[..., index])] if changed else row


def _dense_rows(
    maps: np.ndarray, layer: keras.layers.Dense, unit: int, channels: int | Sequence[int]
) -> list[list[Panel]]:
    if not layer.built:
        layer.build((None, maps.size))
    kernel = np.asarray(layer.kernel)
    if len(kernel) != maps.size:
        raise ValueError(
            f"Layer {layer.name!r} has {len(kernel)} weights per output; the maps have {maps.size} values."
        )
    unit = whole("unit", unit, least=0, most=kernel.shape[1] - 1)
    weights = kernel[:, unit].reshape(maps.shape)
    if maps.ndim == 1:
        maps, weights = maps[None, :, None], weights[None, :, None]
    products = maps * weights
    rows = [
        [
            Panel(f"activations, map {i}", maps[..., i]),
            Panel(f"weights of output {unit}", weights[..., i]),
            Panel("products", products[..., i]),
        ]
        for i in _chosen("channels", channels, maps.shape[-1])
    ]
    bias = 0.0 if layer.bias is None else float(np.asarray(layer.bias)[unit])
    total = float(products.sum())
    return [*rows, [Panel(f"sum {total:.2f} + bias {bias:.2f}", np.array([[total + bias]]))]]


def _sides(x: np.ndarray) -> str:
    return f"{x.shape[0]} x {x.shape[1]}"
