"""The runner of notebooks: what it counts, on cells of our own, and that the page on porting says what it found."""

import importlib.util
import json
import pathlib
import sys

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[1]


@pytest.fixture(scope="module")
def runner():
    path = ROOT / "benchmarks" / "notebooks.py"
    spec = importlib.util.spec_from_file_location("notebooks_benchmark", path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    yield module
    sys.modules.pop(spec.name)


def test_cells_of_scripts_and_notebooks_are_the_same(runner, tmp_path):
    script = tmp_path / "lesson.py"
    script.write_text("import os\n#%%\n%time x = 1\n# %% with a title\nx\n#%%\n\n", "utf-8")
    notebook = tmp_path / "lesson.ipynb"
    notebook.write_text(runner.as_notebook(runner.cells_of(script)), "utf-8")
    assert runner.cells_of(notebook) == runner.cells_of(script) == ["import os", "%time x = 1", "x"]


def test_the_page_has_the_counts_that_the_runner_wrote(runner):
    counted = json.loads((ROOT / "benchmarks" / "notebooks.json").read_text("utf-8"))
    page = (ROOT / "docs" / "porting" / "course.md").read_text("utf-8")
    shown = page.partition("<!-- notebooks -->\n")[2].partition("<!-- end of notebooks -->")[0].strip()
    assert shown == runner.table(counted), "run `python benchmarks/notebooks.py --table` and put it into the page"
    assert all(sum(one.values()) > 5 for one in counted.values())


@pytest.mark.slow
def test_cells_are_counted_by_what_became_of_them(runner, tmp_path, monkeypatch):
    pytest.importorskip("IPython")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(runner, "use_small_networks", lambda text: None)
    script = tmp_path / "mine.py"
    script.write_text(
        "from fastai.conv_learner import *\n#%%\n%matplotlib inline\nx = 1\n#%%\nnp.zeros(2).astype(np.int)\n#%%\n"
        "net = nn.LSTM(3)\n#%%\nnet\n#%%\nlater + 1\n#%%\nlater = 2\n#%%\n1 / 0\n",
        "utf-8",
    )
    results = runner.run_cells(script)
    kinds = ["as it is", "as it is", "after port", "refused", "follows", "its own", "as it is", "fails"]
    assert [one["kind"] for one in results] == kinds
    assert runner.counts(results) == {
        "as it is": 3, "after port": 1, "refused": 1, "follows": 1, "its own": 1, "fails": 1
    }  # fmt: skip
