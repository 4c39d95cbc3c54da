"""What objects print: a few lines, whatever they hold."""

import keras
import numpy as np
import pandas as pd
import pytest

import kerasfast as kf
from kerasfast.basics.described import Described, some


@pytest.fixture(scope="module")
def objects(tmp_path_factory):
    path = tmp_path_factory.mktemp("described")
    pixels, labels = np.zeros((400, 32, 32, 3), np.uint8), np.arange(400) % 200
    classes = [f"class {number}" for number in range(200)]
    data = kf.ImageData.from_arrays((pixels, labels), (pixels, labels), classes=classes, path=path)
    inputs = keras.Input((None, None, 3))
    body = keras.layers.Conv2D(4, 3)(keras.layers.Conv2D(4, 3)(inputs))
    learn = kf.ImageLearner.pretrained(kf.Backbone.from_model(keras.Model(inputs, body), size=32), data)
    frame = pd.DataFrame({f"column {i}": np.arange(300) % 7 for i in range(60)} | {"y": np.arange(300.0)})
    names = list(frame.columns)
    table = kf.TableData.from_frame(frame, "y", categorical=names[:40], continuous=names[40:60])
    rows = kf.TableLearner.entity_embeddings(table, [8])
    return [data, data.train, learn, learn.predictor(), table, table.encoder, rows, rows.predictor]


def test_everything_prints_in_a_few_lines(objects):
    for one in objects:
        lines = repr(one).splitlines()
        assert 3 <= len(lines) <= 8 and max(map(len, lines)) < 250, repr(one)
        assert lines[0] == type(one).__name__ and type(one).__name__ in one._repr_html_()


def test_what_matters_is_there(objects):
    data, _, learn, _, table, *_ = map(repr, objects)
    assert "400 train, 400 valid" in data and "one of class 0, " in data and "(200)" in data
    assert "frozen, frozen, trains" in learn and "not made yet" in learn
    assert "240 train, 60 valid" in table and "y (regression)" in table


def test_html_escapes_names():
    class Odd(Described):
        def _facts(self):
            return {"<b>": "a & b"}

    assert "&lt;b&gt;" in Odd()._repr_html_() and "a &amp; b" in Odd()._repr_html_()


def test_few_names_are_all_shown():
    assert some(["a", "b"]) == "a, b" and some(list(range(5)), 2) == "0, 1, ... (5)"
