"""One file per model: a zip of a JSON record and a Keras model, checked before it is read, executing nothing.

Everything in it is stored, not compressed, so that what is declared cannot be larger than the file: a bundle that
would unfold to gigabytes is refused before any of it is read. Models are rebuilt from layers that are known (Keras's
own, and classes that the caller registered or passes); no code is taken from the file.
"""

import contextlib
import json
import os
import pathlib
import platform
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import keras

from kerasfast.basics import arguments
from kerasfast.basics.files import atomic_path, temporary_folder
from kerasfast.version import __version__

MODEL = "model.keras"
_WRITTEN_BY = "written_by"
_MOST_RECORD_BYTES = 2**26
# What reading a damaged or forged file raises in zipfile, json, h5py and Keras.
READ_ERRORS = (
    zipfile.BadZipFile, OSError, EOFError, AttributeError, IndexError, KeyError, NotImplementedError, RuntimeError,
    RecursionError, TypeError, ValueError,
)  # fmt: skip
_ABOUT_THE_PATH = (FileNotFoundError, IsADirectoryError, PermissionError)


class BundleError(ValueError):
    """A file that is no bundle, is damaged, or was written by a version that this one cannot read.

    Example:
        >>> _ = pathlib.Path("notes.kerasfast").write_text("no bundle")
        >>> try:
        ...     kf.TablePredictor.load("notes.kerasfast")
        ... except BundleError as error:
        ...     print("notes.kerasfast" in str(error))
        True
    """


@dataclass(frozen=True)
class BundleFormat:
    """A kind of bundle.

    Attributes:
        name: Of the class that reads it, in the record.
        version: Of the record; a reader refuses a later one.
        record: File name of the record in the zip.
        made_by: What writes one, for messages.
    """

    name: str
    version: int
    record: str
    made_by: str

    def write(self, path: str | os.PathLike, fields: Mapping[str, Any], model: keras.Model) -> pathlib.Path:
        """Write a bundle, whole or not at all, and return its path.

        Args:
            path: The file.
            fields: The record, as JSON can hold it.
            model: The model.

        Raises:
            ValueError: If the model holds a `Lambda`, or a layer of a class that is not registered with Keras.
        """
        path = arguments.path("path", path)
        if path.is_dir():
            raise IsADirectoryError(f"`path` must be a file to write; {str(path)!r} is a folder: add a file's name.")
        check_storable(model)
        record = {"format": self.name, "version": self.version, _WRITTEN_BY: versions(), **fields}
        with temporary_folder() as folder, atomic_path(path) as unfinished:
            model_file = folder / MODEL
            model.save(model_file)
            with zipfile.ZipFile(unfinished, "w", zipfile.ZIP_STORED) as bundle:
                bundle.write(model_file, MODEL)
                bundle.writestr(self.record, json.dumps(record, allow_nan=False, indent=1))
        return path

    @contextlib.contextmanager
    def opened(
        self, path: str | os.PathLike, custom_objects: Mapping[str, Any] | None = None
    ) -> Iterator[tuple[dict[str, Any], keras.Model]]:
        """Give the record and the model of a bundle; what goes wrong inside with them is the file's fault.

        Args:
            path: The file.
            custom_objects: Layers of one's own by name, as in `keras.models.load_model`.

        Raises:
            FileNotFoundError: If there is no such file.
            BundleError: If it is no such bundle, or one that is damaged or too new.
        """
        path = _existing(path)
        try:
            with zipfile.ZipFile(path) as bundle:
                record = self._record(bundle, os.path.getsize(path))
                yield record, _model(bundle, custom_objects)
        except _ABOUT_THE_PATH:
            raise
        except READ_ERRORS as error:
            raise BundleError(f"{str(path)!r} is no bundle that `{self.made_by}` wrote: {error}") from error

    def _record(self, bundle: zipfile.ZipFile, size: int) -> dict[str, Any]:
        _check_stored(bundle, size)
        names = sorted(bundle.namelist())
        if names != sorted([MODEL, self.record]):
            raise ValueError(f"it holds {names[:5]}, not {[MODEL, self.record]}.")
        record = _parsed(bundle, self.record)
        if record["format"] != self.name or record["version"] not in range(1, self.version + 1):
            writer = written_by(record)
            raise ValueError(
                f"it is a {record['format']} of version {record['version']}, written by {writer}; this is kerasfast "
                f"{__version__}, which reads {self.name} up to version {self.version}."
            )
        return record


def record_of(path: str | os.PathLike) -> dict[str, Any]:
    """Return the record of a bundle of any kind, without its model.

    Raises:
        FileNotFoundError: If there is no such file.
        BundleError: If it is no bundle.
    """
    path = _existing(path)
    try:
        with zipfile.ZipFile(path) as bundle:
            _check_stored(bundle, os.path.getsize(path))
            (name,) = [name for name in bundle.namelist() if name.endswith(".json")]
            record = _parsed(bundle, name)
            return {**record, "format": str(record["format"])}
    except _ABOUT_THE_PATH:
        raise
    except READ_ERRORS as error:
        raise BundleError(f"{str(path)!r} is no model that `export` wrote: {error}") from error


