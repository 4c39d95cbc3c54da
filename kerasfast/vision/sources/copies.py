"""What is known of the small copies in a folder: of which source they are, and whether they are still whole."""

from __future__ import annotations

import json
import os
import pathlib
import warnings
import zlib
from typing import NamedTuple

from kerasfast.basics.caches import COPIES_MARK
from kerasfast.basics.files import can_only_be_read

# Raise it whenever the copies would come out otherwise: those of older versions are then made anew.
_VERSION = 2


class Entry(NamedTuple):
    """One copy.

    Args:
        source_size: Bytes of the source.
        source_time: When it was changed, in nanoseconds.
        size: Bytes of the copy.
        time: When it was written, in nanoseconds.
        checksum: CRC-32 of its content.
    """

    source_size: int
    source_time: int
    size: int
    time: int
    checksum: int


_NUMBERS = len(Entry.__annotations__)


class CopiesRecord:
    """The record of a folder of copies: a line of JSON for each, only ever added to.

    Several processes may add to it at once; of lines about one file the last counts, and a line that was cut off by a
    kill is as good as absent. Nothing is written where there is nothing new, so a disk may be read-only.

    Args:
        folder: The folder of the copies.
        source: The root of the pictures that they are copies of.

    Raises:
        ValueError: When the folder holds copies of another folder's pictures.
    """

    def __init__(self, folder: pathlib.Path, source: pathlib.Path):
        self.path = folder / COPIES_MARK
        self.entries: dict[str, Entry] = {}
        self._added: list[list] = []
        self._header = {"version": _VERSION, "source": _place_of(source, folder)}
        self._is_new = not self._read(folder)

    def find(self, name: str, source: os.stat_result, copy: pathlib.Path) -> Entry | None:
        """Return the entry of a copy that is whole and no older than its source, or None."""
        entry = self.entries.get(name)
        if entry is None or entry[:2] != (source.st_size, source.st_mtime_ns):
            return None
        try:
            status = os.stat(copy)
            if status.st_size != entry.size:
                return None
            if status.st_mtime_ns == entry.time:
                return entry
            same = zlib.crc32(copy.read_bytes()) == entry.checksum
        except OSError:
            return None
        return entry._replace(time=status.st_mtime_ns) if same else None

    def add(self, name: str, entry: Entry | None) -> None:
        """Note a copy, or that there is none."""
        if self.entries.get(name) != entry:
            self._added.append([name, *(entry or ())])
        if entry is None:
            self.entries.pop(name, None)
        else:
            self.entries[name] = entry

    def save(self) -> None:
        """Append what was noted since the last time."""
        lines = [json.dumps(line) for line in ([self._header] if self._is_new else []) + self._added]
        if not self._added:
            return
        # A leading line end closes a line that a kill may have cut off. One write: lines of others stay whole.
        content = ("\n" + "\n".join(lines) + "\n").encode()
        flags = os.O_WRONLY | os.O_CREAT | (os.O_TRUNC if self._is_new else os.O_APPEND)
        try:
            file = os.open(self.path, flags, 0o666)
        except OSError as error:
            if not can_only_be_read(error):
                raise
            warnings.warn(f"Copies were looked at, which cannot be noted for the next time: {error}.", stacklevel=3)
            return
        try:
            os.write(file, content)
        finally:
            os.close(file)
        self._is_new, self._added = False, []

    def _read(self, folder: pathlib.Path) -> bool:
        """Read the entries; return whether the file can be added to."""
        try:
            lines = [_parsed(line) for line in self.path.read_text(encoding="utf-8", errors="replace").splitlines()]
        except FileNotFoundError:
            return False
        header = next((line for line in lines if isinstance(line, dict)), {})
        other = header.get("source")
        if header.get("version") != _VERSION or not isinstance(other, str):
            return False
        if other != self._header["source"]:
            place = pathlib.Path(folder, other)
            if os.path.isdir(place):
                raise ValueError(
                    f"{folder} holds copies of the pictures in {place.resolve()}; pass another `folder` for those of "
                    "this data set, or remove it."
                )
            return False
        for line in lines:
            if isinstance(line, list) and line and isinstance(line[0], str):
                values = line[1:]
                if len(values) == _NUMBERS and all(type(value) is int for value in values):
                    self.entries[line[0]] = Entry(*values)
                else:
                    self.entries.pop(line[0], None)
        return True


def _place_of(source: pathlib.Path, folder: pathlib.Path) -> str:
    """Return the source relative to copies that lie inside it, so that both can move together; else its whole path."""
    source, folder = source.resolve(), folder.resolve()
    return os.path.relpath(source, folder) if folder.is_relative_to(source) else str(source)


def _parsed(line: str) -> object:
    try:
        return json.loads(line)
    except ValueError:
        return None
