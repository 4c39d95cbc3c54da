"""Porting a lesson: what is rewritten, what must stay as it is, and what is left to the user and why."""

import json
import pathlib
import re
import stat

import pandas as pd
import pytest

from kerasfast.cli import main
from kerasfast.porting.ported import port

HEAD = "import pandas as pd\n"


def ported(tmp_path, code: str):
    file = tmp_path / "lesson.py"
    file.write_bytes(code.encode("utf-8"))
    return port(file)


def notebook(tmp_path, *cells: str, **about):
    """Write a notebook of code cells, as Jupyter does."""
    file = tmp_path / "lesson.ipynb"
    code = [
        {"cell_type": "code", "metadata": {}, "outputs": [], "source": cell.splitlines(keepends=True)} for cell in cells
    ]
    text = [{"cell_type": "markdown", "metadata": {}, "source": ["from fastai.imports import *"]}]
    file.write_text(json.dumps({"cells": text + code, "nbformat": 4, "nbformat_minor": 2, **about}, indent=1) + "\n")
    return file


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("from fastai.conv_learner import *", "from kerasfast.fastai.conv_learner import *"),
        ("from  fastai import metrics, plots", "from  kerasfast.fastai import metrics, plots"),
        ("import fastai.metrics as fm, os", "import kerasfast.fastai.metrics as fm, os"),
        (
            "import fastai.metrics\nfastai.metrics.accuracy",
            "import kerasfast.fastai.metrics\nkerasfast.fastai.metrics.accuracy",
        ),
        ("if True:\n    from fastai.plots import *", "if True:\n    from kerasfast.fastai.plots import *"),
        (HEAD + "a = b.append(c)", HEAD + "a = pd.concat([b, c])"),
        (HEAD + "a = (b + c).append(d, ignore_index=True)", HEAD + "a = pd.concat([(b + c), d], ignore_index=True)"),
        (HEAD + "a = b.append([c, d])", HEAD + "a = pd.concat([b, *[c, d]])"),
        (HEAD + "a = b.append((c))", HEAD + "a = pd.concat([b, (c)])"),
        (
            HEAD + "a = b.append({'x': 1}, ignore_index=True)",
            HEAD + "a = pd.concat([b, pd.DataFrame([{'x': 1}])], ignore_index=True)",
        ),
        (
            HEAD + "a = b.append(c).append(d.drop('é', 1))",
            HEAD + "a = pd.concat([pd.concat([b, c]), d.drop(columns='é')])",
        ),
        (HEAD + "a = b.append(c.append(d))", HEAD + "a = pd.concat([b, pd.concat([c, d])])"),
        ("import pandas\na = b.append(c)", "import pandas\na = pandas.concat([b, c])"),
        (
            "from fastai.structured import *\na = b.append(c)",
            "from kerasfast.fastai.structured import *\na = pd.concat([b, c])",
        ),
        (HEAD + "a.drop(['x', 'y'], 1, inplace=True)", HEAD + "a.drop(columns=['x', 'y'], inplace=True)"),
        (HEAD + "a.drop(('x'), 1)", HEAD + "a.drop(columns=('x'))"),
        (HEAD + "a.drop(rows, 0)", HEAD + "a.drop(index=rows)"),
        (
            HEAD + "a['ü'] = a.d.dt.week + b.d.dt.weekofyear",
            HEAD + "a['ü'] = a.d.dt.isocalendar().week + b.d.dt.isocalendar().week",
        ),
        (HEAD + "import datetime\nx = pd.datetime.now()", HEAD + "import datetime\nx = datetime.datetime.now()"),
        (
            HEAD + "from datetime import datetime\nx = pd.datetime.now()",
            HEAD + "from datetime import datetime\nx = datetime.now()",
        ),
        (HEAD + "a.fillna(method='pad')", HEAD + "a.ffill()"),
        (HEAD + "a.applymap(f).astype(pd.datetime)", HEAD + 'a.map(f).astype("datetime64[ns]")'),
        (HEAD + "for k, v in a.iteritems(): pass", HEAD + "for k, v in a.items(): pass"),
        (HEAD + "a.as_matrix()", HEAD + "a.to_numpy()"),
        (
            HEAD + "b = a.groupby('S').rolling(7).sum()\nb.drop('S', 1, inplace=True)",
            HEAD + "b = a.groupby('S').rolling(7).sum()\nb.drop(columns='S', errors=\"ignore\", inplace=True)",
        ),
        (HEAD + "a.groupby('c')['x', 'y'].sum()", HEAD + "a.groupby('c')[['x', 'y']].sum()"),
        (
            HEAD + "a.u.cat.set_categories(c, ordered=True, inplace=True)",
            HEAD + "a.u = a.u.cat.set_categories(c, ordered=True)",
        ),
        (HEAD + "a['ü'].cat.as_ordered(inplace=True)", HEAD + "a['ü'] = a['ü'].cat.as_ordered()"),
        (
            HEAD + "a = a.join(b, rsuffix='_r').join(c, rsuffix='_r')",
            HEAD + "a = a.join(b, rsuffix='_r2').join(c, rsuffix='_r')",
        ),
        (
            "import seaborn as sns\nsns.jointplot(p, y, kind='hex', stat_func=None)",
            "import seaborn as sns\nsns.jointplot(x=np.ravel(p), y=np.ravel(y), kind='hex')",
        ),
        ("import numpy as np\na.astype(np.int)", "import numpy as np\na.astype(int)"),
        ("fbeta_score(y, (p > t), 2, average='samples')", "fbeta_score(y, (p > t), beta=2, average='samples')"),
        ("from planet import f2", "from kerasfast.fastai.planet import f2"),
        ("from isoweek import Week", "from kerasfast.fastai.structured import Week"),
        (
            "from fast_gen import *\nfrom learner import *",
            "from kerasfast.fastai.conv_learner import *\nfrom kerasfast.fastai.learner import *",
        ),
        ("l = Learner.pretrained_convnet(f, d)", "l = ConvLearner.pretrained(f, d)"),
        (
            "from pt_models import *",
            "from kerasfast.fastai.model import *",
        ),
        ("from sklearn.externals import joblib", "import joblib"),
        (
            "from keras.preprocessing.image import ImageDataGenerator",
            "from tensorflow.keras.preprocessing.image import ImageDataGenerator",
        ),
        (
            "m.fit_generator(g, n // 2, epochs=3, workers=4, validation_data=v)",
            "m.fit(g, steps_per_epoch=n // 2, epochs=3, validation_data=v)",
        ),
        ("p = m.predict_generator(g, 3, max_queue_size=2)", "p = m.predict(g, steps=3)"),
        ("from scipy.misc import imread", "from matplotlib.pyplot import imread"),
        ("from sklearn.cross_validation import x", "from sklearn.model_selection import x"),
        ("from fastai.models.cifar10.resnext import x", "from kerasfast.fastai.models.cifar10.resnext import x"),
        ("import torch", "from kerasfast.fastai.torch_imports import torch"),
        ("import torch.nn as nn", "from kerasfast.fastai.torch_imports import nn"),
        ("import torch.nn.functional as G", "from kerasfast.fastai.torch_imports import F as G"),
        ("from torch import nn, optim as o", "from kerasfast.fastai.torch_imports import nn, optim as o"),
        ("from torch.nn import functional as F", "from kerasfast.fastai.torch_imports import F"),
        ("from torchvision.models import resnet34", "from kerasfast.fastai.conv_learner import resnet34"),
        ("from torch.nn.init import kaiming_normal", "from kerasfast.fastai.torch_imports import kaiming_normal"),
        ("from torch.autograd import Variable", "from kerasfast.fastai.torch_imports import Variable"),
    ],
)
def test_lines_are_rewritten(old, new, tmp_path):
    done = ported(tmp_path, old)
    assert done.text == new and done.changes and not done.left
    assert not ported(tmp_path, new).changes


