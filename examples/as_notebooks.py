"""Write the examples as notebooks, for Jupyter and Colab: `python examples/as_notebooks.py`.

Each script with `# %%` before its parts becomes `notebooks/NAME.ipynb`: one line installs kerasfast, a cell says where
the data are, and what a script saves is shown below its cell. A test asks that the notebooks are those of the scripts.
"""

import json
import pathlib
import re

HERE = pathlib.Path(__file__).parent
INSTALL = '%pip install -q "kerasfast[demo]"'
SETTINGS = """# The folder of your data, with a slash at its end; `tiny` for small pictures and few steps.
from types import SimpleNamespace

settings = SimpleNamespace(path="data/", backbone="efficientnet_lite0", weights="default", tiny=False, plots=[])"""


def notebook_of(script: pathlib.Path) -> str:
    """Return the text of the notebook of a script."""
    docstring, code = re.match(r'"""(.*?)"""\n(.*)', script.read_text("utf-8"), re.DOTALL).groups()
    about = re.split(r"\n\n +python ", docstring)[0].replace("DIR holds", "The folder `settings.path` holds")
    cells = [_text(f"# {about.strip().removesuffix(':')}"), _code(INSTALL), _code(SETTINGS)]
    for title, part in re.findall(r"(?m)^# %% (.*)\n((?:(?!# %%).*\n?)*)", code):
        cells += [_text(f"## {title}"), *([_code(_shown(part))] if _shown(part) else [])]
    for number, cell in enumerate(cells):
        cell["id"] = f"cell-{number}"
    about_kernel = {"kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"}}
    book = {"cells": cells, "metadata": about_kernel, "nbformat": 4, "nbformat_minor": 5}
    return json.dumps(book, indent=1, ensure_ascii=False) + "\n"


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
    return [file for file in sorted(HERE.glob("*.py")) if "\nsettings = Settings.parse" in file.read_text("utf-8")]


def main() -> None:
    """Write the notebooks."""
    (HERE / "notebooks").mkdir(exist_ok=True)
    for script in scripts():
        target = HERE / "notebooks" / f"{script.stem}.ipynb"
        target.write_text(notebook_of(script), "utf-8")
        print(target)


if __name__ == "__main__":
    main()
