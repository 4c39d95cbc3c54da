"""Write a small drawn data set in the layout of the Planet competition, for a demonstration without a network."""

from __future__ import annotations

import csv
import json
import os
import pathlib
from collections.abc import Iterable

import numpy as np
from PIL import Image

from kerasfast.basics.arguments import whole
from kerasfast.basics.bars import progress_bar
from kerasfast.basics.files import atomic_folder
from kerasfast.demo.scenery import draw_tile

# Raise when the same arguments draw other pictures than before, so that old folders are not taken for new ones.
DRAWING_VERSION = 1
MARKER = "planet_like.json"
# A tag per cent of the tiles, as regularly as this, so that each occurs in small sets too.
RARE = (
    "bare_ground",
    "blooming",
    "selective_logging",
    "artisinal_mine",
    "slash_burn",
    "conventional_mine",
    "blow_down",
)
_RARE_EVERY = 100
_USUALLY_WITH = {
    "slash_burn": ("agriculture", 0.6),
    "artisinal_mine": ("water", 0.85),
    "conventional_mine": ("road", 0.8),
    "selective_logging": ("road", 0.6),
    "bare_ground": ("road", 0.4),
}
_SPLITS = ("train", "test")
_TAG_STREAM = 1000


def draw_planet_like(
    folder: str | os.PathLike[str],
    *,
    n_train: int = 800,
    n_test: int = 200,
    size: int = 128,
    seed: int = 42,
    progress: bool = True,
) -> pathlib.Path:
    """Write drawn aerial tiles with Planet's tags, and return the folder.

    The folder gets `train_v2.csv` (`image_name,tags`), `train-jpg/`, `test-jpg/` and `sample_submission_v2.csv`. A tile
    depends on the seed, its split, its number and the size alone: a larger set begins with the smaller one. A folder
    that already holds exactly this set is left as it is. Each rare tag occurs once in every 100 tiles.

    Args:
        folder: Where to write; must be absent, empty, or hold this very set.
        n_train: Training tiles.
        n_test: Test tiles.
        size: Pixels a side.
        seed: Decides all pictures and tags; 0 or above.
        progress: Whether to show a progress bar.

    Raises:
        FileExistsError: When the folder holds something else, or a set drawn with other arguments.
        ValueError: For a count, size or seed that cannot be drawn.
    """
    folder = pathlib.Path(folder)
    settings = {"version": DRAWING_VERSION, "seed": seed, "n_train": n_train, "n_test": n_test, "size": size}
    _check_settings(settings)
    if _is_drawn(folder, settings):
        return folder
    folder.parent.mkdir(parents=True, exist_ok=True)
    with atomic_folder(folder) as unfinished:
        _write(unfinished, settings, progress)
        if folder.exists():
            folder.rmdir()
    return folder


def tile_tags(index: int, *, split: str = "train", seed: int = 42) -> frozenset[str]:
    """Return the tags of tile number `index`: exactly one weather, and about as often together as in the Amazon.

    Args:
        index: Number of the tile in its split.
        split: `"train"` or `"test"`.
        seed: The seed of the set.
    """
    rng = np.random.default_rng([seed, _SPLITS.index(split), index, _TAG_STREAM])
    rare = _rare_tag(index, split, seed)
    weather = str(rng.choice(["clear", "partly_cloudy", "haze", "cloudy"], p=[0.695, 0.195, 0.058, 0.052]))
    if weather == "cloudy":
        if rare is None:
            return frozenset({weather})
        weather = "clear"
    land = _land_tags(rng, rare, how_often=0.6 if weather == "haze" else 1.0)
    return frozenset(land | {weather})


def _rare_tag(index: int, split: str, seed: int) -> str | None:
    slots = np.random.default_rng([seed, _SPLITS.index(split), 0, _TAG_STREAM + 1]).permutation(_RARE_EVERY)
    place = int(slots[index % _RARE_EVERY])
    return RARE[place] if place < len(RARE) else None


