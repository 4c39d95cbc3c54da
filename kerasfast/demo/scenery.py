"""Draw one aerial tile of the rain forest from its tags, in the manner of the Planet competition."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from kerasfast.demo import drawing

WEATHER = ("clear", "partly_cloudy", "haze", "cloudy")
# Also the order of drawing: what comes later lies on top.
LAND = (
    "primary",
    "agriculture",
    "cultivation",
    "bare_ground",
    "slash_burn",
    "blow_down",
    "conventional_mine",
    "water",
    "artisinal_mine",
    "selective_logging",
    "blooming",
    "road",
    "habitation",
)
TAGS = LAND + WEATHER
FIELD_COLOURS = np.array(
    [
        [0.50, 0.47, 0.36],
        [0.40, 0.46, 0.32],
        [0.47, 0.39, 0.35],
        [0.45, 0.50, 0.38],
        [0.53, 0.40, 0.30],
        [0.34, 0.42, 0.27],
    ]
)
WATER_COLOURS = np.array(
    [[0.36, 0.29, 0.19], [0.10, 0.16, 0.14], [0.43, 0.37, 0.32], [0.20, 0.25, 0.22], [0.28, 0.27, 0.13]]
)
SOIL = np.array([0.62, 0.50, 0.37])


@dataclass
class Tile:
    """A tile while it is drawn: its pixels (size, size, 3) in 0..1, and where its roads run."""

    pixels: np.ndarray
    tags: frozenset[str]
    roads: list[np.ndarray] = field(default_factory=list)

    @property
    def size(self) -> int:
        """Pixels a side."""
        return self.pixels.shape[0]

    @property
    def scale(self) -> float:
        """Pixels per pixel of a 128 pixel tile, in which all widths below are given."""
        return self.size / 128


def draw_tile(tags: frozenset[str] | set[str], key: list[int], size: int = 128) -> np.ndarray:
    """Return a tile that shows these tags.

    Every tag draws from its own random numbers, so that adding a tag leaves the rest of the picture as it was.

    Args:
        tags: One of `WEATHER` and any of `LAND`.
        key: Integers that decide everything the tags leave open.
        size: Pixels a side.

    Returns:
        RGB, uint8, (size, size, 3).

    Raises:
        ValueError: For unknown tags, or not exactly one weather.
    """
    unknown = sorted(set(tags) - set(TAGS))
    if unknown:
        raise ValueError(f"Unknown tags {unknown}; the drawing knows {', '.join(TAGS)}.")
    if len(set(tags) & set(WEATHER)) != 1:
        raise ValueError(f"A tile needs exactly one of {', '.join(WEATHER)}; received {sorted(tags)}.")
    tile = Tile(np.zeros((size, size, 3), dtype=np.float32), frozenset(tags))
    _ground(tile, np.random.default_rng([*key, 0]))
    for number, (tag, draw) in enumerate(_PAINTERS.items(), start=1):
        if tag in tags:
            draw(tile, np.random.default_rng([*key, number]))
    return _photographed(tile.pixels, np.random.default_rng([*key, 99]))


def _ground(tile: Tile, rng: np.random.Generator) -> None:
    if "primary" in tile.tags or "cloudy" in tile.tags:
        _forest(tile, rng)
    else:
        _open_land(tile, rng)


def _forest(tile: Tile, rng: np.random.Generator) -> None:
    dark, green, warm = rng.uniform(0.7, 1.35), rng.uniform(0.9, 1.12), rng.uniform(0.88, 1.2)
    colour = dark * np.array([0.175 * warm, 0.225 * green, 0.180 / warm])
    crowns = drawing.value_noise(rng, tile.size, 36, octaves=2, persistence=1)
    patches = drawing.value_noise(rng, tile.size, 3, octaves=3)
    rough = rng.uniform(0.5, 1.2)
    light = 1 + rough * (0.11 * crowns + 0.05 * tile.scale * drawing.relief(crowns)) + 0.05 * patches
    if rng.random() < 0.22:
        ridges = np.abs(drawing.value_noise(rng, tile.size, 3, octaves=3, persistence=0.5))
        light += rng.uniform(0.5, 1.8) * drawing.relief(ridges) * tile.scale
    tile.pixels[:] = np.clip(light, 0.45, 1.7)[..., None] * colour
    tile.pixels[..., 0] += 0.012 * patches
    if rng.random() < 0.3:
        # Untagged openings, as the real tiles have them: not every pale spot is a field.
        opening = _patch(tile, rng, rng.uniform(0.04, 0.14), cells=7, rough=0.2)
        drawing.blend(tile.pixels, opening * rng.uniform(0.2, 0.8), _mottled(tile, rng, _field_colour(rng), 0.1))


def _field_colour(rng: np.random.Generator) -> np.ndarray:
    colour = FIELD_COLOURS[rng.integers(len(FIELD_COLOURS))] * rng.uniform(0.7, 1.1)
    return colour + rng.uniform(0.15, 0.5) * (colour.mean() - colour)


def _open_land(tile: Tile, rng: np.random.Generator) -> None:
    colour = _field_colour(rng)
    tile.pixels[:] = _mottled(tile, rng, colour, 0.07)


def _mottled(tile: Tile, rng: np.random.Generator, colour: np.ndarray, strength: float) -> np.ndarray:
    coarse = drawing.value_noise(rng, tile.size, 5, octaves=4, persistence=0.6)
    fine = drawing.value_noise(rng, tile.size, 40, octaves=1)
    return np.asarray(colour) * (1 + strength * coarse + 0.4 * strength * fine)[..., None]


def _near(tile: Tile, centre: np.ndarray, reach: float) -> np.ndarray:
    y, x = np.mgrid[0 : tile.size, 0 : tile.size].astype(np.float32) / tile.size
    return np.exp(-((x - centre[0]) ** 2 + (y - centre[1]) ** 2) / (2 * reach**2))


def _patch(tile: Tile, rng: np.random.Generator, reach: float, cells: float = 5, rough: float = 0.12) -> np.ndarray:
    """Return the mask of one clearing with a ragged border somewhere in the tile."""
    closeness = _near(tile, rng.uniform(0.15, 0.85, 2), reach)
    return drawing.soft_step(closeness - 0.6 + rough * drawing.value_noise(rng, tile.size, cells), 0.1)


def _agriculture(tile: Tile, rng: np.random.Generator) -> None:
    whole = "primary" not in tile.tags
    if rng.random() < 0.35 and not whole:
        _pasture(tile, rng)
        return
    plots = drawing.patchwork(rng, tile.size, rng.uniform(0.22, 0.6), rng.uniform(0.002, 0.012))
    extent = drawing.value_noise(rng, tile.size, 1.5, octaves=1) + rng.uniform(-0.7, 0.6)
    for plot in np.unique(plots):
        inside = plots == plot
        if whole or extent[inside].mean() > 0:
            colour = _field_colour(rng)
            mask = drawing.softened(inside.astype(np.float32), 0.5)
            drawing.blend(tile.pixels, mask * rng.uniform(0.4, 1), colour)
    tile.pixels *= _mottled(tile, rng, np.ones(3), 0.05)
    trees = drawing.soft_step(drawing.value_noise(rng, tile.size, 26, octaves=2) - 2.0, 0.6)
    drawing.blend(tile.pixels, trees * rng.uniform(0, 0.9), (0.17, 0.22, 0.17))


def _pasture(tile: Tile, rng: np.random.Generator) -> None:
    heights = drawing.value_noise(rng, tile.size, rng.uniform(1.2, 3), octaves=5)
    mask = drawing.soft_step(heights - rng.uniform(-0.5, 0.7), 0.25)
    trees = drawing.soft_step(drawing.value_noise(rng, tile.size, 22, octaves=2) - 1.7, 0.5)
    colour = _field_colour(rng)
    drawing.blend(tile.pixels, mask * (1 - trees) * rng.uniform(0.4, 0.95), _mottled(tile, rng, colour, 0.08))


def _cultivation(tile: Tile, rng: np.random.Generator) -> None:
    for _ in range(rng.integers(1, 4)):
        mask = _patch(tile, rng, rng.uniform(0.07, 0.17), cells=8, rough=0.15)
        colour = _field_colour(rng)
        strips = drawing.value_noise(rng, tile.size, 14, octaves=3, persistence=0.9)
        texture = _mottled(tile, rng, colour, 0.12) * (1 + 0.13 * np.sign(strips))[..., None]
        drawing.blend(tile.pixels, mask * rng.uniform(0.6, 0.95), texture)


def _bare_ground(tile: Tile, rng: np.random.Generator) -> None:
    mask = _patch(tile, rng, rng.uniform(0.1, 0.28), cells=6, rough=0.2)
    drawing.blend(tile.pixels, mask * 0.93, _mottled(tile, rng, SOIL * rng.uniform(0.85, 1.2), 0.08))


def _slash_burn(tile: Tile, rng: np.random.Generator) -> None:
    plots = drawing.patchwork(rng, tile.size, 0.42, 0.006)
    burnt = (plots == plots[tuple(rng.integers(tile.size // 4, 3 * tile.size // 4, 2))]).astype(np.float32)
    ash = _mottled(tile, rng, np.array([0.21, 0.15, 0.15]) * rng.uniform(0.7, 1.2), 0.22)
    drawing.blend(tile.pixels, drawing.softened(burnt, 0.6) * 0.92, ash)


def _blow_down(tile: Tile, rng: np.random.Generator) -> None:
    mask = _patch(tile, rng, 0.2, cells=9, rough=0.3)
    drawing.blend(tile.pixels, mask * 0.6, _mottled(tile, rng, np.array([0.36, 0.38, 0.27]), 0.25))


def _conventional_mine(tile: Tile, rng: np.random.Generator) -> None:
    heights = drawing.value_noise(rng, tile.size, 3, octaves=3)
    mask = _patch(tile, rng, rng.uniform(0.26, 0.4), cells=4, rough=0.18)
    terraces = 1 + 0.05 * drawing.value_noise(rng, tile.size, 12) + 0.05 * np.sign(np.sin(9 * heights))
    drawing.blend(tile.pixels, mask, np.array([0.54, 0.33, 0.25]) * rng.uniform(0.8, 1.1) * terraces[..., None])
    drawing.blend(tile.pixels, mask * drawing.soft_step(heights - 1.2, 0.2), (0.28, 0.42, 0.40))


def _water(tile: Tile, rng: np.random.Generator) -> None:
    colour = WATER_COLOURS[rng.integers(len(WATER_COLOURS))] * rng.uniform(0.8, 1.2)
    kind = rng.random()
    if "primary" not in tile.tags and "agriculture" not in tile.tags:
        mask = drawing.soft_step(1.6 + drawing.value_noise(rng, tile.size, 1.5, octaves=4), 0.15)
    elif kind < 0.62:
        path = drawing.crossing_path(rng, bend=rng.uniform(0.05, 0.16), corners=60)
        mask = drawing.stroke(path, tile.size, tile.scale * rng.choice([2.2, 4, 8, 16, 32]) * rng.uniform(0.8, 1.3))
        mask = drawing.soft_step(mask - 0.5 + 0.1 * drawing.value_noise(rng, tile.size, 12), 0.8)
    else:
        heights = drawing.value_noise(rng, tile.size, rng.uniform(1, 2.5), octaves=4, persistence=0.4)
        mask = drawing.soft_step(heights - np.quantile(heights, rng.uniform(0.45, 0.9)), 0.12)
    if rng.random() < 0.45:
        reach = max(1, round(2 * tile.scale))
        shore = np.maximum(drawing.shifted(mask, reach, reach), drawing.shifted(mask, -reach, -reach))
        drawing.blend(tile.pixels, shore * rng.uniform(0.4, 0.9), SOIL * 1.1)
    drawing.blend(tile.pixels, mask, _mottled(tile, rng, colour, 0.02))


def _artisinal_mine(tile: Tile, rng: np.random.Generator) -> None:
    path = drawing.crossing_path(rng, bend=0.12, corners=60)
    banks = drawing.stroke(path, tile.size, 15 * tile.scale)
    holes = drawing.value_noise(rng, tile.size, 9, octaves=4, persistence=0.7)
    mask = np.minimum(drawing.soft_step(0.7 * banks - 0.5 + 0.4 * holes, 0.5), drawing.softened(banks, 0.8))
    drawing.blend(tile.pixels, mask, _mottled(tile, rng, np.array([0.72, 0.63, 0.50]), 0.08))
    drawing.blend(tile.pixels, mask * drawing.soft_step(holes - 0.7, 0.3), (0.35, 0.42, 0.33))


def _selective_logging(tile: Tile, rng: np.random.Generator) -> None:
    for _ in range(rng.integers(4, 9)):
        corners = rng.uniform(0.1, 0.9, 2) + np.cumsum(rng.normal(0, 0.045, (6, 2)), axis=0)
        mask = drawing.stroke(corners, tile.size, 0.9 * tile.scale)
        drawing.blend(tile.pixels, mask * rng.uniform(0.5, 0.85), SOIL * 0.95)
        clearing = drawing.specks(corners[-1:], tile.size, np.array([2.5 * tile.scale]), np.array([0.8]))
        drawing.blend(tile.pixels, clearing, SOIL * 0.9)


def _blooming(tile: Tile, rng: np.random.Generator) -> None:
    count = rng.integers(25, 80)
    sides = rng.uniform(1.2, 2.6, count) * tile.scale
    mask = drawing.specks(rng.random((count, 2)), tile.size, sides, rng.uniform(0.3, 0.9, count))
    colours = np.array([[0.70, 0.66, 0.38], [0.72, 0.70, 0.64], [0.62, 0.48, 0.50]])
    drawing.blend(tile.pixels, mask, colours[rng.integers(3)])


def _road(tile: Tile, rng: np.random.Generator) -> None:
    colour = SOIL * rng.uniform(0.85, 1.25) * [1, rng.uniform(0.85, 1.05), rng.uniform(0.85, 1.1)]
    for _ in range(rng.choice([1, 1, 1, 2, 3])):
        corners = int(rng.choice([0, 1, 2, 3, 40]))
        path = drawing.crossing_path(rng, bend=rng.uniform(0.02, 0.08), corners=corners)
        mask = drawing.stroke(path, tile.size, rng.uniform(0.5, 1.7) * tile.scale)
        drawing.blend(tile.pixels, mask * rng.uniform(0.25, 0.9), colour)
        tile.roads.append(path)


def _habitation(tile: Tile, rng: np.random.Generator) -> None:
    if tile.roads:
        path = tile.roads[0]
        share = np.linspace(0, 1, 200)
        points = np.stack([np.interp(share, np.linspace(0, 1, len(path)), path[:, axis]) for axis in (0, 1)], axis=1)
        seen = points[((points > 0.12) & (points < 0.88)).all(axis=1)]
        centre = seen[rng.integers(len(seen))] if len(seen) else rng.uniform(0.2, 0.8, 2)
    else:
        centre = rng.uniform(0.2, 0.8, 2)
    reach = rng.uniform(0.05, 0.16)
    yards = drawing.soft_step(_near(tile, centre, reach) - 0.45 + 0.2 * drawing.value_noise(rng, tile.size, 12), 0.5)
    drawing.blend(tile.pixels, 0.7 * yards * _near(tile, centre, 2 * reach), _mottled(tile, rng, SOIL * 0.85, 0.15))
    count = rng.integers(10, 60)
    angle = rng.uniform(0, np.pi)
    rows = np.round(rng.normal(0, 1, (count, 2)) * 4) / 4 + rng.normal(0, 0.05, (count, 2))
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    houses = drawing.specks(
        centre + reach * rows @ turn, tile.size, rng.uniform(0.8, 2.4, count) * tile.scale, rng.uniform(0.4, 1, count)
    )
    drawing.blend(tile.pixels, houses, (0.80, 0.76, 0.72))


def _partly_cloudy(tile: Tile, rng: np.random.Generator) -> None:
    heights = drawing.value_noise(rng, tile.size, rng.uniform(1.5, 4), octaves=6, persistence=0.55)
    cover = drawing.soft_step(heights - np.quantile(heights, 1 - rng.uniform(0.02, 0.45)), rng.uniform(1.2, 3.5))
    down, right = (int(rng.integers(6, 22) * tile.scale) for _ in range(2))
    tile.pixels *= 1 - rng.uniform(0, 0.55) * drawing.shifted(cover, down, -right)[..., None]
    _clouds(tile, rng, cover**1.5 * rng.uniform(0.2, 1))


def _cloudy(tile: Tile, rng: np.random.Generator) -> None:
    heights = drawing.value_noise(rng, tile.size, rng.uniform(1, 4), octaves=6, persistence=0.5)
    cover = drawing.soft_step(heights + rng.uniform(0.6, 2.5), rng.uniform(2, 4))
    drawing.blend(tile.pixels, np.full_like(cover, rng.uniform(0.5, 0.8)), np.full(3, rng.uniform(0.42, 0.62)))
    _clouds(tile, rng, cover * rng.uniform(0.6, 1))


def _clouds(tile: Tile, rng: np.random.Generator, cover: np.ndarray) -> None:
    folds = drawing.value_noise(rng, tile.size, 5, octaves=5, persistence=0.65)
    white = rng.uniform(0.62, 0.95) * (1 + 0.06 * folds + 0.06 * np.clip(drawing.relief(folds) * tile.scale, -2, 2))
    drawing.blend(tile.pixels, cover, white[..., None] * np.array([1.0, 1.0, 0.97]))


def _haze(tile: Tile, rng: np.random.Generator) -> None:
    veil = rng.uniform(0.3, 0.7) + 0.07 * drawing.value_noise(rng, tile.size, 1.5, octaves=3)
    grey = rng.uniform(0.36, 0.58) * np.array([1.0, 1.05, 1.0])
    drawing.blend(tile.pixels, np.clip(veil, 0.25, 0.85), grey)


def _photographed(pixels: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return bytes as a satellite's camera would: a little air, soft, tinted, more or less exposed, grainy."""
    air = rng.uniform(0, 0.2) if rng.random() < 0.6 else rng.uniform(0.1, 0.45)
    pixels = (1 - air) * pixels + air * np.array([0.42, 0.48, 0.47])
    pixels = drawing.softened(pixels, rng.uniform(0.15, 0.55)) * rng.uniform(0.85, 1.15)
    pixels = pixels * rng.normal(1, 0.025, 3) + rng.normal(0, 0.007, pixels.shape)
    return np.round(np.clip(pixels, 0, 1) * 255).astype(np.uint8)


_PAINTERS: dict[str, Callable[[Tile, np.random.Generator], None]] = {
    "agriculture": _agriculture,
    "cultivation": _cultivation,
    "bare_ground": _bare_ground,
    "slash_burn": _slash_burn,
    "blow_down": _blow_down,
    "conventional_mine": _conventional_mine,
    "water": _water,
    "artisinal_mine": _artisinal_mine,
    "selective_logging": _selective_logging,
    "blooming": _blooming,
    "road": _road,
    "habitation": _habitation,
    "partly_cloudy": _partly_cloudy,
    "haze": _haze,
    "cloudy": _cloudy,
}