@pytest.mark.parametrize(
    "code",
    [
        "text = 'from fastai.imports import *'\n# from fastai.imports import *",
        '"""\nfrom fastai.imports import *\n%matplotlib inline\n"""',
        HEAD + "rows = []\nrows.append(1)\nf = lambda x: rows.append(x)\n[rows.append(x) for x in 'ab']",
        HEAD + "import numpy as np\na = np.append(b, c)\ni = b.index.append(c.index)",
        HEAD + "a.drop(x, axis=1)\na.drop(columns=x)\na.drop(x)",
        HEAD + "a.fillna(0)\na.week\na.dt.weekday",
        "a = b.append(c)\nd.drop(x, 1)",  # nothing here says that these are tables
        "from fastaiq import x\nimport myfastai\nfrom .fastai import y",
    ],
)
def test_traps_stay(code, tmp_path):
    done = ported(tmp_path, code)
    assert done.text == code and not done.changes and not done.left and not done.diff


@pytest.mark.parametrize(
    ("code", "why"),
    [
        ("from fastai.text import *", "text lessons"),
        ("from fastai import nlp, metrics", "text lessons"),
        ("import torchtext", "text lessons"),
        ("from fastai.vision import *", "1.0 or later"),
        ("from fastai.models.unet import x", "has no"),
        ("import torchvision", "torch_imports"),
        ("from torch.utils.data import Dataset", "torch_imports"),
        ("from scipy.misc import imresize", "PIL"),
        (HEAD + "a = b.append(c, True)", "pd.concat"),
        (HEAD + "a.drop(x, axis)", "columns="),
        (HEAD + "x = pd.datetime.now()", "import datetime"),
        (HEAD + "a.ix[0]", "loc"),
        (HEAD + "x = f'{a.d.dt.week} {b.append(c)}'", "in an f-string"),
        (HEAD + "b = a.groupby(keys).rolling(7).sum()", "as a column"),
        ("print 'Python 2'", "no Python 3"),
    ],
)
def test_what_cannot_be_changed_is_said_with_its_line(code, why, tmp_path):
    done = ported(tmp_path, code)
    assert done.text == code and not done.changes
    assert any(why in finding.what and finding.code == code.split("\n")[finding.line - 1] for finding in done.left)