def _land_tags(rng: np.random.Generator, rare: str | None, how_often: float) -> set[str]:
    tags = set() if rare is None else {rare}
    # Drawn at once: which chances are used must not shift the ones that follow.
    chances = dict(
        zip(
            ("with", "primary", "agriculture", "road", "habitation", "water", "cultivation"), rng.random(7), strict=True
        )
    )
    if rare in _USUALLY_WITH and chances["with"] < _USUALLY_WITH[rare][1]:
        tags.add(_USUALLY_WITH[rare][0])
    if chances["agriculture"] < 0.34 * how_often:
        tags.add("agriculture")
    farmed = "agriculture" in tags
    if chances["road"] < (0.51 if farmed else 0.065) * how_often:
        tags.add("road")
    if chances["habitation"] < ((0.40 if farmed else 0.22) if "road" in tags else 0.022):
        tags.add("habitation")
    if chances["water"] < (0.24 if farmed else 0.145) * how_often:
        tags.add("water")
    if chances["cultivation"] < (0.29 if farmed else 0.04) * how_often:
        tags.add("cultivation")
    # Without forest a tile is all fields or all water, which are then its tags.
    if rare or chances["primary"] < 0.95 or not tags & {"agriculture", "water"}:
        tags.add("primary")
    return tags


def _check_settings(settings: dict[str, int]) -> None:
    least = {"n_train": 1, "n_test": 0, "size": 32, "seed": 0, "version": 0}
    for name, value in settings.items():
        whole(name, value, least=least[name])


def _is_drawn(folder: pathlib.Path, settings: dict[str, int]) -> bool:
    """Return whether the folder holds this set; raise when it holds anything else."""
    if not folder.exists() or (folder.is_dir() and not any(folder.iterdir())):
        return False
    advice = "pass another folder, or remove this one first"
    if not (folder / MARKER).is_file():
        raise FileExistsError(f"{folder} exists and holds no drawn data set ({MARKER} is missing): {advice}.")
    try:
        found = json.loads((folder / MARKER).read_text(encoding="utf-8"))
    except ValueError as error:
        raise FileExistsError(f"{folder / MARKER} cannot be read ({error}): {advice}.") from error
    if found != settings:
        raise FileExistsError(f"{folder} holds a set drawn with {found}, not the requested {settings}: {advice}.")
    needed = [folder / "train_v2.csv", folder / "sample_submission_v2.csv", *_pictures(folder, settings)]
    missing = [path for path in needed if not path.is_file()]
    if missing:
        raise FileExistsError(f"{folder} lacks {len(missing)} of its files, for example {missing[0].name}: {advice}.")
    return True


def _pictures(folder: pathlib.Path, settings: dict[str, int]) -> Iterable[pathlib.Path]:
    for split in _SPLITS:
        yield from (folder / f"{split}-jpg" / f"{name}.jpg" for name in _names(split, settings))


def _names(split: str, settings: dict[str, int]) -> list[str]:
    return [f"{split}_{index}" for index in range(settings[f"n_{split}"])]


def _write(folder: pathlib.Path, settings: dict[str, int], progress: bool) -> None:
    seed, size = int(settings["seed"]), int(settings["size"])
    with progress_bar(
        total=settings["n_train"] + settings["n_test"], desc="drawing", unit="tile", shown=progress
    ) as bar:
        for number, split in enumerate(_SPLITS):
            (folder / f"{split}-jpg").mkdir()
            for index, name in enumerate(_names(split, settings)):
                pixels = draw_tile(tile_tags(index, split=split, seed=seed), [seed, number, index], size)
                Image.fromarray(pixels).save(folder / f"{split}-jpg" / f"{name}.jpg", quality=92)
                bar.update()
    labels = (" ".join(sorted(tile_tags(index, seed=seed))) for index in range(settings["n_train"]))
    _write_csv(folder / "train_v2.csv", zip(_names("train", settings), labels, strict=True))
    _write_csv(folder / "sample_submission_v2.csv", ((name, "clear primary") for name in _names("test", settings)))
    whole = {name: int(value) for name, value in settings.items()}
    (folder / MARKER).write_text(json.dumps(whole, indent=1), encoding="utf-8")


def _write_csv(path: pathlib.Path, rows: Iterable[tuple[str, str]]) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["image_name", "tags"])
        writer.writerows(rows)
