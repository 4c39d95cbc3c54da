"""Files that appear complete or not at all, and what is left of those that did not."""

import contextlib
import errno
import functools
import hashlib
import math
import os
import pathlib
import platform
import re
import shutil
import tempfile
import time
import tokenize
import uuid
import zipfile
import zlib
from collections.abc import Iterator
from typing import IO

import numpy as np

_LONGEST_ENDING = 40
_ABANDONED_AFTER = 24 * 3600  # seconds, where nobody can be asked whether the process that wrote still lives
_UNFINISHED = re.compile(r"\.kerasfast-(?P<host>[0-9a-f]{6})-(?P<process>\d+)-[0-9a-f]{8}")
DAMAGED_ZIP = (zipfile.BadZipFile, EOFError, NotImplementedError, RuntimeError, zlib.error)
_ZIP_END_BYTES = 22 + 2**16  # the end of a zip and a comment
_FULL = {errno.ENOSPC: "the disk is full", errno.EDQUOT: "the quota is used up"}
_READ_ONLY = (errno.EROFS, errno.EACCES, errno.EPERM)


@contextlib.contextmanager
def temporary_folder() -> Iterator[pathlib.Path]:
    """Give an empty folder among the system's temporary files, and remove it; what killed processes left is swept."""
    place = pathlib.Path(tempfile.gettempdir())
    sweep_once(place)
    folder = unfinished_beside(place / "folder")
    folder.mkdir(mode=0o700)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


class ArraysError(ValueError):
    """A file that holds no arrays, or is damaged."""


@contextlib.contextmanager
def atomic_path(path: str | os.PathLike, *, size: int | None = None) -> Iterator[pathlib.Path]:
    """Give a path in the same folder, with the same ending, to write to; on success it takes the place of `path`.

    What was written is on the disk before it takes that place, so that a machine that loses power keeps the old file or
    the new one. On failure it is removed and `path` stays as it was. What a killed process left in the folder is swept.

    Args:
        path: The file that is to appear complete, or not at all. Its folder must exist.
        size: Bytes that will be written, where this is known; for the message about a full disk.

    Raises:
        FileNotFoundError: When the folder does not exist.
        OSError: When the disk is full or the folder can only be read; it names `path` and what to do.
    """
    path = pathlib.Path(path)
    if not path.parent.is_dir():
        raise FileNotFoundError(f"no folder {str(path.parent)!r} to write {path.name!r} in; create it first.")
    sweep_once(path.parent)
    unfinished = unfinished_beside(path)
    try:
        try:
            yield unfinished
            flush(unfinished)
            os.replace(unfinished, path)
        except OSError as error:
            if error.errno in _FULL:
                raise _no_room(error, path, unfinished, size) from error
            if can_only_be_read(error):
                raise _not_writable(error, path) from error
            if error.filename == os.fspath(unfinished):  # a name that nobody has asked for
                error.filename = os.fspath(path)
            raise
    finally:
        with contextlib.suppress(OSError):
            unfinished.unlink(missing_ok=True)


@contextlib.contextmanager
def atomic_folder(path: str | os.PathLike) -> Iterator[pathlib.Path]:
    """Give an empty folder beside `path` to fill; on success it becomes `path`, which must not be there before.

    On failure it is removed. What a killed process left beside it is swept.

    Args:
        path: The folder that is to appear complete, or not at all. Its parent must exist.
    """
    path = pathlib.Path(path)
    sweep_once(path.parent)
    unfinished = unfinished_beside(path)
    unfinished.mkdir()
    try:
        yield unfinished
        os.replace(unfinished, path)
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)


@contextlib.contextmanager
def opened_zip(path: str | os.PathLike) -> Iterator[zipfile.ZipFile]:
    """Open a zip to read; what is damaged in it raises one of `DAMAGED_ZIP`."""
    try:
        with zipfile.ZipFile(path) as opened:
            _check_count(pathlib.Path(path), len(opened.infolist()))
            yield opened
    except OSError as error:
        if error.errno != errno.EINVAL:
            raise
        raise zipfile.BadZipFile("a part of it would lie before its beginning") from error


def _check_count(path: pathlib.Path, found: int) -> None:
    """Compare the number of files that a zip says it has with those that were found: Python's reader does not."""
    with path.open("rb") as stream:
        stream.seek(max(0, path.stat().st_size - _ZIP_END_BYTES))
        end = stream.read()
    place = end.rfind(b"PK\x05\x06")
    count = int.from_bytes(end[place + 10 : place + 12], "little")
    if count not in (found, 0xFFFF):  # more are counted elsewhere
        raise zipfile.BadZipFile(f"it should hold {count} files, and {found} are found")


def read_arrays(path: str | os.PathLike) -> dict[str, np.ndarray]:
    """Return the arrays of a file that `numpy.savez` wrote, by name.

    What the file says of their sizes is compared with its own before anything is read, so that a damaged or foreign
    one cannot ask for more memory than it takes on the disk.

    Raises:
        OSError: When the file cannot be read.
        ArraysError: When it is no such file, is damaged or compressed, or holds Python objects.
    """
    arrays = {}
    try:
        with opened_zip(path) as bundle:
            for member in bundle.infolist():
                if member.compress_type != zipfile.ZIP_STORED or member.compress_size != member.file_size:
                    raise ValueError(f"the member {member.filename!r} is compressed")
                with bundle.open(member) as stream:
                    arrays[member.filename.removesuffix(".npy")] = _array(stream, member.file_size)
    except DAMAGED_ZIP as error:
        raise ArraysError(f"{path} is no file of arrays, or is damaged ({error})") from error
    except ValueError as error:
        raise ArraysError(f"{path} cannot be read as arrays: {error}") from error
    return arrays


