"""Takes a functional image model apart: where it stops being a picture, where it may be split, and a fresh copy."""

import collections
import dataclasses
import itertools
import math
import re
from collections.abc import Callable, Sequence

import keras
import numpy as np

from kerasfast.keras_internals import lambda_output_shape, producer, trainable_by_design
from kerasfast.vision.networks.preprocessing import extended

Tensors = list[keras.KerasTensor]


def steps(model: keras.Model) -> list[tuple[keras.Operation, Tensors, Tensors]]:
    """Return each call of the graph, inputs before outputs: what is called, what it reads and what it makes.

    A layer called twice comes twice, which its own `input` and `output` would not tell.
    """
    steps, seen, waiting = [], set(), [(tensor, False) for tensor in model.outputs]
    while waiting:
        tensor, ready = waiting.pop()
        operation, inputs, outputs = producer(tensor)
        call = frozenset(map(id, outputs))
        if ready:
            steps.append((operation, inputs, outputs))
        elif call not in seen:
            seen.add(call)
            waiting.append((tensor, True))
            waiting.extend((parent, False) for parent in inputs)
    return steps


def feature_map(model: keras.Model) -> keras.KerasTensor:
    """Return the last feature map (batch, height, width, channels) of an image classifier.

    What follows global pooling is no feature map any more, even where the classifier keeps
    1 x 1 sides (MobileNet). Squeeze and excitation pools too, but multiplies into the map again.

    Raises:
        ValueError: The model has no feature map.
    """
    pooled: set[int] = set()
    learned: set[int] = set()
    last = None
    for operation, inputs, outputs in steps(model):
        made = {id(tensor) for tensor in outputs}
        if _learns(operation) or any(id(tensor) in learned for tensor in inputs):
            learned |= made
        ends = isinstance(operation, (keras.layers.GlobalAveragePooling2D, keras.layers.GlobalMaxPooling2D))
        if ends or (inputs and all(id(tensor) in pooled for tensor in inputs)):
            pooled |= made
        elif made <= learned and len(outputs[0].shape) == 4:
            last = outputs[0]
    if last is None:
        raise ValueError(
            f"Model {model.name!r} has no feature map of shape (batch, height, width, channels); "
            "pass a convolutional model."
        )
    return last


@dataclasses.dataclass(frozen=True)
class _Cut:
    """A place between two operations: how many tensors cross it, and how far the largest is scaled down."""

    index: int
    crossing: int
    stride: int


def stage_boundary(model: keras.Model) -> str:
    """Return the name of the layer at which the later half of the stages begins.

    A stage ends where the sides are halved. Of n halvings the later half keeps n // 2, as in the
    lessons' ResNets: conv1, pool, layer1, layer2 | layer3, layer4. The boundary is put where as few
    tensors as possible cross it: after the last block that adds or joins its branches, so that it
    never lies inside a residual block; in a plain chain after the pooling that begins the stage, or
    before the convolution that ends it.

    Raises:
        ValueError: There is no such place with parameters on both sides.
    """
    operations = model.operations
    every = _cuts(model)
    cuts = [cut for cut in every if _weights(operations[: cut.index]) and _weights(operations[cut.index :])]
    if not cuts:
        raise ValueError(f"Model {model.name!r} cannot be split into early and late layers; pass split=LAYER_NAME.")
    zone = _middle(cuts, halvings=math.log2(max(cut.stride for cut in every)))
    narrow = [cut for cut in zone if cut.crossing == min(cut.crossing for cut in zone)]
    joined = [cut for cut in narrow if len(_inputs(operations[cut.index - 1])) > 1]
    pooled = [narrow[0]] if not _weights(operations[narrow[0].index - 1 : narrow[0].index]) else []
    index = (joined or pooled or narrow)[-1].index
    free = {cut.index for cut in cuts if cut.crossing == narrow[0].crossing}
    while not _weights(operations[index : index + 1]) and index + 1 in free:
        index += 1
    return next(operation.name for operation in operations[index:] if isinstance(operation, keras.layers.Layer))


def _middle(cuts: list[_Cut], *, halvings: float) -> list[_Cut]:
    """Return the cuts between the halvings of the earlier half and those of the later half."""
    wanted = 2 ** math.ceil(halvings / 2)
    stride = min((cut.stride for cut in cuts if cut.stride >= wanted), default=max(cut.stride for cut in cuts))
    return [cut for cut in cuts if cut.stride == stride]


