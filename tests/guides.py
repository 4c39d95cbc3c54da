"""Run the Python of README, guides and porting pages as it is written:  pytest tests/guides.py

What stands on a page runs, in order, in one folder with the names of the page, on a few drawn pictures and rows; the
pretrained network is replaced by a small one, and sizes and steps are few. No part of the suite, as it takes a minute;
`tests/typing` checks the types of the same blocks there.
"""

import functools
import pathlib
import re
from typing import Any

import keras
import numpy as np
import pandas as pd
import pytest
import tensorflow as tf
from PIL import Image

import kerasfast as kf
from kerasfast.tabular import doubling
from kerasfast.vision.fitting import fine_tuning
from kerasfast.vision.pipeline import transforms

ROOT = pathlib.Path(__file__).resolve().parents[1]
PAGES = {
    page.relative_to(ROOT).as_posix(): re.findall(
        r"^```python\n(.*?)^```", page.read_text("utf-8"), flags=re.MULTILINE | re.DOTALL
    )
    for page in [ROOT / "README.md", *sorted(ROOT.glob("docs/guides/*.md")), *sorted(ROOT.glob("docs/porting/*.md"))]
}
SIDE = 40
COLOURS = {"cat": (60, 90, 200), "dog": (200, 120, 40)}
# What `tests/fastai/lessons` run.
NOT_RUN = {"docs/porting/course.md"}
# Several workers are told by TF_CONFIG; the strategy of one process stands for theirs.
INSTEAD = {"tf.distribute.MultiWorkerMirroredStrategy()": "tf.distribute.MirroredStrategy()"}


def test_every_page_has_its_blocks():
    assert sum(map(len, PAGES.values())) > 25 and all(PAGES.values())


@pytest.mark.parametrize("page", sorted(set(PAGES) - NOT_RUN))
def test_the_blocks_run(page, given, monkeypatch, tiny_everywhere):
    for number, code in enumerate(PAGES[page]):
        for written, run in INSTEAD.items():
            code = code.replace(written, run)
        names = given(page, number)
        try:
            exec(compile(code, f"{page}, block {number}", "exec"), names)
        except Exception as error:
            raise AssertionError(f"{page}, block {number}: {error!r}\n{code}") from error


@pytest.fixture
def tiny_everywhere(monkeypatch, network):
    """A network that is named is the small one, pictures are small, and trainings of no given length are short."""
    pretrained = kf.ImageLearner.pretrained.__func__
    for name in ("transforms_side_on", "transforms_top_down"):
        monkeypatch.setattr(kf, name, functools.partial(_small, getattr(transforms, name)))
    monkeypatch.setattr(fine_tuning, "epochs_of", lambda steps: 1)
    monkeypatch.setattr(doubling, "FIRST_STEPS", 4)

    def small(cls, backbone: Any, data: Any, **options: Any) -> kf.ImageLearner:
        return pretrained(cls, network if isinstance(backbone, str) else backbone, data, **options)

    monkeypatch.setattr(kf.ImageLearner, "pretrained", classmethod(small))


@pytest.fixture(scope="module")
def network(tiny_network) -> kf.Backbone:
    return kf.Backbone.from_model(tiny_network(), split="stage1_conv", preprocess="none")


@pytest.fixture(scope="module")
def place(tmp_path_factory) -> pathlib.Path:
    """Folders and tables as the pages name them."""
    root, random = tmp_path_factory.mktemp("reader"), np.random.default_rng(0)
    for split, count in (("train", 12), ("valid", 6)):
        for name, colour in COLOURS.items():
            for index in range(count):
                _draw(root / "dogscats" / split / f"{name}s" / f"{name}.{index}.jpg", colour, random)
    for index in range(3):
        _draw(root / "dogscats" / "test" / f"{index}.jpg", COLOURS["cat"], random)
        _draw(root / "holiday" / f"{index}.jpg", COLOURS["dog"], random)
        _draw(root / "planet" / "test-jpg" / f"test_{index}.jpg", COLOURS["dog"], random)
    tags = ["clear water", "clear", "haze", "haze water"] * 10
    for index, said in enumerate(tags):
        _draw(root / "planet" / "train-jpg" / f"train_{index}.jpg", (200 if "clear" in said else 60,) * 3, random)
    names = [f"train_{index}" for index in range(len(tags))]
    pd.DataFrame({"image_name": names, "tags": tags}).to_csv(root / "planet" / "train_v2.csv", index=False)
    _draw(root / "dogscats" / "valid" / "cats" / "no_cat.jpg", COLOURS["dog"], random)
    (root / "mobilenet.weights.h5").touch()
    _people(random, 240).to_csv(root / "adult.csv", index=False)
    _people(random, 5).drop(columns="income").to_csv(root / "new.csv", index=False)
    return root


