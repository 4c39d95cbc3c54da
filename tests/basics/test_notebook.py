"""In Jupyter: a table that grows, bars that vanish, plots that show once; run in a kernel, and piece by piece."""

import pickle
import textwrap

import numpy as np
import pytest
from matplotlib.figure import Figure

from kerasfast.basics import notebook
from kerasfast.basics.epoch_rows import HtmlRows, TextRows, rows

CELLS = (
    """
    import keras, numpy as np
    import kerasfast as kf
    from kerasfast.basics.bars import progress_bar
    from kerasfast.fastai.conv_learner import *
    from kerasfast.fastai.plots import *
    """,
    """
    x = np.random.default_rng(0).integers(0, 255, (60, 32, 32, 3)).astype("uint8")
    y = np.arange(60) % 2
    data = ImageClassifierData.from_arrays(".", (x[:40], y[:40]), (x[40:], y[40:]), bs=10)
    inputs = keras.Input((32, 32, 3))
    maps = keras.layers.Conv2D(2, 3)(keras.layers.Rescaling(1 / 255)(inputs))
    m = keras.Model(inputs, keras.layers.Dense(2, "softmax")(keras.layers.GlobalMaxPooling2D()(maps)))
    learn = Learner.from_model_data(m, data)
    """,
    "learn.fit(0.001, 3)",
    "learn.core.fit(0.001, 1)",
    "learn.core.lr_find(steps=10).plot()",
    "learn.sched.plot_lr()",
    "plots(x[:4])",
    "data",
    "learn.core",
    "ax = kf.plot_images(x[:4])",
    "ax.figure",
    """
    for _ in progress_bar(range(3), leave=False, mininterval=0):
        pass
    """,
)


@pytest.mark.slow
def test_a_notebook_shows_what_it_should_and_keeps_nothing_dead(tmp_path, monkeypatch):
    nbclient, nbformat = pytest.importorskip("nbclient"), pytest.importorskip("nbformat")
    pytest.importorskip("ipykernel")
    monkeypatch.delenv("MPLBACKEND", raising=False)  # the kernel chooses its own
    book = nbformat.v4.new_notebook(
        cells=[nbformat.v4.new_code_cell(textwrap.dedent(cell).strip("\n")) for cell in CELLS]
    )
    nbclient.NotebookClient(
        book, timeout=120, kernel_name="python3", resources={"metadata": {"path": tmp_path}}
    ).execute()
    shown = [[output for output in cell.outputs if output.output_type != "stream"] for cell in book.cells]
    fit, core, finder, rates, grid, data, learner, images, figure, bar = shown[2:]
    table, values = fit
    assert table.data["text/html"].count("<tr>") == 4 and "<progress" not in table.data["text/html"]
    assert table.data["text/plain"].splitlines()[0].split()[:3] == ["epoch", "trn_loss", "val_loss"]
    assert values.output_type == "execute_result"  # what the course's `fit` returns
    assert [output.output_type for output in core] == ["display_data"]  # the table, and no history
    for plot in (finder, rates, grid, images, figure):
        assert ["image/png" in output.data for output in plot] == [True]
    assert "ImageClassifierData" in data[0].data["text/html"] and "<table>" in data[0].data["text/html"]
    assert "Learner" in learner[0].data["text/html"]
    assert [output.data["text/html"] for output in bar] == [""]


class Pieces:
    """Stands for a place in a notebook's output."""

    def __init__(self):
        self.shown = []

    def show(self, html: str, text: str = "") -> None:
        self.shown.append((html, text))

    def clear(self) -> None:
        self.show("")


def test_rows_grow_and_the_bar_goes(monkeypatch):
    monkeypatch.setattr("kerasfast.basics.epoch_rows.Output", Pieces)
    monkeypatch.setattr("kerasfast.basics.epoch_rows.SECONDS", 0)
    table = HtmlRows(shown=True)
    table.begin("epoch 1/2", 4)
    table.advance(2)
    table.row(0, {"trn_loss": 0.5, "<b>": 1})
    table.begin("epoch 2/2", 4)
    table.advance(3)
    table.end()
    html = [one for one, _ in table._output.shown]
    assert [one.count("<tr>") for one in html] == [0, 2, 2, 2]
    assert ["<progress" in one for one in html] == [True, False, True, False]
    assert 'value="3" max="4"' in html[2] and "&lt;b&gt;" in html[1]
    assert table._output.shown[-1][1].splitlines()[1] == "    0     0.50000     1.00000"
    hidden = HtmlRows(shown=False)
    hidden.begin("epoch", None)
    hidden.row(0, {"loss": 1.0})
    assert hidden._output.shown == []


def test_outside_of_a_notebook_nothing_changes():
    assert not notebook.in_notebook()
    assert isinstance(rows(True), TextRows)
    values = np.zeros(1)
    assert notebook.not_repeated(values) is values


def test_a_plot_is_its_cells_picture_and_another_cells_value(monkeypatch):
    display = pytest.importorskip("IPython.display")

    class Shell:
        config, execution_count = {"IPKernelApp": {}}, 4

    monkeypatch.setattr(notebook, "_shell", lambda: Shell)
    seen = []
    monkeypatch.setattr(display, "display", seen.append)
    figure = notebook.not_repeated(Figure())
    figure._ipython_display_()
    assert seen == []
    pickle.dumps(figure)
    Shell.execution_count = 5
    figure._ipython_display_()
    assert seen == [figure] and not hasattr(figure, "_ipython_display_")