def _array(stream: IO[bytes], size: int) -> np.ndarray:
    """Return the array of a member of `size` bytes."""
    version = np.lib.format.read_magic(stream)
    if version not in ((1, 0), (2, 0)):
        raise ValueError(f"an array of the format {version} is not known")
    header = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    try:
        shape, fortran, dtype = header(stream)
    except (SyntaxError, TypeError, tokenize.TokenError) as error:  # of the text that describes the array
        raise ValueError(f"an array is not described ({error})") from error
    if dtype.hasobject:
        raise ValueError("it holds Python objects")
    need, there = math.prod(shape) * dtype.itemsize, size - stream.tell()
    if need != there:
        raise ValueError(f"an array of shape {shape} and type {dtype} needs {need:,} bytes, and {there:,} are there")
    array = np.frombuffer(stream.read(need), dtype)
    return array.reshape(shape, order="F" if fortran else "C")


def unfinished_beside(path: pathlib.Path) -> pathlib.Path:
    """Return a name of this process for a file or folder in the making, in the same folder, with the same ending."""
    ending = "".join(path.suffixes)[-_LONGEST_ENDING:]
    ending = ending[ending.find(".") :] if "." in ending else ""
    return path.with_name(f".kerasfast-{_host()}-{os.getpid()}-{uuid.uuid4().hex[:8]}{ending}")


def flush(file: pathlib.Path) -> None:
    """Wait until the content of a file is on the disk."""
    with open(file, "rb+") as stream:
        os.fsync(stream.fileno())


def made_folder(folder: pathlib.Path) -> pathlib.Path:
    """Make a folder and those above it, where they are not there, and return it.

    Raises:
        OSError: When it cannot be made; it names the folder, and what to do where the disk can only be read.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except FileExistsError as error:
        raise NotADirectoryError(errno.ENOTDIR, "A folder is needed, and this is a file", os.fspath(folder)) from error
    except OSError as error:
        if can_only_be_read(error):
            raise _not_writable(error, folder) from error
        raise
    return folder


def writable_folder(folder: pathlib.Path) -> pathlib.Path:
    """Make a folder as `made_folder` does, and return it, where files can be written in it.

    Raises:
        OSError: When it cannot be made, or can only be read.
    """
    if not os.access(made_folder(folder), os.W_OK | os.X_OK):
        raise _not_writable(OSError(errno.EACCES, os.strerror(errno.EACCES)), folder / "a file")
    return folder


def can_only_be_read(error: OSError) -> bool:
    """Whether an error is that of writing where one may only read."""
    return error.errno in _READ_ONLY


def _not_writable(error: OSError, path: pathlib.Path) -> OSError:
    return OSError(
        error.errno,
        f"{path} could not be written: {path.parent} can only be read ({error.strerror}); choose another folder "
        "(learners take it as `path=`)",
    )


def _no_room(error: OSError, path: pathlib.Path, unfinished: pathlib.Path, size: int | None) -> OSError:
    written = unfinished.stat().st_size if unfinished.exists() else 0
    need = f"more than the {written:,} bytes that were written" if size is None else f"{size:,} bytes"
    free = shutil.disk_usage(path.parent).free + written
    return OSError(
        error.errno,
        f"{path} could not be written: {_FULL[error.errno]}. It needs {need}, and {free:,} are free; make room, or "
        "write to another disk",
    )


def sweep(folder: pathlib.Path) -> list[pathlib.Path]:
    """Remove files and folders in the making whose process is gone, and return them.

    Those of other machines that share the folder are removed when they are a day old.
    """
    try:
        swept = [folder / name for name in os.listdir(folder) if is_abandoned(folder, name)]
    except OSError:  # nothing to sweep in a folder that cannot be listed
        return []
    for path in swept:
        with contextlib.suppress(OSError):
            shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
    return swept


@functools.lru_cache(maxsize=4096)
def sweep_once(folder: pathlib.Path) -> None:
    """Sweep a folder, but once in the life of this process."""
    sweep(folder)


def is_abandoned(folder: str | os.PathLike, name: str) -> bool:
    """Whether a file or folder in the making belongs to a process that is gone."""
    found = _UNFINISHED.match(name)
    if found is None:
        return False
    if found["host"] == _host() and os.name == "posix":
        return not _is_alive(int(found["process"]))
    try:
        return time.time() - pathlib.Path(folder, name).stat().st_mtime > _ABANDONED_AFTER
    except OSError:
        return False


def _is_alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except (PermissionError, OverflowError):  # somebody else's process; no process has so large a number
        return process < 2**31
    return True


@functools.cache
def _host() -> str:
    return hashlib.blake2b(platform.node().encode(), digest_size=3).hexdigest()
