"""What the headers of many files said, kept beside the files, so that the next start need not open each of them."""

from __future__ import annotations

import contextlib
import os
import pathlib
import time
from collections.abc import Sequence

import numpy as np

from kerasfast.basics.caches import HEADERS_FILE
from kerasfast.basics.files import ArraysError, atomic_path, read_arrays

_LEAST_FILES = 10_000  # the headers of fewer are read in a tenth of a second or two
_VERSION = 1  # raise it when headers are judged otherwise
_SETTLED = 2 * 10**9  # nanoseconds after which another change of a file shows in its time
_UNREADABLE = (-1, -1)


class KeptHeaders:
    """The sides and coding of those files that are as they were: of the same size, last written at the same time.

    What is kept is a help and no more: where it is damaged or cannot be written, headers are read as ever.

    Args:
        root: Folder in which they are kept.
        names: (n,) of the files; they may have changed places, and others may have come.
        paths: (n,) where the files are.

    Attributes:
        known: (n,) bool, whether a file is as it was.
        sides: (n, 2) int32, height and width; 0 where they are not known.
        plain_jpeg: (n,) bool, as in `Scan`.
    """

    def __init__(self, root: str | os.PathLike, names: Sequence[str], paths: Sequence[str]):
        self._path = pathlib.Path(root) / HEADERS_FILE
        self._names, self._now = list(names), time.time_ns()
        self._states = np.array([_state(path) for path in paths], np.int64).reshape(-1, 2)
        self.known = np.zeros(len(names), bool)
        self.sides, self.plain_jpeg = np.zeros((len(names), 2), np.int32), np.zeros(len(names), bool)
        with contextlib.suppress(OSError, ArraysError, KeyError, ValueError):
            self._read()

    @staticmethod
    def is_worth_it(files: int) -> bool:
        """Whether there are so many files that reading their headers takes long."""
        return files >= _LEAST_FILES

    def write(self, added: np.ndarray) -> None:
        """Keep what is in `sides` and `plain_jpeg` now of the known files, and of those at the positions `added`."""
        settled = self._states[:, 1] < self._now - _SETTLED
        self.known[added] = settled[added]
        if not settled[added].any():
            return
        names = [name for name, known in zip(self._names, self.known.tolist(), strict=True) if known]
        arrays = {
            "version": np.array(_VERSION),
            "names": np.frombuffer("\0".join(names).encode("utf-8", "surrogateescape"), np.uint8),
            "states": self._states[self.known],
            "sides": self.sides[self.known],
            "plain_jpeg": self.plain_jpeg[self.known],
        }
        with contextlib.suppress(OSError), atomic_path(self._path) as unfinished, unfinished.open("wb") as stream:
            np.savez(stream, **arrays)

    def _read(self) -> None:
        kept = read_arrays(self._path)
        names = kept["names"].tobytes().decode("utf-8", "surrogateescape").split("\0")
        count = len(names)
        shapes = {"states": (count, 2), "sides": (count, 2), "plain_jpeg": (count,)}
        if kept["version"] != _VERSION or any(kept[name].shape != shape for name, shape in shapes.items()):
            raise ValueError(f"{self._path} is of another version")
        places = {name: place for place, name in enumerate(names)}
        rows = np.array([places.get(name, -1) for name in self._names], np.int64)
        same = (kept["states"][rows] == self._states).all(axis=1) & (kept["sides"][rows] > 0).all(axis=1)
        self.known = same & (rows >= 0) & (self._states[:, 0] >= 0)
        self.sides[self.known] = kept["sides"][rows[self.known]]
        self.plain_jpeg[self.known] = kept["plain_jpeg"][rows[self.known]]


def _state(path: str) -> tuple[int, int]:
    """Return the size of a file and when it was written, in nanoseconds."""
    try:
        status = os.stat(path)
    except OSError:
        return _UNREADABLE
    return status.st_size, status.st_mtime_ns
