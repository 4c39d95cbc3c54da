"""The examples in docstrings do what they say."""

import doctest
import importlib
import pathlib

import keras
import numpy as np
import pandas as pd
import pytest
import tensorflow as tf

import kerasfast as kf

PACKAGE = pathlib.Path(kf.__file__).parent
EXAMPLES = sorted(
    ".".join(("kerasfast", *file.relative_to(PACKAGE).with_suffix("").parts)).removesuffix(".__init__")
    for file in PACKAGE.rglob("*.py")
    if ">>> " in file.read_text("utf-8")
)


@pytest.mark.slow
@pytest.mark.parametrize("name", EXAMPLES)
def test_examples_of(name, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    module = importlib.import_module(name)
    names = {"np": np, "pd": pd, "tf": tf, "keras": keras, "kf": kf, **vars(module)}
    # `from kerasfast.fastai.imports import *`, as the course, prints NumPy's numbers in its own way from then on.
    with pd.option_context("display.width", 120), np.printoptions(precision=8, legacy=False):
        result = doctest.testmod(module, globs=names, optionflags=doctest.NORMALIZE_WHITESPACE)
    assert result.failed == 0, "see the examples printed above"


def test_pure_modules_have_examples():
    assert {"schedules", "dates", "elapsed", "joins"} <= {name.rsplit(".", 1)[-1] for name in EXAMPLES}
