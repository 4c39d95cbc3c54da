"""Odd pictures and labels, for `odd_uses`."""

from __future__ import annotations

import pathlib
from collections.abc import Sequence

import numpy as np
import pandas as pd
from odd_uses import Use, refused, right
from PIL import Image

import kerasfast as kf

TRANSFORMS = kf.Transforms(32)


def draw(file: pathlib.Path, seed: int = 0, size: tuple[int, int] = (24, 30), mode: str = "RGB") -> None:
    """Write a small picture."""
    file.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(seed).integers(0, 255, (*size, 3), dtype=np.uint8)
    Image.fromarray(pixels).convert(mode).save(file)


def class_folders(
    root: pathlib.Path, splits: Sequence[str] = ("train", "valid"), classes: Sequence[str] = ("cats", "dogs"),
    count: int = 4, ending: str = ".png", **picture,
) -> pathlib.Path:  # fmt: skip
    """Draw pictures in a folder per split and class."""
    for split in splits:
        for name in classes:
            for index in range(count):
                draw(root / split / name / f"{split}{name}{index}{ending}", index, **picture)
    return root


def pictures(folder: pathlib.Path) -> list[Use]:
    """Return the uses."""
    return [*_folders(folder), *_tables(folder / "table"), *_arrays()]


def _folders(folder: pathlib.Path) -> list[Use]:
    def of(root: pathlib.Path, **arguments) -> kf.ImageData:
        return kf.ImageData.from_folders(root, **{"transforms": TRANSFORMS, "batch_size": 4} | arguments)

    good = class_folders(folder / "good")
    train = class_folders(folder / "train only", ("train",))
    empty = class_folders(folder / "empty valid", ("train",))
    (empty / "valid" / "cats").mkdir(parents=True)
    loose = class_folders(folder / "loose", ("train", "valid"))
    draw(loose / "train" / "stray.png")
    fewer = class_folders(class_folders(folder / "fewer", ("train",)), ("valid",), ("cats",))
    nested = folder / "nested"
    class_folders(nested / "inner")
    flat = folder / "flat"
    [draw(flat / f"cat.{index}.png", index) for index in range(4)]
    mixed = class_folders(folder / "mixed case", classes=("Cats", "cats"))
    texts = class_folders(folder / "texts")
    (texts / "train" / "cats" / "notes.txt").write_text("no picture")
    renamed = class_folders(folder / "renamed")
    (renamed / "train" / "cats" / "page.png").write_text("<html>not found</html>")
    return [
        refused("a root that is no folder", lambda: of(good / "train" / "cats" / "traincats0.png"), "traincats0.png"),
        refused("a root one level too high", lambda: of(nested), "train", "inner"),
        refused("a root one level too low", lambda: of(good / "train"), "train", "cats"),
        refused("one class", lambda: of(class_folders(folder / "one", classes=("only",))), "only"),
        refused("pictures without class folders", lambda: of(flat, train=".", valid=None), "class"),
        refused("no validation folder", lambda: of(train), "valid", "valid=None"),
        refused("an empty validation folder", lambda: of(empty), "valid"),
        refused("stray pictures", lambda: of(loose), "stray.png"),
        right("fewer classes in validation", lambda: of(fewer), lambda d: len(d.classes) == 2),
        refused("nothing for validation", lambda: of(train, valid=None, valid_fraction=0.0), "valid_fraction"),
        refused("one picture a class", lambda: of(class_folders(folder / "single", ("train",), count=1), valid=None),
                "validation set empty"),
        refused("training set as validation set", lambda: of(good, valid="train"), "train"),
        refused("folders as a list", lambda: of(good, train=["train"]), "train"),
        refused("a folder outside", lambda: of(good, train="../flat"), ".."),
        right("classes that differ in case", lambda: of(mixed), lambda d: len(d.classes) == 2, "'Cats' and 'cats'"),
        refused("a text among pictures", lambda: of(renamed), "page.png"),
        refused("notes among pictures", lambda: of(texts), "notes.txt"),
        refused("transforms as a number", lambda: of(good, transforms=32), "transforms", "32"),
        refused("transforms as a list", lambda: of(good, transforms=[TRANSFORMS]), "transforms"),
        refused("the class of transforms", lambda: of(good, transforms=kf.Transforms), "transforms"),
        refused("three sizes", lambda: kf.Transforms((32, 48, 3)), "size"),
        right("numbers as classes", lambda: of(class_folders(folder / "numbers", classes=("10", "9"))),
              lambda d: sorted(d.classes) == ["10", "9"]),
        right("strange names", lambda: of(class_folders(folder / "ünï 文", classes=("ä b", "ß"))),
              lambda d: len(d.classes) == 2),
        right("endings in capitals", lambda: of(class_folders(folder / "capitals", ending=".PNG")),
              lambda d: len(d.train) == 8),
        right("a class called id", lambda: of(class_folders(folder / "id", classes=("id", "dogs"))),
              lambda d: "id" in d.classes),
        right("pictures of one pixel", lambda: next(iter(of(class_folders(folder / "dots", size=(1, 1))).train.dataset()
              ))[0].shape, lambda shape: tuple(shape) == (4, 32, 32, 3)),
        right("a batch larger than the data", lambda: of(good, batch_size=999),
              lambda d: len(list(d.train.dataset())) == 1),
        refused("a picture of no kind", lambda: kf.open_image(folder), str(folder)),
        refused("an address", lambda: kf.open_image("https://example.org/a.jpg"), "https:"),
        refused("a picture as a model", lambda: kf.ImagePredictor.load(good / "train/cats/traincats0.png"),
                "traincats0.png"),
    ]  # fmt: skip