def stage_end(model: keras.Model, halvings: int) -> keras.KerasTensor:
    """Return the tensor at which all but the last `halvings` halvings of the sides are done.

    Of the places that one tensor crosses, the last one behind an addition or a join, with the activation that follows;
    in a plain chain the last place.

    Raises:
        ValueError: The model has not so many halvings behind a layer with parameters.
    """
    operations, every = model.operations, _cuts(model)
    wanted = every[-1].stride / 2**halvings
    narrow = [cut.index for cut in every if cut.stride == wanted and cut.crossing == 1]
    narrow = [index for index in narrow if _weights(operations[:index])]
    if not narrow:
        raise ValueError(
            f"{model.name!r} scales its pictures down by {every[-1].stride}; it cannot end {halvings} halvings before."
        )
    joined = [index for index in narrow if len(_inputs(operations[index - 1])) > 1]
    index = (joined or narrow)[-1]
    while not _weights(operations[index : index + 1]) and index + 1 in narrow:
        index += 1
    read_later = {id(tensor) for operation in operations[index:] for tensor in _inputs(operation)}
    earlier = (tensor for operation in reversed(operations[:index]) for tensor in _outputs(operation))
    return next(tensor for tensor in earlier if id(tensor) in read_later)


def pieces(model: keras.Model) -> list[keras.Model]:
    """Take a model apart into models in a row, which share its layers, as torch's ResNets tell their children.

    First come convolution, normalisation, activation and pooling one by one, then the residual blocks of each size of
    maps in one piece, then what follows the last of them one by one. A chain without blocks comes in pieces by size.
    """
    operations = model.operations
    ends = [cut for cut in _cuts(model) if cut.crossing == 1 and cut.index > 1]
    starts = [1, *(cut.index for cut in ends[:-1])]
    parts = [operations[start : cut.index] for start, cut in zip(starts, ends, strict=True)]
    blocks = [i for i, part in enumerate(parts) if any(_joins_maps(operation) for operation in part)]
    blocks = blocks or [i for i, part in enumerate(parts) if len(part[-1].output.shape) == 4]
    while blocks[-1] + 1 < len(parts) and _activates(parts[blocks[-1] + 1][-1]):
        blocks.append(blocks[-1] + 1)  # what follows the addition of a block
    last = [True] * len(parts)
    for i, (part, cut) in enumerate(zip(parts[:-1], ends, strict=False)):
        in_blocks = blocks[0] <= i < blocks[-1] and cut.stride == ends[i + 1].stride
        last[i] = not in_blocks and (i >= blocks[0] or _counts(part[-1]))
    tensors = [model.input, *(part[-1].output for part, is_last in zip(parts, last, strict=True) if is_last)]
    return [keras.Model(first, then) for first, then in itertools.pairwise(tensors)]


def _joins_maps(operation: keras.Operation) -> bool:
    return len(_inputs(operation)) > 1 and len(operation.output.shape) == 4


def _counts(operation: keras.Operation) -> bool:
    """Return whether torch would count an operation as a child: paddings and scalings belong to what follows."""
    return _weights([operation]) or _stride(operation) > 1 or _activates(operation)


def _activates(operation: keras.Operation) -> bool:
    return isinstance(operation, (keras.layers.ReLU, keras.layers.Activation))


def rebuild(
    model: keras.Model,
    output: keras.KerasTensor,
    *,
    sides: tuple[int | None, int | None],
    preprocess: Callable[[keras.KerasTensor], keras.KerasTensor],
    momentum: float,
    prefix: str | None = None,
    channels: int = 3,
) -> keras.Model:
    """Copy a functional model up to one of its tensors, with new layers, equal weights, and new first steps.

    Args:
        model: A functional model with one input.
        output: The tensor at which the copy ends.
        sides: Height and width of the new input; None for any.
        preprocess: What happens to the pixels before the model's first layer.
        momentum: The momentum of every BatchNormalization.
        prefix: Put before names that Keras made up (`conv2d_17`), which are counted anew, so that
            they do not depend on what was built earlier in the process. None keeps all names.
        channels: Of the new input. Beyond three, the kernels that read them are 0 there at first, so that the copy
            begins by seeing what the model sees.
    """
    pairs: list[tuple[keras.layers.Layer, keras.layers.Layer]] = []
    counts: collections.Counter[str] = collections.Counter()

    def copy(operation: keras.Operation) -> keras.Operation:
        name = None
        made_up = _snake_case(type(operation).__name__)
        if prefix is not None and re.fullmatch(made_up + r"(_\d+)?", operation.name):
            name = f"{prefix}_{made_up}_{counts[made_up]}"
            counts[made_up] += 1
        new = _another(operation, name, channels)
        _set_momentum(new, momentum)
        pairs.append((operation, new))
        return new

    uses: collections.Counter[str] = collections.Counter()
    pixels = keras.Input((*sides, channels), name="pixels")
    prepared = preprocess(pixels)

    def call(operation: keras.Operation, *args, **kwargs):
        uses[operation.name] += 1
        if uses[operation.name] > 1 and not getattr(operation, "weights", ()):
            # A ReLU called in ten places becomes ten, so that each has one place before or after the split.
            operation = _another(operation, f"{operation.name}_use{uses[operation.name]}")
        args, kwargs = keras.tree.map_structure(lambda value: prepared if value is pixels else value, (args, kwargs))
        return operation(*args, **kwargs)

    part = keras.Model(model.inputs[0], output, name=model.name)
    copied = keras.models.clone_model(part, input_tensors=pixels, clone_function=copy, call_function=call)
    for old, new in pairs:
        if getattr(old, "weights", ()):
            _copy_weights(old, new)
    return copied


