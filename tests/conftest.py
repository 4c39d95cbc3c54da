"""Fixtures shared by all tests: the real data (where it lies) and a fixed seed."""

import os
import pathlib
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor

import numpy as np
import pytest

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
os.environ.setdefault("MPLBACKEND", "Agg")
os.environ.setdefault("NVIDIA_TF32_OVERRIDE", "0")  # its ten bits of mantissa are fewer than tests compare


for _variable, _name in (("KERASFAST_DATA", "data"), ("KERASFAST_WEIGHTS", "weights")):
    os.environ.setdefault(_variable, str(pathlib.Path(__file__).resolve().parents[2] / "shared" / _name))
PROGRAMS = pytest.StashKey[dict[Callable, Future]]()


def _required(variable: str) -> pathlib.Path:
    folder = pathlib.Path(os.environ[variable])
    if not folder.is_dir():
        pytest.skip(f"real data not found: set {variable} to its folder")
    return folder


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what reads real data as slow."""
    for item in items:
        if {"data_dir", "weights_dir"} & set(getattr(item, "fixturenames", ())):
            item.add_marker("slow")


def pytest_collection_finish(session: pytest.Session) -> None:
    """Start what tests marked `beside` wait for, one after another, beside the tests that come first."""
    marks = [mark for item in session.items if (mark := item.get_closest_marker("beside"))]
    if session.config.option.collectonly or not marks:
        return
    one = ThreadPoolExecutor(1)
    session.config.stash[PROGRAMS] = {
        run: one.submit(run) for run in dict.fromkeys(mark.kwargs["run"] for mark in marks)
    }
    one.shutdown(wait=False)


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Start nothing more that no test will wait for."""
    for program in session.config.stash.get(PROGRAMS, {}).values():
        program.cancel()


@pytest.fixture
def beside(request: pytest.FixtureRequest) -> object:
    """What the function named by the mark `beside` returned; it ran beside the tests before this one."""
    return request.config.stash[PROGRAMS][request.node.get_closest_marker("beside").kwargs["run"]].result()


@pytest.fixture(scope="session")
def data_dir() -> pathlib.Path:
    """The folder with `dogscats/`, `planet/` and `rossmann/`; the test is skipped without it."""
    return _required("KERASFAST_DATA")


@pytest.fixture(scope="session")
def weights_dir() -> pathlib.Path:
    """The folder with ImageNet weights files; the test is skipped without it."""
    return _required("KERASFAST_WEIGHTS")


@pytest.fixture
def rng() -> np.random.Generator:
    """A seeded NumPy generator."""
    return np.random.default_rng(0)


@pytest.fixture(scope="session")
def tiny_network() -> Callable:
    """The function that makes a network that sees colours at once, so that a handful of pictures is enough."""
    import keras

    def make() -> keras.Model:
        keras.utils.set_random_seed(0)
        pixels = keras.Input((None, None, 3))
        x = keras.layers.Rescaling(1 / 127.5, -1)(pixels)
        for index, filters in enumerate((8, 16)):
            x = keras.layers.Conv2D(filters, 3, strides=4, padding="same", use_bias=False, name=f"stage{index}_conv")(x)
            x = keras.layers.BatchNormalization(name=f"stage{index}_norm")(x)
            x = keras.layers.ReLU(name=f"stage{index}_relu")(x)
        return keras.Model(pixels, x, name="tiny")

    return make