def _tables(root: pathlib.Path) -> list[Use]:
    for index in range(12):
        draw(root / "pics" / f"{index}.png", index)
    table = pd.DataFrame({"file": [str(index) for index in range(12)], "label": ["cat", "dog"] * 6})
    table.to_csv(root / "labels.csv", index=False)

    def of(**columns) -> kf.ImageData:
        return like(table.assign(**columns))

    def like(frame, **arguments) -> kf.ImageData:
        options = {"folder": "pics", "suffix": ".png", "transforms": TRANSFORMS, "batch_size": 4}
        return kf.ImageData.from_dataframe(root, frame, **options | arguments)

    def from_csv(csv, **arguments) -> kf.ImageData:
        return kf.ImageData.from_csv(root, csv, **{"folder": "pics", "suffix": ".png"} | arguments)

    return [
        refused("all one class", lambda: of(label="cat"), "cat"),
        refused("missing labels", lambda: of(label=[None, *["a", "b"] * 5, "a"]), "0"),
        refused("labels of blanks", lambda: of(label=["  ", *["a", "b"] * 5, "a"]), "0"),
        refused("a class for each picture", lambda: of(label=[f"c{index}" for index in range(12)]), "class"),
        refused("names twice", lambda: of(file="3"), "3"),
        refused("names of nothing", lambda: of(file=[None, *"123456789", "10", "11"]), "name"),
        refused("names of no pictures", lambda: of(file=[f"x{index}" for index in range(12)]), "x0"),
        right("names as whole numbers", lambda: of(file=range(12)), lambda d: len(d.train) + len(d.valid) == 12),
        refused("names as fractions", lambda: of(file=np.arange(12.0)), "0.0"),
        right("paths as names", lambda: of(file=[pathlib.Path(str(index)) for index in range(12)]),
              lambda d: len(d.classes) == 2),
        right("labels as truth values", lambda: of(label=[True, False] * 6).classes,
              lambda classes: sorted(classes) == ["False", "True"]),
        right("labels as categories", lambda: of(label=pd.Categorical(["a", "b"] * 6, ["c", "b", "a"])).classes,
              lambda classes: sorted(classes) == ["a", "b"]),
        right("labels with blanks around", lambda: of(label=["a ", " b"] * 6).classes,
              lambda classes: sorted(classes) == ["a", "b"]),
        refused("labels with gaps", lambda: of(label=pd.array([1, None] * 6, "Int64")), "1"),
        refused("numbers that are none", lambda: like(table.assign(label=["1,5", "2"] * 6), target_kind="regression"),
                "1,5"),
        refused("infinite numbers", lambda: like(table.assign(label=np.inf), target_kind="regression"), "inf"),
        refused("numbers beyond float32", lambda: like(table.assign(label=[1e300, 1.0] * 6), target_kind="regression"),
                "label"),
        right("a constant number", lambda: like(table.assign(label=3.5), target_kind="regression"),
              lambda d: len(d.train) == 10, "nothing to learn"),
        refused("a label column that is not there", lambda: like(table, label_columns="class"), "class", "label"),
        refused("the name column as label", lambda: like(table, label_columns="file"), "file"),
        refused("a frame without rows", lambda: like(table[:0]), "row"),
        refused("a frame of one column", lambda: like(table[["file"]]), "column"),
        refused("a dictionary", lambda: like(table.to_dict("list")), "frame", "dict"),
        refused("a path for a frame", lambda: like(root / "labels.csv"), "frame", "from_csv"),
        refused("a frame for a path", lambda: from_csv(table), "csv"),
        refused("a picture for a table", lambda: from_csv(root / "pics" / "0.png"), "0.png"),
        refused("a folder for a table", lambda: from_csv(root / "pics"), "pics"),
        refused("another separator", lambda: _written(root, "a;b\n0;cat\n1;dog\n", from_csv), "commas"),
        refused("a table without a first line of names", lambda: from_csv("labels.csv", header=False), "file"),
        refused("endings twice", lambda: like(table.assign(file=table["file"] + ".png")), ".png"),
        refused("validation rows as texts", lambda: like(table, valid_indices=["1"]), "valid_indices"),
        refused("a mask of another length", lambda: like(table, valid_indices=np.ones(5, bool)), "5", "12"),
        refused("groups that are no column", lambda: like(table, groups="patient"), "patient"),
        refused("all pictures in one group", lambda: like(table.assign(patient="x"), groups="patient"), "groups"),
        right("another index", lambda: like(table.set_axis([7] * 12)).classes, lambda classes: len(classes) == 2),
    ]  # fmt: skip


