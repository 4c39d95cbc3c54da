"""Pictures whose files are in memory, as an upload brings them: read like files, to the same pixels."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from kerasfast.vision.sources.decoding.decode import open_image
from kerasfast.vision.sources.decoding.scanning import Scan, scan_contents
from kerasfast.vision.sources.file_samples import content_key

if TYPE_CHECKING:
    from kerasfast.vision.sources.decoding.reading import Reader


@dataclasses.dataclass(frozen=True, eq=False)
class ContentSamples:
    """The `Samples` of files in memory; they have no targets.

    Args:
        contents: What the file of each picture holds.
        files: (n,) names.
        scan: What their headers say.
        channels: As of `FileSamples`.
    """

    contents: tuple[bytes, ...]
    files: np.ndarray
    scan: Scan
    channels: int = 3

    on_disk = False
    targets = None

    def __len__(self) -> int:
        return len(self.contents)

    @property
    def sides(self) -> tuple[np.ndarray, np.ndarray]:
        """(n,) heights and (n,) widths in pixels."""
        return self.scan.height, self.scan.width

    def take(self, indices: np.ndarray | Sequence[int]) -> ContentSamples:
        """Return the samples at these positions, in this order."""
        contents = tuple(self.contents[index] for index in indices)
        return dataclasses.replace(self, contents=contents, files=self.files[indices], scan=self.scan.take(indices))

    def reader(self, size: int) -> Reader:
        """Return what reads windows of the pictures, to be scaled to `size` pixels or more."""
        from kerasfast.vision.sources.decoding.reading import bytes_reader

        return bytes_reader(self.contents, self.scan, size, self.channels)

    def picture(self, index: int) -> np.ndarray:
        """Return one whole picture, (height, width, channels) uint8."""
        return open_image(self.contents[index], self.channels)

    def content_keys(self) -> list[str]:
        """Return a hash of the content of each picture."""
        return [content_key(content) for content in self.contents]

    def broken(self) -> dict[str, str]:
        """Return name -> reason for the pictures that cannot be decoded."""
        return scan_contents(self.contents, self.files.tolist(), channels=self.channels, full=True).problems
