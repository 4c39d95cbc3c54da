"""Weights on disk by name, `<folder>/<name>.weights.h5`, with what training needs to go on from them.

The file is Keras's own and loads with `model.load_weights` anywhere; beside the weights it has a group `kerasfast` with
the optimizer's slots, the number of epochs, the frozen layer groups and the finder's result. One file, so that the two
can never belong to different moments; with checksums, so that a bit that flipped on a disk is not predicted with.
"""

import contextlib
import json
import os
import pathlib
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import keras
import numpy as np

from kerasfast.basics.files import atomic_path, made_folder
from kerasfast.bundle import READ_ERRORS, check_weights_file

SUFFIX = ".weights.h5"
_GROUP, _RECORD, _CHECKSUMS = "kerasfast", "record", "checksums"


@dataclass(frozen=True)
class TrainingState:
    """What goes with weights: a record that JSON can hold, and arrays by name."""

    record: Mapping[str, Any] = field(default_factory=dict)
    arrays: Mapping[str, np.ndarray] = field(default_factory=dict)


def save_weights(
    model: keras.Model, folder: pathlib.Path, name: str, state: TrainingState | None = None
) -> pathlib.Path:
    """Write the weights of `model`, and the state of its training, and return the file; whole or not at all."""
    target = weights_file(folder, name)
    made_folder(folder)
    with atomic_path(target) as unfinished, _weights_only(model):
        model.save_weights(unfinished)
        if state is not None:
            _append(unfinished, state, _checksums(model))
    return target


def load_weights(model: keras.Model, folder: pathlib.Path, name: str) -> TrainingState:
    """Read weights that `save_weights` wrote, all of them or none, and return the state that lies beside them.

    Raises:
        FileNotFoundError: If there are none under this name; the message lists those there are.
        ValueError: If the file is damaged or of another network; the model is then as it was.
    """
    target = weights_file(folder, name)
    if not target.is_file():
        saved = sorted(file.name.removesuffix(SUFFIX) for file in folder.glob(f"*{SUFFIX}"))
        raise FileNotFoundError(f"No weights named {name!r} in {folder}; saved: {', '.join(saved) or 'none'}.")
    before = [variable.numpy() for variable in model.variables]
    try:
        check_weights_file(target)
        state, checksums = _state(target)
        with _weights_only(model):
            model.load_weights(target)
        _compare(checksums, _checksums(model))
    except BaseException as error:
        for variable, value in zip(model.variables, before, strict=True):
            variable.assign(value)
        if isinstance(error, READ_ERRORS):
            raise ValueError(
                f"{target} does not fit the model {model.name!r}, which stays as it was: {error}"
            ) from error
        raise
    return state


def check_name(name: str) -> None:
    """Raise ValueError unless weights can be saved under this name."""
    if not isinstance(name, str) or not name or name != os.path.basename(name):
        raise ValueError(f"A name of saved weights is a file name without folders; received {name!r}.")


def weights_file(folder: pathlib.Path, name: str) -> pathlib.Path:
    """Return the file of weights with this name; see `check_name`."""
    check_name(name)
    return folder / f"{name}{SUFFIX}"


def _append(path: pathlib.Path, state: TrainingState, checksums: list[str]) -> None:
    import h5py

    record = json.dumps(state.record, allow_nan=False).encode()
    checksums = {"weights": checksums, "state": _checksum_of_state(record, state.arrays)}
    with h5py.File(path, "a") as file:
        group = file.create_group(_GROUP)
        group[_RECORD] = np.frombuffer(record, np.uint8)
        group[_CHECKSUMS] = np.frombuffer(json.dumps(checksums).encode(), np.uint8)
        arrays = group.create_group("arrays")
        for name, array in state.arrays.items():
            arrays[name] = array


def _state(path: pathlib.Path) -> tuple[TrainingState, list[str] | None]:
    """Return the state of a training, and the checksums of its weights; None in files that have none."""
    import h5py

    with h5py.File(path) as file:
        if _GROUP not in file:
            return TrainingState(), None
        group = file[_GROUP]
        record = group[_RECORD][()].tobytes()
        state = TrainingState(json.loads(record), {name: part[()] for name, part in group["arrays"].items()})
        if _CHECKSUMS not in group:  # written before there were any
            return state, None
        checksums = json.loads(group[_CHECKSUMS][()].tobytes())
    if checksums["state"] != _checksum_of_state(record, state.arrays):
        raise ValueError("the state of the training in it is not that of its checksum; the file is damaged")
    return state, checksums["weights"]


def _checksums(model: keras.Model) -> list[str]:
    """Return type and checksum of each weight; sorted, since the same network may be built in another order."""
    values = [(weight, np.ascontiguousarray(keras.ops.convert_to_numpy(weight))) for weight in model.weights]
    return sorted(f"{weight.dtype} {zlib.crc32(value.view(np.uint8).data)}" for weight, value in values)


def _compare(saved: list[str] | None, loaded: list[str]) -> None:
    types = [[one.split()[0] for one in checksums] for checksums in (saved or [], loaded)]
    # A network of other types has other bits.
    if types[0] == types[1] and saved != loaded:
        raise ValueError("its weights are not those of its checksums; the file is damaged")


def _checksum_of_state(record: bytes, arrays: Mapping[str, np.ndarray]) -> int:
    checksum = zlib.crc32(record)
    for name in sorted(arrays):
        checksum = zlib.crc32(np.ascontiguousarray(arrays[name]).tobytes(), zlib.crc32(name.encode(), checksum))
    return checksum


@contextlib.contextmanager
def _weights_only(model: keras.Model) -> Iterator[None]:
    """Hide the optimizer, whose state Keras would write and read with the weights."""
    optimizer = getattr(model, "optimizer", None)
    model.optimizer = None
    try:
        yield
    finally:
        model.optimizer = optimizer
