"""Sets of pictures to compare accuracies on: from the folder `KERASFAST_DATA`, from installed packages, and drawn.

A set is laid out anew for each seed, with links to the pictures, in a folder of its own: `train/CLASS/`, `valid/CLASS/`
for one class per picture, or a table of tags beside a folder. The split is the same for every side of a comparison.
"""

from __future__ import annotations

import gzip
import importlib.resources
import pickle
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from accuracy_sets import real_data

Pair = tuple[Path, str]
"""A picture file and its class."""


@dataclass(frozen=True)
class Pictures:
    """A picture task, laid out in a folder.

    Args:
        name: Name of the task.
        root: The folder; learners may write into it.
        kind: "classes" (`train/CLASS/`, `valid/CLASS/`) or "tags" (`tags.csv` with picture names and tags).
        metric: "accuracy", or "f2" at a threshold of 0.2.
        size: Pixels a side that suit the pictures.
        seen_from: "side" or "above".
        suffix: Ending that the names in the table lack.
        folder: Folder of the pictures in the table.
        valid_rows: Rows of the table that are for validation; the table is sorted by name.
    """

    name: str
    root: Path
    kind: str
    metric: str
    size: int = 224
    seen_from: str = "side"
    suffix: str = ""
    folder: str = "train-jpg"
    valid_rows: np.ndarray | None = None


def lay_out(name: str, seed: int, work: Path) -> Pictures:
    """Lay a set out below `work`, unless it is there already.

    Raises:
        KeyError: There is no set of this name.
        FileNotFoundError: Its pictures are not on this machine.
    """
    return PICTURES[name](name, Path(work) / f"{name}-{seed}", np.random.default_rng(seed))


def _class_folders(root: Path, parts: dict[str, Iterable[Pair]]) -> None:
    """Link pictures into `part/class/`."""
    for part, pairs in parts.items():
        for file, label in pairs:
            link = root / part / label / f"{file.parent.name}-{file.name}"
            link.parent.mkdir(parents=True, exist_ok=True)
            if not link.is_symlink():
                link.symlink_to(file.resolve())


def _drawn(pairs: list[Pair], counts: tuple[int, int], random: np.random.Generator) -> dict[str, list[Pair]]:
    """Draw pictures for training and validation; every class has one for training."""
    order = [pairs[i] for i in random.permutation(len(pairs))]
    first = {label: i for i, (_, label) in reversed(list(enumerate(order)))}
    chosen = [order[i] for i in first.values()]
    rest = [pair for i, pair in enumerate(order) if first[pair[1]] != i]
    train, valid = counts
    cut = train - len(chosen)
    return {"train": chosen + rest[:cut], "valid": rest[cut : cut + valid]}


def _dogs_cats(train: int, valid: int) -> Callable[..., Pictures]:
    """Half of the pictures of each kind are dogs, in training and validation."""

    def make(name: str, root: Path, random: np.random.Generator) -> Pictures:
        source = real_data() / "dogscats"
        parts: dict[str, list[Pair]] = {"train": [], "valid": []}
        for label in ("cats", "dogs"):
            files = sorted(file for part in ("train", "valid") for file in (source / part / label).iterdir())
            files = [files[i] for i in random.permutation(len(files))[: (train + valid) // 2]]
            parts["train"] += [(file, label) for file in files[: train // 2]]
            parts["valid"] += [(file, label) for file in files[train // 2 :]]
        _class_folders(root, parts)
        return Pictures(name, root, "classes", "accuracy")

    return make


def _breeds(name: str, root: Path, random: np.random.Generator) -> Pictures:
    source = real_data() / "breeds"
    table = pd.read_csv(source / "labels.csv").sort_values("id")
    pairs = [(source / "train" / f"{row.id}.jpg", row.breed) for row in table.itertuples()]
    _class_folders(root, _drawn(pairs, (800, 200), random))
    return Pictures(name, root, "classes", "accuracy")


def _planet(name: str, root: Path, random: np.random.Generator) -> Pictures:
    source = real_data() / "planet"
    root.mkdir(parents=True, exist_ok=True)
    table = pd.read_csv(source / "train_v2.csv").sort_values("image_name")
    table.to_csv(root / "tags.csv", index=False)
    if not (root / "train-jpg").is_symlink():
        (root / "train-jpg").symlink_to((source / "train-jpg").resolve())
    valid = np.sort(random.permutation(len(table))[:200])
    return Pictures(name, root, "tags", "f2", 128, "above", ".jpg", valid_rows=valid)


def _tiles(name: str, root: Path, random: np.random.Generator) -> Pictures:
    """The tiles that `kerasfast demo` draws."""
    from kerasfast.demo.planet_like import draw_planet_like

    seed = int(random.integers(1000))
    draw_planet_like(root / "drawn", n_train=1000, n_test=1, seed=seed, progress=False)
    table = pd.read_csv(root / "drawn" / "train_v2.csv").sort_values("image_name")
    table.to_csv(root / "tags.csv", index=False)
    valid = np.sort(random.permutation(len(table))[:200])
    return Pictures(name, root, "tags", "f2", 128, "above", ".jpg", "drawn/train-jpg", valid)


def _arrays(train: int, valid: int, load: Callable[[], tuple[np.ndarray, list[str]]]) -> Callable[..., Pictures]:
    """Small grey pictures in arrays, written as files."""

    def make(name: str, root: Path, random: np.random.Generator) -> Pictures:
        from PIL import Image

        images, labels = load()
        pairs = [(Path(f"{i:05}.png"), label) for i, label in enumerate(labels)]
        for part, drawn in _drawn(pairs, (train, valid), random).items():
            for file, label in drawn:
                target = root / part / label / file
                target.parent.mkdir(parents=True, exist_ok=True)
                if not target.exists():
                    Image.fromarray(images[int(file.stem)]).resize((64, 64), Image.Resampling.BICUBIC).save(target)
        return Pictures(name, root, "classes", "accuracy", 128)

    return make


def _digits() -> tuple[np.ndarray, list[str]]:
    from sklearn.datasets import load_digits

    images, labels = load_digits(return_X_y=True)
    return (images * 15).astype(np.uint8).reshape(-1, 8, 8), [str(label) for label in labels]


def _silhouettes() -> tuple[np.ndarray, list[str]]:
    """Ten kinds of animals, from the package `animal-mnist`."""
    folder = importlib.resources.files("animal_mnist.data") / "Animal_MNIST"
    images, labels = (
        pickle.loads(gzip.decompress((folder / f"animal_{part}_version_3.gz").read_bytes()))
        for part in ("data", "label")
    )
    return images, [f"kind{label}" for label in labels]


PICTURES: dict[str, Callable[..., Pictures]] = {
    "dogscats_1600": _dogs_cats(1600, 400),
    "dogscats_200": _dogs_cats(200, 400),
    "dogscats_30": _dogs_cats(30, 200),
    "breeds": _breeds,
    "silhouettes": _arrays(1000, 500, _silhouettes),
    "digit_pictures": _arrays(1000, 500, _digits),
    "planet": _planet,
    "drawn_tiles": _tiles,
}