@pytest.fixture(scope="module")
def given(place, network, tmp_path_factory):
    """What the reader of a block has before it; the blocks of a page go on with each other's names."""
    keras.utils.set_random_seed(0)
    random, pages = np.random.default_rng(1), {}
    pictures = kf.ImageData.from_folders(place / "dogscats", transforms=kf.Transforms(SIDE), test="test")
    learn = kf.ImageLearner.pretrained(network, pictures)
    learn.fit_head()
    tagged = kf.ImageData.from_csv(
        place / "planet", "train_v2.csv", folder="train-jpg", suffix=".jpg", transforms=kf.Transforms(SIDE)
    )
    of_tags = kf.ImageLearner.pretrained(network, tagged, metrics=[kf.f2()])
    of_tags.fit_head()
    common = {
        "__name__": "__main__", "kf": kf, "keras": keras, "np": np, "pd": pd, "tf": tf,
        "my_functional_model": network.create(), "a_kerashub_backbone": network.create(),
        "learn": learn, "data": pictures, "new": _people(random, 5).drop(columns="income"),
    }  # fmt: skip

    def names(page: str, number: int) -> dict[str, Any]:
        made = pages.setdefault(page, dict(common))
        own = {
            ("README.md", 5): {},
            ("docs/guides/imbalance.md", 0): {"learn": of_tags},
            ("docs/guides/tables.md", 1): _shops(random),
        }
        if page in ("README.md", "docs/guides/plain_keras.md", "docs/guides/speed.md", "docs/porting/others.md"):
            made |= {"model": _deep(), "train": _batches(random), "valid": _batches(random)}
        made |= own.get((page, number), {})
        return made

    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(place)
        yield names


def _small(make: Any, size: Any, **options: Any) -> kf.Transforms:
    return make((32, 48) if isinstance(size, tuple) else SIDE, **options)


def _draw(path: pathlib.Path, colour: tuple[int, int, int], random: np.random.Generator) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.clip(np.array(colour) + random.integers(-40, 40, (SIDE, SIDE, 3)), 0, 255)
    Image.fromarray(pixels.astype("uint8")).save(path)


def _people(random: np.random.Generator, count: int) -> pd.DataFrame:
    age, work = random.integers(18, 80, count), random.choice(["office", "field", "none"], count)
    income = np.where(age + 20 * (work == "office") + random.normal(0, 5, count) > 55, ">50K", "<=50K")
    return pd.DataFrame({"age": age, "hours": random.integers(10, 60, count), "work": work, "income": income})


def _shops(random: np.random.Generator) -> dict[str, pd.DataFrame]:
    days = pd.date_range("2014-06-01", "2014-09-17")
    table = pd.DataFrame({"Store": np.repeat([1, 2], len(days)), "Date": np.tile(days, 2)})
    table["DayOfWeek"] = table["Date"].dt.dayofweek
    table["Promo"], table["StateHoliday"] = random.integers(0, 2, (2, len(table)))
    table["Max_TemperatureC"] = random.normal(20, 5, len(table))
    table["Sales"] = 3000 * table["Store"] * random.lognormal(0, 0.1, len(table))
    stores = pd.DataFrame({"Store": [1, 2], "State": ["HE", "TH"], "CompetitionDistance": [500.0, 90.0]})
    test = table.tail(3).merge(stores, on="Store").drop(columns="Sales")
    return {"train": table, "stores": stores, "test": test}


def _deep() -> keras.Model:
    """A model of 150 layers, most of which do nothing."""
    inputs = x = keras.Input((4,))
    for index in range(150):
        x = keras.layers.Dense(4, "relu")(x) if index in (40, 110) else keras.layers.Identity()(x)
    return keras.Model(inputs, keras.layers.Dense(2, "softmax")(x))


def _batches(random: np.random.Generator) -> tf.data.Dataset:
    rows = random.normal(size=(32, 4)).astype("float32")
    return tf.data.Dataset.from_tensor_slices((rows, (rows[:, 0] > 0).astype("int64"))).batch(16)
