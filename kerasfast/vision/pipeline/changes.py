"""Random changes of pictures beyond the fields of `Transforms`: zoom, stretch, blur, holes, a choice among them.

Each takes a fixed number of uniform numbers per picture and notes in `Choices` what becomes of it, so that rotations,
zooms and stretches of one picture are one warp.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from kerasfast.basics.arguments import number, whole


@dataclass(frozen=True)
class Choices:
    """What becomes of each picture of a batch.

    Args:
        angles: (n,) rotation in radians; 0 for none.
        turns: (n,) quarter turns after the rotation, 0 to 3.
        mirrored: (n,) bool, whether left and right are exchanged at the end.
        shifts: (n, 2) whole pixels (right, down) from where each pixel comes.
        factors: (n,) of the contrast, about the mean.
        offsets: (n,) of the brightness, in grey levels.
        scales: (n, 2) by how much width and height grow about the centre, after the rotation.
        blurs: (n,) sides of the Gaussian kernels, odd; 1 for none.
        holes: (n, holes, 3) centre (row, column) as shares of the side, and side in pixels; 0 for none.
    """

    angles: np.ndarray
    turns: np.ndarray
    mirrored: np.ndarray
    shifts: np.ndarray
    factors: np.ndarray
    offsets: np.ndarray
    scales: np.ndarray
    blurs: np.ndarray
    holes: np.ndarray

    @property
    def warped(self) -> np.ndarray:
        """(n,) bool, whether pixels have to be looked up between others."""
        return (self.angles != 0) | (self.scales != 1).any(axis=1)

    @property
    def matrices(self) -> np.ndarray:
        """(n, 4) rotation, scales, turns, mirroring as one: (x, y) from the centre comes from (ax + by, cx + dy)."""
        turns, mirror = self.turns * (np.pi / 2), np.where(self.mirrored, -1.0, 1.0)
        ones, zeros = np.ones_like(mirror), np.zeros_like(mirror)
        back = np.stack([1 / self.scales[:, 0], zeros, zeros, 1 / self.scales[:, 1]], 1).reshape(-1, 2, 2)
        mirrors = np.stack([mirror, zeros, zeros, ones], 1).reshape(-1, 2, 2)
        return (_rotations(self.angles) @ back @ _rotations(turns) @ mirrors).reshape(-1, 4)


def _rotations(angles: np.ndarray) -> np.ndarray:
    cosine, sine = np.cos(angles), np.sin(angles)
    return np.stack([cosine, -sine, sine, cosine], 1).reshape(-1, 2, 2)


class Change:
    """One random change.

    Attributes:
        numbers: How many uniform numbers a picture needs.
        most_degrees: The largest rotation.
        holes: How many holes there can be.
        on_device: Whether it can be made on the device (`accelerate=True`).
    """

    numbers: int = 0
    most_degrees: float = 0.0
    holes: int = 0
    on_device: bool = True

    def apply(self, chosen: Choices, numbers: np.ndarray, which: np.ndarray) -> None:
        """Note what becomes of the pictures `which` (n,) by their uniform numbers (n, `numbers`)."""


@dataclass(frozen=True)
class Rotation(Change):
    """Rotate a share `p` of the pictures by up to `degrees` either way."""

    degrees: float
    p: float = 0.75
    numbers = 2

    def __post_init__(self):
        number("degrees", self.degrees, least=0, most=180)
        number("p", self.p, least=0, most=1)

    @property
    def most_degrees(self) -> float:
        return self.degrees

    def apply(self, chosen: Choices, numbers: np.ndarray, which: np.ndarray) -> None:
        angles = (2.0 * numbers[:, 1] - 1.0) * math.radians(self.degrees)
        chosen.angles[:] += np.where(which & (numbers[:, 0] < self.p), angles, 0.0)


@dataclass(frozen=True)
class Mirror(Change):
    """Mirror a share `p` of the pictures left-right."""

    p: float = 0.5
    numbers = 1

    def __post_init__(self):
        number("p", self.p, least=0, most=1)

    def apply(self, chosen: Choices, numbers: np.ndarray, which: np.ndarray) -> None:
        chosen.mirrored[:] ^= which & (numbers[:, 0] < self.p)


@dataclass(frozen=True)
class Zoom(Change):
    """Enlarge every picture about its centre by 1 + `least` to 1 + `most`, keeping its size."""

    most: float
    least: float = 0.0
    numbers = 1

    def __post_init__(self):
        number("most", self.most, least=number("least", self.least, least=0))

    def apply(self, chosen: Choices, numbers: np.ndarray, which: np.ndarray) -> None:
        factors = 1.0 + self.least + (self.most - self.least) * numbers[:, 0]
        chosen.scales[:] *= np.where(which, factors, 1.0)[:, None]


@dataclass(frozen=True)
class Stretch(Change):
    """Enlarge width or height of every picture about its centre by up to 1 + `most`, keeping its size."""

    most: float
    numbers = 2

    def __post_init__(self):
        number("most", self.most, least=0)

    def apply(self, chosen: Choices, numbers: np.ndarray, which: np.ndarray) -> None:
        factors, wide = np.where(which, 1.0 + self.most * numbers[:, 0], 1.0), numbers[:, 1] < 0.5
        chosen.scales[:, 0] *= np.where(wide, factors, 1.0)
        chosen.scales[:, 1] *= np.where(wide, 1.0, factors)


@dataclass(frozen=True)
class Blur(Change):
    """Blur a share `p` of the pictures by a Gaussian kernel whose side in pixels is one of `sides`, odd numbers."""

    sides: tuple[int, ...]
    p: float = 0.5
    numbers = 2
    on_device = False

    def __post_init__(self):
        if not self.sides or any(whole("sides", side) % 2 == 0 for side in self.sides):
            raise ValueError(
                f"`sides` of the kernels of a blur are odd numbers, at least one; received {self.sides!r}."
            )
        number("p", self.p, least=0, most=1)

    def apply(self, chosen: Choices, numbers: np.ndarray, which: np.ndarray) -> None:
        sides = np.asarray(self.sides)[(numbers[:, 1] * len(self.sides)).astype(int)]
        chosen.blurs[:] = np.where(which & (numbers[:, 0] < self.p), sides, chosen.blurs)


@dataclass(frozen=True)
class Cutout(Change):
    """Put black squares at random places of a share `p` of the pictures; they may overlap and reach over the edge.

    Args:
        count: How many squares.
        side: Of a square, in pixels.
        p: The share of pictures that are changed.

    Source: DeVries and Taylor, Improved Regularization of Convolutional Neural Networks with Cutout, 2017.
    """

    count: int
    side: int
    p: float = 0.5
    on_device = False

    def __post_init__(self):
        whole("count", self.count), whole("side", self.side)
        number("p", self.p, least=0, most=1)

    @property
    def numbers(self) -> int:
        return 1 + 2 * self.count

    @property
    def holes(self) -> int:
        return self.count

    def apply(self, chosen: Choices, numbers: np.ndarray, which: np.ndarray) -> None:
        cut = which & (numbers[:, 0] < self.p)
        free = int(np.argmin((chosen.holes[:, :, 2] > 0).any(axis=0)))
        holes = chosen.holes[:, free : free + self.count]
        holes[:, :, :2] = numbers[:, 1:].reshape(len(numbers), self.count, 2)
        holes[:, :, 2] = np.where(cut, self.side, 0)[:, None]


@dataclass(frozen=True)
class OneOf(Change):
    """Make one of several changes, each with its chance; none with the chance that is left.

    Args:
        changes: What may be made.
        chances: The chance of each.
    """

    changes: tuple[Change, ...]
    chances: tuple[float, ...]

    def __post_init__(self):
        if len(self.chances) != len(self.changes) or min(self.chances, default=0) < 0 or sum(self.chances) > 1 + 1e-6:
            raise ValueError(
                f"`chances` are {len(self.changes)} numbers from 0, up to 1 together; received {self.chances!r}."
            )

    @property
    def numbers(self) -> int:
        return 1 + sum(change.numbers for change in self.changes)

    @property
    def most_degrees(self) -> float:
        return max(change.most_degrees for change in self.changes)

    @property
    def holes(self) -> int:
        return sum(change.holes for change in self.changes)

    @property
    def on_device(self) -> bool:
        return all(change.on_device for change in self.changes)

    def apply(self, chosen: Choices, numbers: np.ndarray, which: np.ndarray) -> None:
        picked = np.searchsorted(np.cumsum(self.chances), numbers[:, 0], side="right")
        first = 1
        for index, change in enumerate(self.changes):
            change.apply(chosen, numbers[:, first : first + change.numbers], which & (picked == index))
            first += change.numbers


@dataclass(frozen=True)
class Scale(Change):
    """Scale a share `p` of the pictures by a factor from `least` to `most` before they are cropped."""

    most: float
    least: float = 1.0
    p: float = 0.75

    def __post_init__(self):
        number("most", self.most, least=number("least", self.least, least=1))
        number("p", self.p, least=0, most=1)


@dataclass(frozen=True)
class AreaWindow(Change):
    """How the crop "area" draws its windows.

    Args:
        least_area: The smallest share of the picture's area.
        least_aspect: The smallest width of a window by its height.
        most_aspect: The largest.
        turned: The share of windows whose height and width are exchanged.
    """

    least_area: float = 0.08
    least_aspect: float = 3 / 4
    most_aspect: float = 4 / 3
    turned: float = 0.5

    def __post_init__(self):
        number("least_area", self.least_area, above=0, most=1)
        number("most_aspect", self.most_aspect, least=number("least_aspect", self.least_aspect, above=0))
        number("turned", self.turned, least=0, most=1)


def further_numbers(draws: np.ndarray, count: int) -> np.ndarray:
    """Return (n, count) uniform numbers that depend on a row of `draws` (n, k) alone, as if drawn for it."""
    bits = np.ascontiguousarray(draws, np.float32).view(np.uint32).astype(np.uint64)
    state = np.zeros(len(bits), np.uint64)
    for column in bits.T:
        state = _mixed(state ^ column)
    places = np.arange(1, count + 1, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    return (_mixed(state[:, None] + places[None]) >> np.uint64(40)).astype(np.float32) / np.float32(1 << 24)


def _mixed(values: np.ndarray) -> np.ndarray:
    """Return the finalizer of splitmix64 of 64-bit numbers: every bit depends on every bit."""
    values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return values ^ (values >> np.uint64(31))


def apply_all(changes: Sequence[Change], chosen: Choices, draws: np.ndarray) -> None:
    """Note what all changes make of pictures with these draws (n, k)."""
    numbers = further_numbers(draws, sum(change.numbers for change in changes))
    first, which = 0, np.ones(len(draws), bool)
    for change in changes:
        change.apply(chosen, numbers[:, first : first + change.numbers], which)
        first += change.numbers
