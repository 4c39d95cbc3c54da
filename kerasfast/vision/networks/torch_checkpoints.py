"""Reads torch and safetensors checkpoints with NumPy alone and copies them into Keras layers."""

import collections
import json
import math
import os
import pathlib
import pickle
import struct
import zipfile
from collections.abc import Callable, Iterable, Mapping
from typing import Any, BinaryIO, ClassVar

import numpy as np

_LEGACY_MAGIC = 0x1950A86A20F9469CFC6C
_LONGEST_HEADER = 100 * 1024 * 1024  # the safetensors specification's own limit

_SAFETENSORS_TYPES = {
    "F64": "<f8",
    "F32": "<f4",
    "F16": "<f2",
    "BF16": "bfloat16",
    "I64": "<i8",
    "I32": "<i4",
    "I16": "<i2",
    "I8": "i1",
    "U8": "u1",
    "BOOL": "?",
}
_TORCH_STORAGES = {
    "DoubleStorage": "<f8",
    "FloatStorage": "<f4",
    "HalfStorage": "<f2",
    "BFloat16Storage": "bfloat16",
    "LongStorage": "<i8",
    "IntStorage": "<i4",
    "ShortStorage": "<i2",
    "CharStorage": "i1",
    "ByteStorage": "u1",
    "BoolStorage": "?",
}


class CheckpointError(ValueError):
    """A checkpoint cannot be read, or does not fit the model."""


def read_checkpoint(path: str | os.PathLike) -> dict[str, np.ndarray]:
    """Read every tensor of a `.safetensors`, `.pth` or `.pt` file, without torch.

    Torch files are pickles, which can run any code when they are opened: only the few
    names that a dictionary of tensors needs are accepted here.

    Args:
        path: The file. Its kind is told by its first bytes, not by its name.

    Returns:
        Arrays by name, in the order of the file. bfloat16 tensors come as float32.

    Raises:
        FileNotFoundError: There is no such file.
        CheckpointError: The file is of another kind, damaged, or holds other objects.

    Example:
        >>> tensors = read_checkpoint("resnet34.safetensors")    # doctest: +SKIP
        >>> tensors["conv1.weight"].shape                        # doctest: +SKIP
        (64, 3, 7, 7)
    """
    path = pathlib.Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"No checkpoint at {path}; pass the path of a .safetensors or .pth file.")
    try:
        return _read(path)
    except (CheckpointError, PermissionError):
        raise
    # Damaged pickles and archives make their readers raise errors of every kind; no code of the file runs in any case.
    except Exception as error:
        raise CheckpointError(f"{path} is damaged, or no checkpoint: {type(error).__name__}: {error}") from error


def _read(path: pathlib.Path) -> dict[str, np.ndarray]:
    if zipfile.is_zipfile(path):
        return _named_tensors(_read_torch_zip(path), path)
    with path.open("rb") as file:
        start = file.read(2)
        file.seek(0)
        if start[:1] == b"\x80":
            return _named_tensors(_read_torch_legacy(file, path), path)
        return _read_safetensors(file, path)


def _decode(raw: bytes, kind: str) -> np.ndarray:
    """Return the values of a raw little-endian buffer; NumPy has no bfloat16, so that is widened."""
    if kind == "bfloat16":
        return (np.frombuffer(raw, "<u2").astype("<u4") << 16).view("<f4")
    return np.frombuffer(raw, kind)


def _bytes_per_value(kind: str) -> int:
    return 2 if kind == "bfloat16" else np.dtype(kind).itemsize


def _read_exactly(file: BinaryIO, count: int, path: pathlib.Path) -> bytes:
    left = path.stat().st_size - file.tell()
    if not 0 <= count <= left:  # before reading: a file may ask for more memory than there is
        raise CheckpointError(f"{path} ends early: {count} bytes expected, {left} left. Fetch the file again.")
    return file.read(count)


# safetensors: a length, a JSON table of names, types, shapes and offsets, and the raw buffers.


def _read_safetensors(file: BinaryIO, path: pathlib.Path) -> dict[str, np.ndarray]:
    size = path.stat().st_size
    length = struct.unpack("<Q", _read_exactly(file, 8, path))[0]
    if length > min(size - 8, _LONGEST_HEADER):
        raise CheckpointError(f"{path} is neither a safetensors nor a torch file (its header would be {length} bytes).")
    try:
        header = json.loads(_read_exactly(file, length, path))
        header.pop("__metadata__", None)
        entries = {name: (entry["dtype"], entry["shape"], entry["data_offsets"]) for name, entry in header.items()}
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise CheckpointError(f"{path} has no readable safetensors header: {error}") from error
    return {name: _safetensor(file, path, 8 + length, name, *entry) for name, entry in entries.items()}


