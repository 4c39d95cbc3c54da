"""Progress bars: none where the output is redirected, and none of TensorFlow's notes either."""

import io
import os
import pathlib
import subprocess
import sys

import pytest

from kerasfast.basics.bars import progress_bar, say

ROOT = pathlib.Path(__file__).parents[2]


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_terminal_has_bars_and_a_file_has_none():
    for stream, expected in ((Terminal(), True), (io.StringIO(), False)):
        assert list(progress_bar(range(3), file=stream)) == [0, 1, 2]
        assert bool(stream.getvalue()) == expected
    terminal = Terminal()
    list(progress_bar(range(3), file=terminal, shown=False))
    assert terminal.getvalue() == ""


def test_bars_are_made_in_one_place():
    package = ROOT / "kerasfast"
    others = [file for file in package.rglob("*.py") if "tqdm" in file.read_text("utf-8")]
    assert {file.relative_to(package).as_posix() for file in others} == {"basics/bars.py", "fastai/imports.py"}


def test_a_silent_bar_gives_what_it_counts_and_lines_are_said_all_the_same(capsys):
    assert list(progress_bar(["a", "b"], file=io.StringIO())) == ["a", "b"]
    say("a line")
    assert capsys.readouterr().out == "a line\n"


@pytest.mark.slow
def test_a_script_with_redirected_output_prints_its_lines_and_nothing_of_tensorflow():
    program = (
        "import kerasfast as kf\n"
        "kf.ImageLearner\n"
        "import numpy as np, keras\n"
        "x = np.random.default_rng(0).integers(0, 255, (60, 32, 32, 3)).astype('uint8')\n"
        "y = np.arange(60) % 2\n"
        "splits = (x[:40], y[:40]), (x[40:], y[40:])\n"
        "data = kf.ImageData.from_arrays(*splits, transforms=kf.Transforms(32), batch_size=4)\n"
        "inputs = keras.Input((None, None, 3))\n"
        "layer = keras.layers.Conv2D(4, 3)(keras.layers.Conv2D(4, 3)(inputs))\n"
        "backbone = kf.Backbone.from_model(keras.Model(inputs, layer), size=32)\n"
        "learn = kf.ImageLearner.pretrained(backbone, data)\n"
        "learn.fit(0.01, 2)\n"
        "learn.tta(1)\n"
        "learn.predict()\n"
    )
    environment = {name: value for name, value in os.environ.items() if name != "TF_CPP_MIN_LOG_LEVEL"}
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=ROOT, env=environment
    )
    assert "\r" not in done.stdout + done.stderr
    assert len(done.stdout.splitlines()) == 4
    assert done.stderr == ""