def test_rewritten_lines_do_what_the_old_ones_did():
    names = {"pd": pd, "a": pd.DataFrame({"x": [1], "y": [2]}), "d": pd.Series(pd.to_datetime(["2021-01-03"]))}
    from kerasfast.porting.code import Names
    from kerasfast.porting.rules import changed

    for code, value in (("len(a.append(a).append([a, a]))", 4), ("list(a.drop('x', 1))", ["y"]), ("d.dt.week[0]", 53)):
        assert eval(changed(code, Names("pd"))[0], names) == value


def test_notebooks_keep_magics_shell_lines_text_and_layout(tmp_path):
    cells = (
        "%matplotlib inline\n!ls from fastai\nfiles = !ls\nfrom fastai.imports import *\nhelp?",
        "%%bash\nfrom fastai.imports import *",
        "%time a = b.append(c)\nd = b.append(c)  # %",
        "%%time\nd.drop('x', 1)",
        "x = 1",
    )
    file = notebook(tmp_path, *cells, metadata={"weiß": 1e-5})
    before = file.read_text()
    done = port(file)
    sources = ["".join(cell["source"]) for cell in json.loads(done.text)["cells"]]
    assert sources == [
        "from fastai.imports import *",
        cells[0].replace("from fastai.i", "from kerasfast.fastai.i"),
        cells[1],
        "%time a = b.append(c)\nd = pd.concat([b, c])  # %",
        "%%time\nd.drop(columns='x')",
        cells[4],
    ]
    assert [finding.cell for finding in done.changes] == [2, 4, 5]
    assert len(done.text.splitlines()) == len(before.splitlines()) and "\\u00df" in done.text
    assert "cell 2 (before)" in done.diff and "+from kerasfast.fastai.imports import *" in done.diff


def test_line_ends_and_byte_order_marks_stay(tmp_path):
    done = ported(tmp_path, "\ufefffrom fastai.plots import *\r\nx = 1\r\n")
    assert done.text == "\ufefffrom kerasfast.fastai.plots import *\r\nx = 1\r\n"


def test_the_command_writes_once_and_keeps_a_copy(tmp_path, capfd):
    file = tmp_path / "lesson.py"
    file.write_text("from fastai.plots import *\n")
    file.chmod(0o755)
    assert main(["port", str(file), "--dry-run"]) == 0
    assert "+from kerasfast.fastai.plots" in capfd.readouterr().out and file.read_text().startswith("from fastai")
    assert main(["port", str(file), "--json"]) == 0
    result = json.loads(capfd.readouterr().out)["files"][0]
    copy = tmp_path / "lesson.before.py"
    assert result["written"] and result["copy"] == str(copy) and result["changes"][0]["line"] == 1
    assert copy.read_text() == "from fastai.plots import *\n" and file.read_text().startswith("from kerasfast")
    assert stat.S_IMODE(file.stat().st_mode) == 0o755
    assert main(["port", str(file)]) == 0 and "nothing to change" in capfd.readouterr().out
    file.write_text("from fastai.plots import *\nfrom fastai.text import *\n")
    assert main(["port", str(file)]) == 2 and "there already" in capfd.readouterr().err
    assert main(["port", str(file), "--dry-run"]) == 1 and "text lessons" in capfd.readouterr().out


def test_the_command_refuses_what_it_cannot_read(tmp_path, capfd):
    (tmp_path / "a.txt").write_text("")
    (tmp_path / "a.ipynb").write_text("no JSON")
    (tmp_path / "b.ipynb").write_text('{"worksheets": []}')
    (tmp_path / "c.py").write_bytes(b"x = '\xff'")
    for name, why in (
        ("a.txt", "expected"),
        ("a.ipynb", "not JSON"),
        ("b.ipynb", "older format"),
        ("c.py", "UTF-8"),
        ("d.py", "no file"),
    ):
        assert main(["port", str(tmp_path / name)]) == 2 and why in capfd.readouterr().err


@pytest.mark.parametrize("name", ["dogs_cats", "planet", "rossmann"])
def test_lessons_need_their_imports_alone(name):
    """What the lessons' own tests run is what the command makes of them."""
    file = pathlib.Path(__file__).parents[1] / "fastai" / "lessons" / f"{name}.py"
    done = port(file)
    assert done.text == re.sub(r"(?m)^from fastai\.", "from kerasfast.fastai.", file.read_text("utf-8"))
    assert done.changes and not done.left