def _safetensor(
    file: BinaryIO, path: pathlib.Path, base: int, name: str, dtype: str, shape: list, offsets: list
) -> np.ndarray:
    if dtype not in _SAFETENSORS_TYPES:
        raise CheckpointError(f"{path}: tensor {name!r} has type {dtype}; known are {', '.join(_SAFETENSORS_TYPES)}.")
    kind, (begin, end) = _SAFETENSORS_TYPES[dtype], offsets
    if not all(type(number) is int and number >= 0 for number in (*shape, begin, end)):
        raise CheckpointError(f"{path}: tensor {name!r} has the shape {shape} and the offsets {offsets}.")
    expected = math.prod(shape) * _bytes_per_value(kind)
    if end - begin != expected:
        raise CheckpointError(
            f"{path}: tensor {name!r} {shape} needs {expected} bytes, the header gives {end - begin}."
        )
    file.seek(base + begin)
    return _decode(_read_exactly(file, expected, path), kind).reshape(shape)


# torch: a pickle of a dictionary whose tensors point into storages that lie beside it.


class _Storage:
    """The values a pickled tensor points to; a legacy file brings them only after the pickle."""

    def __init__(self, kind: str, count: int):
        self.kind, self.count, self.values = kind, count, None


class _Tensor:
    """A view into a storage, checked and resolved once the storage has been read."""

    def __init__(self, storage: _Storage, offset: int, shape: tuple, strides: tuple, *_: Any):
        self.storage, self.offset, self.shape, self.strides = storage, offset, tuple(shape), tuple(strides)

    def resolve(self) -> np.ndarray:
        values = self.storage.values
        if 0 in self.shape:
            return np.zeros(self.shape, values.dtype)
        last = self.offset + sum((side - 1) * stride for side, stride in zip(self.shape, self.strides, strict=True))
        if math.prod(self.shape) > len(values):
            raise CheckpointError(f"a tensor of shape {self.shape} repeats its {len(values)} stored values")
        if self.offset < 0 or min(self.shape + self.strides, default=0) < 0 or last >= len(values):
            raise CheckpointError(f"a tensor of shape {self.shape} reaches beyond its {len(values)} stored values")
        steps = [stride * values.itemsize for stride in self.strides]
        return np.lib.stride_tricks.as_strided(values[self.offset :], self.shape, steps).copy()


def _parameter(data: _Tensor, *_: Any) -> _Tensor:
    return data


class _StateUnpickler(pickle._Unpickler):
    """Unpickles dictionaries of tensors and nothing else.

    The one written in Python: that in C reserves as much memory as the numbers in a file ask for.
    """

    _ALLOWED: ClassVar = {
        ("collections", "OrderedDict"): collections.OrderedDict,
        ("torch._utils", "_rebuild_tensor_v2"): _Tensor,
        ("torch._utils", "_rebuild_parameter"): _parameter,
    }

    def __init__(self, file: BinaryIO, storages: dict[str, _Storage]):
        super().__init__(file)
        self._storages = storages

    def find_class(self, module: str, name: str) -> Any:
        if module == "torch" and name in _TORCH_STORAGES:
            return _TORCH_STORAGES[name]
        if (module, name) not in self._ALLOWED:
            raise CheckpointError(f"it asks for {module}.{name}; only dictionaries of tensors (a state_dict) are read")
        return self._ALLOWED[module, name]

    def persistent_load(self, reference: tuple) -> _Storage:
        _, kind, key, _, count = reference[:5]
        if len(reference) > 5 and reference[5] is not None:
            raise CheckpointError("it shares storages between tensors in the way of torch before 0.4")
        return self._storages.setdefault(str(key), _Storage(kind, count))


def _unpickle(file: BinaryIO, path: pathlib.Path, storages: dict[str, _Storage] | None = None) -> Any:
    try:
        return _StateUnpickler(file, {} if storages is None else storages).load()
    except Exception as error:  # a pickle is a program, and may fail in any way
        raise CheckpointError(f"{path} cannot be read as a torch checkpoint: {error}") from error


def _read_torch_legacy(file: BinaryIO, path: pathlib.Path) -> Any:
    if _unpickle(file, path) != _LEGACY_MAGIC:
        raise CheckpointError(f"{path} is a pickle, but not one that torch.save wrote.")
    _unpickle(file, path)  # the protocol's version
    system = _unpickle(file, path)
    if not system.get("little_endian", True):
        raise CheckpointError(f"{path} was written on a big-endian machine; save it again on a little-endian one.")
    storages: dict[str, _Storage] = {}
    state = _unpickle(file, path, storages)
    for key in _unpickle(file, path):
        storage = storages[str(key)]
        count = struct.unpack("<q", _read_exactly(file, 8, path))[0]
        storage.values = _decode(_read_exactly(file, count * _bytes_per_value(storage.kind), path), storage.kind)
    return state


