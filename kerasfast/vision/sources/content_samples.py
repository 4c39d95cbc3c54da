"""Pictures whose files are in memory, as an upload brings them: read like files, to the same pixels."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from kerasfast.vision.sources.decoding.decode import Scan, open_image, scan_contents
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
    """

    contents: tuple[bytes, ...]
    files: np.ndarray
    scan: Scan

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
        return ContentSamples(contents, self.files[indices], self.scan.take(indices))

    def reader(self, size: int) -> Reader:
        """Return what reads windows of the pictures, to be scaled to `size` pixels or more."""
        from kerasfast.vision.sources.decoding.reading import bytes_reader

        return bytes_reader(self.contents, self.scan, size)

    def picture(self, index: int) -> np.ndarray:
        """Return one whole picture, (height, width, 3) uint8."""
        return open_image(self.contents[index])

    def content_keys(self) -> list[str]:
        """Return a hash of the content of each picture."""
        return [content_key(content) for content in self.contents]

    def broken(self) -> dict[str, str]:
        """Return name -> reason for the pictures that cannot be decoded."""
        return scan_contents(self.contents, self.files.tolist(), full=True).problems
