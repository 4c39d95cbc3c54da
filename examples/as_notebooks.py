"""Write the examples as notebooks, for Jupyter and Colab: `python examples/as_notebooks.py`.

Each script with `# %%` before its parts becomes `notebooks/NAME.ipynb`: one line installs kerasfast, a cell says where
the data are, and what a script saves is shown below its cell. Where the parts are functions and `main` calls them, the
body of `main` becomes cells too. A test asks that the notebooks are those of the scripts.
"""

import json
import pathlib
import re
import textwrap

HERE = pathlib.Path(__file__).parent
INSTALL = '%pip install -q "kerasfast[demo]"'
SETTINGS = """# The folder of your data, with a slash at its end; `tiny` for small pictures and few steps.
from types import SimpleNamespace

settings = SimpleNamespace(path="data/", backbone="efficientnet_lite0", weights="default", tiny=False, plots=[])"""
OPTIONS = """# The folder of your tables; `tiny` for few rows and a small network.
import pathlib
from types import SimpleNamespace

from IPython.display import Image, display

options = SimpleNamespace(data=pathlib.Path("data"), tiny=False)"""
MAIN = re.compile(r"(?ms)^# %% Run\ndef main\(.*?parse_args\(arguments\)\n(.*?)\n    return \w+\n+(.*)^if __name__.*")


def notebook_of(script: pathlib.Path) -> str:
    """Return the text of the notebook of a script."""
    docstring, code = re.match(r'"""(.*?)"""\n(.*)', script.read_text("utf-8"), re.DOTALL).groups()
    about = re.split(r"\n\n +python ", docstring)[0]
    called = MAIN.search(code)
    settings, folder = (OPTIONS, "options.data") if called else (SETTINGS, "settings.path")
    about = about.replace("DIR holds", f"The folder `{folder}` holds")
    if called:
        code = f"{code[: called.start()]}# %% Scores\n{called[2]}\n# %% Run\n{_displayed(called[1])}\n"
    cells = [_text(f"# {about.strip().removesuffix(':')}"), _code(INSTALL), _code(settings)]
    for title, part in re.findall(r"(?m)^# %% (.*)\n((?:(?!# %%).*\n?)*)", code):
        cells += [_text(f"## {title}"), *([_code(_shown(part))] if _shown(part) else [])]
    for number, cell in enumerate(cells):
        cell["id"] = f"cell-{number}"
    about_kernel = {"kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"}}
    book = {"cells": cells, "metadata": about_kernel, "nbformat": 4, "nbformat_minor": 5}
    return json.dumps(book, indent=1, ensure_ascii=False) + "\n"


def _displayed(body: str) -> str:
    """Return the body of a function as lines of its own, with each figure that is saved shown too."""
    return re.sub(r"(?m)^(kf\.save_figure\(.*, (.*)\))$", r"\1\ndisplay(Image(\2))", textwrap.dedent(body))


def _shown(part: str) -> str:
    """Return code that shows its plots and has its settings from the cell above."""
    lines = [re.sub(r"save_plot\(.*\)$", "plt.show()", line) for line in part.split("\n")]
    dropped = ("from common import", "settings = Settings.parse", "# ruff:")
    return "\n".join(line for line in lines if not line.startswith(dropped)).strip("\n")


def _text(text: str) -> dict:
    return {"cell_type": "markdown", "metadata": {}, "source": text.splitlines(keepends=True)}


def _code(text: str) -> dict:
    return {
        "cell_type": "code", "execution_count": None, "metadata": {}, "outputs": [],
        "source": text.splitlines(keepends=True),
    }  # fmt: skip


def scripts() -> list[pathlib.Path]:
    """Return the scripts that become notebooks."""
    texts = {file: file.read_text("utf-8") for file in sorted(HERE.glob("*.py"))}
    return [file for file, text in texts.items() if "\nsettings = Settings.parse" in text or MAIN.search(text)]


def main() -> None:
    """Write the notebooks."""
    (HERE / "notebooks").mkdir(exist_ok=True)
    for script in scripts():
        target = HERE / "notebooks" / f"{script.stem}.ipynb"
        target.write_text(notebook_of(script), "utf-8")
        print(target)


if __name__ == "__main__":
    main()
