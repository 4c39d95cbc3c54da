"""Pictures that are files: where they lie, what their headers say, and how they are read."""

from __future__ import annotations

import dataclasses
import hashlib
import os
import pathlib
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import numpy as np

from kerasfast.basics.processors import usable_processors
from kerasfast.vision.sources.decoding.decode import ImageError, open_image
from kerasfast.vision.sources.decoding.scanning import Scan, scan

if TYPE_CHECKING:
    from kerasfast.vision.sources.decoding.reading import Reader


@dataclasses.dataclass(frozen=True, eq=False)
class FileSamples:
    """The `Samples` of files.

    Args:
        root: Folder that the files are relative to.
        files: (n,) paths relative to it, with forward slashes.
        targets: As in `Samples`.
        scan: Size and coding of each file.
        channels: Of the pictures; other than 3 all that the files have.
    """

    root: pathlib.Path
    files: np.ndarray
    targets: np.ndarray | None
    scan: Scan
    channels: int = 3

    on_disk = True

    def __len__(self) -> int:
        return len(self.files)

    @property
    def sides(self) -> tuple[np.ndarray, np.ndarray]:
        """(n,) heights and (n,) widths in pixels."""
        return self.scan.height, self.scan.width

    def take(self, indices: np.ndarray | Sequence[int]) -> FileSamples:
        """Return the samples at these positions, in this order."""
        targets = None if self.targets is None else self.targets[indices]
        return dataclasses.replace(self, files=self.files[indices], targets=targets, scan=self.scan.take(indices))

    def joined(self, other: FileSamples) -> FileSamples:
        """Return these samples and then the others, below the same root."""
        files, targets = np.concatenate([self.files, other.files]), np.concatenate([self.targets, other.targets])
        return dataclasses.replace(self, files=files, targets=targets, scan=self.scan.joined(other.scan))

    def at(self, root: pathlib.Path, *, progress: bool = True) -> FileSamples:
        """Return the same files below another root, where they may have other sizes.

        Raises:
            ImageError: When files cannot be read there.
        """
        found = scan(root, self.files, keep=True, progress=progress)
        if found.problems:
            raise ImageError(found.problems)
        return dataclasses.replace(self, root=root, scan=found)

    def reader(self, size: int) -> Reader:
        """Return what reads windows of the files, to be scaled to `size` pixels or more."""
        from kerasfast.vision.sources.decoding.reading import file_reader

        return file_reader([os.path.join(self.root, file) for file in self.files], self.scan, size, self.channels)

    def picture(self, index: int) -> np.ndarray:
        """Return one whole picture, (height, width, channels) uint8."""
        return open_image(self.root / self.files[index], self.channels)

    def content_keys(self) -> list[str]:
        """Return a hash of the content of each file."""
        with ThreadPoolExecutor(usable_processors() + 2) as pool:
            return list(pool.map(lambda file: content_key((self.root / file).read_bytes()), self.files))

    def broken(self) -> dict[str, str]:
        """Return name -> reason for the files that cannot be decoded now, or are other pictures than they were."""
        found = scan(self.root, self.files, channels=self.channels, full=True)
        now, then = (np.stack([one.height, one.width, one.plain_jpeg], 1).tolist() for one in (found, self.scan))
        changed = {
            str(
                file
            ): f"has changed since the data was made, from {was[1]}x{was[0]} to {size[1]}x{size[0]} pixels or in "
            "its coding; make the data anew"
            for file, size, was in zip(self.files, now, then, strict=True)
            if size != was
        }
        return changed | found.problems


def content_key(content: bytes) -> str:
    """Return a hash of a picture's content."""
    return hashlib.blake2b(content, digest_size=16).hexdigest()
