"""Small stand-in data for the course's notebooks: parts of KERASFAST_DATA, and drawn pictures, ratings and digits."""

import os
import pathlib
import shutil
from collections.abc import Callable

import numpy as np
import pandas as pd
from PIL import Image

CIFAR = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")


def make(work: pathlib.Path, text: str) -> None:
    """Make in `work` what a notebook reads: the folders of `data/` that its text names."""
    for name, function in FOLDERS.items():
        if f"data/{name}" in text:
            function(work / "data" / name)


def source(name: str) -> pathlib.Path:
    """Return a folder of the real data."""
    return pathlib.Path(os.environ["KERASFAST_DATA"]) / name


def dogscats(folder: pathlib.Path) -> None:
    """Make the folder of lesson 1: 40 pictures of each kind, 12 for validation, 6 to predict."""
    for part, count in (("train/cats", 40), ("train/dogs", 40), ("valid/cats", 12), ("valid/dogs", 12), ("test", 6)):
        copy_first(source("dogscats") / part, folder / part, count)
    (folder / "models").mkdir()


def planet(folder: pathlib.Path) -> None:
    """Make the folder of lesson 2 with 90 pictures; 6 of them are those to predict too."""
    frame = pd.read_csv(source("planet") / "train_v2.csv")
    frame = frame[frame["image_name"].isin([f"train_{i}" for i in (0, 1)]) | (np.arange(len(frame)) < 88)]
    first = list(frame["image_name"])
    for part, names in (("train-jpg", first), ("test-jpg", first[:6])):
        (folder / part).mkdir(parents=True)
        for name in names:
            shutil.copy(source("planet") / "train-jpg" / f"{name}.jpg", folder / part)
    for wanted, name in zip(("train_0", "train_1"), first, strict=False):  # which lesson 2 shows
        if wanted not in first:
            shutil.copy(folder / "train-jpg" / f"{name}.jpg", folder / "train-jpg" / f"{wanted}.jpg")
    frame.to_csv(folder / "train_v2.csv", index=False)
    (folder / "tmp").mkdir()


def dogbreed(folder: pathlib.Path) -> None:
    """Make the folder of the breeds: 120 pictures of 6 breeds, 6 of them to predict too."""
    frame = pd.read_csv(source("breeds") / "labels.csv")
    frame = frame[frame["breed"].isin(frame["breed"].value_counts().index[:6])]
    for part, names in (("train", frame["id"]), ("test", frame["id"][:6])):
        (folder / part).mkdir(parents=True)
        for name in names:
            shutil.copy(source("breeds") / "train" / f"{name}.jpg", folder / part)
    frame.to_csv(folder / "labels.csv", index=False)


def rossmann(folder: pathlib.Path) -> None:
    """Make the tables of lesson 3, of the first 12 stores."""
    folder.mkdir(parents=True)
    for file in source("rossmann").glob("*.csv"):
        shutil.copy(file, folder)
    train = pd.read_parquet(source("rossmann") / "train.parquet")
    stores = pd.read_csv(folder / "test.csv", low_memory=False)["Store"].unique()[:12]
    train[train["Store"].isin(stores)].to_csv(folder / "train.csv", index=False)
    test = pd.read_csv(folder / "test.csv", low_memory=False)
    test[test["Store"].isin(stores)].to_csv(folder / "test.csv", index=False)
    (folder / "tmp").mkdir()


def cifar10(folder: pathlib.Path) -> None:
    """Draw pictures of 32 x 32 pixels of ten colours: 16 of each class, 4 for validation."""
    draws = np.random.default_rng(0)
    for part, count in (("train", 16), ("test", 4)):
        for number, name in enumerate(CIFAR):
            (folder / part / name).mkdir(parents=True)
            for i in range(count):
                colour = np.array([number * 25, 255 - number * 25, (number % 3) * 100])
                pixels = np.clip(draws.normal(colour, 40, (32, 32, 3)), 0, 255).astype(np.uint8)
                Image.fromarray(pixels).save(folder / part / name / f"{name}-{i}.png")


def movielens(folder: pathlib.Path) -> None:
    """Draw 4000 ratings of 80 films by 60 people from three factors, as `ratings.csv` and `movies.csv`."""
    folder.mkdir(parents=True)
    draws = np.random.default_rng(0)
    people, films = draws.normal(size=(60, 3)), draws.normal(size=(80, 3))
    rows = draws.permutation(60 * 80)[:4000]
    user, film = rows // 80, rows % 80
    scores = 3.5 + 0.5 * (people[user] * films[film]).sum(1) + draws.normal(0, 0.4, len(rows))
    ratings = {"userId": user + 1, "movieId": film * 7 + 1, "rating": np.clip(np.round(scores * 2) / 2, 0.5, 5)}
    pd.DataFrame({**ratings, "timestamp": rows}).to_csv(folder / "ratings.csv", index=False)
    titles = {"movieId": np.arange(80) * 7 + 1, "title": [f"Film {i} (1999)" for i in range(80)]}
    pd.DataFrame({**titles, "genres": "Drama|Comedy"}).to_csv(folder / "movies.csv", index=False)


def copy_first(folder: pathlib.Path, target: pathlib.Path, count: int) -> None:
    """Copy the first files of a folder."""
    target.mkdir(parents=True)
    for file in sorted(folder.iterdir())[:count]:
        shutil.copy(file, target)


FOLDERS: dict[str, Callable[[pathlib.Path], None]] = {
    "dogscats": dogscats, "planet": planet, "dogbreed": dogbreed, "rossmann": rossmann, "cifar10": cifar10,
    "ml-latest-small": movielens,
}  # fmt: skip