def _another(operation: keras.Operation, name: str | None, channels: int = 3) -> keras.Operation:
    """Make an operation with the same settings; a layer keeps its name unless it is given another.

    A value for each colour becomes one for each of the channels.
    """
    if isinstance(
        operation, keras.layers.Lambda
    ):  # whose function, being in memory, need not go through a file's format
        return keras.layers.Lambda(
            operation.function,
            output_shape=lambda_output_shape(operation),
            mask=operation.mask,
            arguments=operation.arguments,
            name=name or operation.name,
        )
    config = operation.get_config()
    if isinstance(operation, keras.layers.Layer) and name is not None:
        config["name"] = name
    if isinstance(operation, keras.layers.Rescaling):
        config |= {key: extended(config[key], channels) for key in ("scale", "offset")}
    return type(operation).from_config(config)


def _copy_weights(old: keras.layers.Layer, new: keras.layers.Layer) -> None:
    is_norm = isinstance(new, keras.layers.Normalization)
    pairs = zip(old.get_weights(), new.get_weights(), strict=True)
    new.set_weights([_widened(value, fresh.shape, mean=is_norm) for value, fresh in pairs])
    if isinstance(new, keras.layers.Normalization):
        new.finalize_state()  # the layer computes with values derived from its weights


def _widened(value: np.ndarray, shape: tuple[int, ...], *, mean: bool) -> np.ndarray:
    """Return weights with further input channels, at which they are 0, or the mean of the others."""
    if value.shape == shape:
        return value
    axis = next(i for i, (old, new) in enumerate(zip(value.shape, shape, strict=True)) if old != new)
    wide = [(0, shape[i] - value.shape[i] if i == axis else 0) for i in range(value.ndim)]
    return np.pad(value, wide, mode="mean" if mean else "constant")


def _set_momentum(layer: keras.layers.Layer, momentum: float) -> None:
    if isinstance(layer, keras.layers.BatchNormalization):
        layer.momentum = momentum
    for inner in getattr(layer, "layers", ()):
        _set_momentum(inner, momentum)


def _snake_case(name: str) -> str:
    """Return the name Keras makes up for a class, without its number."""
    name = re.sub(r"(.)([A-Z][a-z0-9]+)", r"\1_\2", re.sub(r"\W+", "", name))
    return re.sub(r"([a-z])([A-Z])", r"\1_\2", name).lower()


def _cuts(model: keras.Model) -> list[_Cut]:
    """Return every place between two operations, with what crosses it."""
    last_use: dict[int, int] = {id(tensor): len(model.operations) for tensor in model.outputs}
    for index, operation in reversed(list(enumerate(model.operations))):
        for tensor in _inputs(operation):
            last_use.setdefault(id(tensor), index)
    cuts, strides, alive = [], {}, set()
    for index, operation in enumerate(model.operations):
        alive = {tensor for tensor in alive if last_use[tensor] >= index}
        if alive:
            cuts.append(_Cut(index, len(alive), max(strides[tensor] for tensor in alive)))
        if any(id(tensor) not in strides for tensor in _inputs(operation)):
            raise ValueError(
                f"A layer that {operation.name!r} reads is called in several places, so that no early and late "
                "layers can be told apart; pass split=LAYER_NAME."
            )
        stride = _stride(operation) * max((strides[id(tensor)] for tensor in _inputs(operation)), default=1)
        for tensor in _outputs(operation):
            strides[id(tensor)] = stride
            alive |= {id(tensor)} & last_use.keys()
    end = [strides[id(tensor)] for tensor in model.outputs]
    return [*cuts, _Cut(len(model.operations), len(end), max(end))]


def _stride(operation: keras.Operation) -> int:
    """Return by how much an operation divides the sides."""
    if isinstance(operation, keras.Sequential):
        return math.prod(_stride(layer) for layer in operation.layers)
    if isinstance(operation, keras.layers.Conv2DTranspose):
        return 1
    stride = getattr(operation, "strides", 1)
    return max(stride) if isinstance(stride, Sequence) else int(stride)


def _weights(operations: Sequence[keras.Operation]) -> bool:
    return any(getattr(operation, "trainable_weights", ()) for operation in operations)


def _learns(operation: keras.Operation) -> bool:
    """Return whether an operation has parameters, be they frozen now or not."""
    return isinstance(operation, keras.layers.Layer) and bool(trainable_by_design(operation))


def _inputs(operation: keras.Operation) -> Tensors:
    """Return what an operation reads; an input layer reads nothing."""
    if isinstance(operation, keras.layers.InputLayer):
        return []
    return keras.tree.flatten(operation.input)


def _outputs(operation: keras.Operation) -> Tensors:
    return keras.tree.flatten(operation.output)