def _read_torch_zip(path: pathlib.Path) -> Any:
    with zipfile.ZipFile(path) as archive:
        names = set(archive.namelist())
        pickles = [name for name in names if name.endswith("/data.pkl")]
        if len(pickles) != 1:
            raise CheckpointError(f"{path} is a zip file without torch's data.pkl; pass a .pth written by torch.save.")
        packed = [entry.filename for entry in archive.infolist() if entry.compress_size != entry.file_size]
        if packed:  # torch never does, and a small file could unpack to a huge one
            raise CheckpointError(f"{path} is compressed ({packed[0]}); save the checkpoint again with torch.")
        folder = pickles[0].removesuffix("data.pkl")
        if folder + "byteorder" in names and archive.read(folder + "byteorder") != b"little":
            raise CheckpointError(f"{path} was written on a big-endian machine; save it again on a little-endian one.")
        storages: dict[str, _Storage] = {}
        with archive.open(pickles[0]) as file:
            state = _unpickle(file, path, storages)
        for key, storage in storages.items():
            storage.values = _decode(archive.read(f"{folder}data/{key}"), storage.kind)
    return state


def _named_tensors(state: Any, path: pathlib.Path) -> dict[str, np.ndarray]:
    """Return the arrays of a state dict, also of one that a training script wrapped."""
    for key in ("state_dict", "model"):
        if isinstance(state, Mapping) and isinstance(state.get(key), Mapping):
            state = state[key]
    if not isinstance(state, Mapping) or not any(isinstance(value, _Tensor) for value in state.values()):
        raise CheckpointError(f"{path} holds no dictionary of tensors; save `model.state_dict()` instead.")
    try:
        tensors = {name: value.resolve() for name, value in state.items() if isinstance(value, _Tensor)}
    except (CheckpointError, ValueError) as error:
        raise CheckpointError(f"{path} is damaged: {error}") from error
    if all(name.startswith("module.") for name in tensors):  # what DataParallel puts before each name
        tensors = {name.removeprefix("module."): value for name, value in tensors.items()}
    return tensors


# From torch's names and orders to Keras's.


def torch_names(layer: Any, prefix: str) -> dict[str, tuple[Any, Callable[[np.ndarray], np.ndarray]]]:
    """Return, for one Keras layer, the torch names of its variables and how to turn each tensor.

    Args:
        layer: A built Conv2D, DepthwiseConv2D, Dense or BatchNormalization.
        prefix: What torch calls the layer, such as `layer1.0.conv1`.

    Raises:
        TypeError: The layer is of another kind.
    """

    def same(tensor: np.ndarray) -> np.ndarray:
        return tensor

    kind = type(layer).__name__
    if kind == "BatchNormalization":
        pairs = {
            "weight": layer.gamma,
            "bias": layer.beta,
            "running_mean": layer.moving_mean,
            "running_var": layer.moving_variance,
        }
        return {f"{prefix}.{name}": (variable, same) for name, variable in pairs.items()}
    orders = {"Conv2D": (2, 3, 1, 0), "DepthwiseConv2D": (2, 3, 0, 1), "Dense": (1, 0)}
    if kind not in orders:
        raise TypeError(f"Layer {layer.name!r} is a {kind}; expected one of {', '.join(orders)}, BatchNormalization.")
    names = {f"{prefix}.weight": (layer.kernel, lambda tensor: tensor.transpose(orders[kind]))}
    if layer.use_bias:
        names[f"{prefix}.bias"] = (layer.bias, same)
    return names


def load_tensors(
    layers: Iterable[tuple[Any, str]],
    tensors: Mapping[str, np.ndarray],
    *,
    source: str | os.PathLike,
    unused: Iterable[str] = (),
) -> None:
    """Copy every tensor of a checkpoint into the Keras layers it belongs to, each exactly once.

    Args:
        layers: Pairs of a built Keras layer and the name torch gives it.
        tensors: The checkpoint, as `read_checkpoint` returns it.
        source: What to call the checkpoint in errors.
        unused: Names of tensors that may be there and are not wanted, such as the classifier's.

    Raises:
        CheckpointError: Tensors are missing, unexpected, or of another shape; all are named,
            and no variable has been changed.
    """
    targets: dict[str, tuple[Any, Callable]] = {}
    for layer, prefix in layers:
        targets.update(torch_names(layer, prefix))
    skipped = set(unused) | {name for name in tensors if name.endswith(".num_batches_tracked")}
    missing = [name for name in targets if name not in tensors]
    unexpected = [name for name in tensors if name not in targets and name not in skipped]
    wrong = [] if missing else [text for name in targets if (text := _misfit(name, tensors[name], *targets[name]))]
    problems = [
        f"{title}: {', '.join(names[:8])}{' ...' if len(names) > 8 else ''} ({len(names)} in all)"
        for title, names in (("missing", missing), ("unexpected", unexpected), ("wrong shape", wrong))
        if names
    ]
    if problems:
        raise CheckpointError(f"{source} does not fit the model; " + "; ".join(problems))
    for name, (variable, turn) in targets.items():
        variable.assign(turn(tensors[name]).astype("float32"))


def _misfit(name: str, tensor: np.ndarray, variable: Any, turn: Callable) -> str | None:
    """Say how a tensor's shape differs from its variable's, or return None."""
    if tensor.ndim == len(variable.shape) and turn(tensor).shape == tuple(variable.shape):
        return None
    return f"{name} {tensor.shape} for {variable.path} {tuple(variable.shape)}"