def _written(root: pathlib.Path, text: str, read) -> kf.ImageData:
    (root / "semi.csv").write_text(text)
    return read("semi.csv")


def _arrays() -> list[Use]:
    pixels = np.random.default_rng(0).integers(0, 255, (16, 24, 24, 3), dtype=np.uint8)
    half = np.arange(16) % 2

    def of(images=pixels, targets=half, valid=None, **arguments) -> kf.ImageData:
        options = {"transforms": TRANSFORMS, "batch_size": 4}
        return kf.ImageData.from_arrays((images, targets), valid, **options | arguments)

    def batch(data: kf.ImageData) -> np.ndarray:
        return np.asarray(next(iter(data.valid.dataset()))[0])

    def same_as_bytes(found: np.ndarray) -> bool:
        return np.abs(found.astype(int) - batch(of()).astype(int)).max() <= 1

    return [
        right("floats from 0 to 1", lambda: batch(of(pixels / 255)), same_as_bytes),
        refused("floats from 0 to 255", lambda: of(pixels.astype("f4")), "0 to 1"),
        refused("floats around 0", lambda: of(pixels / 127.5 - 1), "0 to 1"),
        refused("missing pixels", lambda: of(np.full((16, 24, 24, 3), np.nan)), "0 to 1"),
        refused("whole numbers of 64 bits beyond 255", lambda: of(pixels.astype(int) * 9), "uint8"),
        refused("negative pixels", lambda: of(pixels.astype("i2") - 9), "uint8"),
        refused("16 bits", lambda: of(pixels.astype("u2") * 257), "uint8"),
        refused("complex pixels", lambda: of(pixels * 1j), "uint8"),
        refused("pixels as texts", lambda: of(pixels.astype(str)), "uint8"),
        refused("channels first", lambda: of(pixels.transpose(0, 3, 1, 2)), "height, width"),
        right("grey pictures", lambda: batch(of(pixels[..., 0])), lambda found: found.shape == (3, 32, 32, 3)),
        refused("one picture", lambda: of(pixels[0], half[:1]), "one picture"),
        refused("flat pictures", lambda: of(pixels.reshape(16, -1)), "shape"),
        refused("no pictures", lambda: of(pixels[:0], half[:0]), "received (0,"),
        refused("pictures of several sizes", lambda: of([pixels[0], pixels[1][:9]] * 8), "shape"),
        refused("fewer labels than pictures", lambda: of(targets=half[:9]), "16", "9"),
        refused("labels that are missing", lambda: of(targets=np.full(16, np.nan)), "targets"),
        refused("labels as fractions", lambda: of(targets=half + 0.5), "regression"),
        refused("negative labels", lambda: of(targets=half - 1), "-1"),
        refused("labels as texts", lambda: of(targets=np.where(half, "dog", "cat")), "np.unique"),
        refused("labels as dictionaries", lambda: of(targets=[{}] * 16), "targets"),
        refused("all one label", lambda: of(targets=np.zeros(16, int)), "class"),
        right("labels with a gap", lambda: of(targets=half * 6), lambda d: len(d.classes) == 7, "have no picture"),
        refused("labels as truth values", lambda: of(targets=half == 1), "np.unique"),
        right("one-hot labels", lambda: of(targets=np.eye(2)[half]).target_kind, lambda kind: kind == "multi"),
        refused("tags of 0, 1 and 2", lambda: of(targets=np.arange(32).reshape(16, 2) % 3), "zeros and ones"),
        refused("more labels in validation", lambda: of(valid=(pixels, half + 1)), "2"),
        refused("another kind of label in validation", lambda: of(valid=(pixels, np.eye(2)[half])), "valid"),
        refused("other channels in validation", lambda: of(valid=(pixels[..., :1].repeat(5, -1), half)), "channels"),
        refused("a pair in a list of three", lambda: of(valid=(pixels, half, half)), "pair"),
        refused("pictures alone", lambda: kf.ImageData.from_arrays(pixels), "pair"),
        refused("targets beyond float32", lambda: of(targets=half * 1e300, target_kind="regression"), "targets"),
        refused("names for one class", lambda: of(classes=["cat"]), "classes"),
        refused("the same name twice", lambda: of(classes=["cat", "cat"]), "cat"),
        refused("groups of another length", lambda: of(groups=["a"] * 5), "groups", "16"),
    ]  # fmt: skip