def _existing(path: str | os.PathLike) -> pathlib.Path:
    """Return the path of a file that is there."""
    path = arguments.path("path", path)
    if path.is_dir():
        raise IsADirectoryError(f"`path` must be a file that `export` wrote; {str(path)!r} is a folder.")
    if not path.exists():
        raise FileNotFoundError(f"no file {str(path)!r}; `path` must be a file that `export` wrote.")
    return path


def versions() -> dict[str, str]:
    """Return the versions that a bundle is written by."""
    import tensorflow as tf

    own = {"kerasfast": __version__, "keras": keras.__version__, "tensorflow": tf.__version__}
    return {**own, "python": platform.python_version()}


def written_by(record: Mapping[str, Any]) -> str:
    """Return in words which versions wrote a record."""
    known = record.get(_WRITTEN_BY) or {}
    return ", ".join(f"{name} {version}" for name, version in known.items()) or "an early kerasfast"


def check_storable(model: keras.Model) -> None:
    """Raise ValueError unless the model can be rebuilt elsewhere without running code that comes with it."""
    for node in _nodes(keras.saving.serialize_keras_object(model)):
        name, module, registered = node["class_name"], node["module"], node.get("registered_name")
        if name in ("Lambda", "__lambda__"):
            raise ValueError(
                f"The model {model.name!r} holds a Lambda, whose code would have to be run where it is loaded. Use a "
                "layer of Keras's such as `Rescaling`, or a class of your own under "
                "`@keras.saving.register_keras_serializable()`."
            )
        own = module.split(".")[0] in ("keras", "keras_hub", "builtins")
        if not own and keras.saving.get_registered_object(registered) is None:
            raise ValueError(
                f"The model {model.name!r} holds {module}.{name}, which Keras does not know by name: put "
                "`@keras.saving.register_keras_serializable()` above it."
            )


def _nodes(config: Any) -> Iterator[dict[str, Any]]:
    if isinstance(config, dict):
        if isinstance(config.get("module"), str) and isinstance(config.get("class_name"), str):
            yield config
        config = list(config.values())
    if isinstance(config, (list, tuple)):
        for part in config:
            yield from _nodes(part)


def _check_stored(archive: zipfile.ZipFile, size: int) -> None:
    """Refuse an archive whose parts could take more memory than its own `size`."""
    parts = archive.infolist()
    for part in parts:
        if part.compress_type != zipfile.ZIP_STORED or part.file_size != part.compress_size:
            raise ValueError(f"{part.filename!r} in it is compressed, which a bundle never is.")
    if sum(part.file_size for part in parts) > size:
        raise ValueError("its parts are declared larger than the file.")


def _parsed(bundle: zipfile.ZipFile, name: str) -> dict[str, Any]:
    size = bundle.getinfo(name).file_size
    if size > _MOST_RECORD_BYTES:
        raise ValueError(f"its record takes {size} bytes; {_MOST_RECORD_BYTES} are allowed.")
    record = json.loads(bundle.read(name))
    if not isinstance(record, dict):
        raise TypeError(f"its record must be a JSON object; it is a {type(record).__name__}.")
    return record


def _model(bundle: zipfile.ZipFile, custom_objects: Mapping[str, Any] | None) -> keras.Model:
    with temporary_folder() as folder:
        file = bundle.extract(MODEL, folder)
        with zipfile.ZipFile(file) as inner:
            _check_stored(inner, os.path.getsize(file))
            for name in inner.namelist():
                if name.endswith(".h5"):
                    check_weights_file(inner.extract(name, folder))
        return keras.models.load_model(file, dict(custom_objects or {}), compile=False, safe_mode=True)


def check_weights_file(path: str | os.PathLike) -> None:
    """Raise ValueError for weights that point outside their file or are declared larger than it."""
    import h5py

    seen, declared = set(), 0
    with h5py.File(path) as file:
        waiting = [file]
        while waiting:
            group = waiting.pop()
            for name in group:
                if not isinstance(group.get(name, getlink=True), h5py.HardLink):
                    raise ValueError(f"the weights {name!r} lie outside the file.")
                item = group[name]
                address = h5py.h5o.get_info(item.id).addr
                if address in seen:
                    continue
                seen.add(address)
                if isinstance(item, h5py.Group):
                    waiting.append(item)
                    continue
                if item.external or item.is_virtual:
                    raise ValueError(f"the weights {name!r} lie outside the file.")
                declared += item.size * item.dtype.itemsize
    if declared > os.path.getsize(path):
        raise ValueError(f"its weights are declared to take {declared} bytes, more than the file.")
