"""Pictures whose files are in memory, as an upload brings them: read like files, to the same pixels."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from kerasfast.vision.pipeline.reading import Reader, bytes_reader
from kerasfast.vision.sources.decode import Scan


@dataclass(frozen=True, eq=False)
class ContentSamples:
    """Unlabelled pictures, coded.

    Attributes:
        contents: What the file of each picture holds.
        scan: What their headers say.
        files: (n,) names.
        targets: None.
    """

    contents: tuple[bytes, ...]
    scan: Scan
    files: np.ndarray
    targets: None = None

    def __len__(self) -> int:
        return len(self.contents)

    @property
    def sides(self) -> tuple[np.ndarray, np.ndarray]:
        """(n,) heights and (n,) widths in pixels."""
        return self.scan.height, self.scan.width

    def take(self, indices: np.ndarray | Sequence[int]) -> "ContentSamples":
        """Return the samples at these positions, in this order."""
        contents = tuple(self.contents[index] for index in indices)
        return ContentSamples(contents, self.scan.take(indices), self.files[indices])

    def reader(self, size: int) -> Reader:
        """Return the reader of windows, to be scaled to `size` pixels or more."""
        return bytes_reader(self.contents, self.scan, size)
