"""What a user sees of kerasfast before using it: names, help, types."""

import ast
import os
import pathlib
import pydoc
import re
import subprocess
import sys

import pytest

import kerasfast

PACKAGE = pathlib.Path(kerasfast.__file__).parent
ROOT = pathlib.Path(__file__).resolve().parents[1]


def names_for_type_checkers() -> dict[str, str]:
    """Each public name of `__init__.pyi` with where it comes from."""
    statements = ast.parse((PACKAGE / "__init__.pyi").read_text("utf-8")).body[1:]
    assert all(isinstance(statement, ast.ImportFrom) for statement in statements)
    return {alias.asname: f"{statement.module}.{alias.name}" for statement in statements for alias in statement.names}


def test_type_checkers_and_python_know_the_same_names():
    homes = {name: f"{module}.{name}" for name, module in kerasfast._HOME_OF.items()}
    assert names_for_type_checkers() == homes | kerasfast._MODULES | {"__version__": "kerasfast.version.__version__"}
    assert (PACKAGE / "py.typed").is_file()


def test_completion_and_star_imports_know_them_too():
    names = {}
    exec("from kerasfast import *", names)
    assert set(dir(kerasfast)) == set(kerasfast.__all__) == set(names_for_type_checkers()) <= set(names)


def test_help_is_a_page_that_names_all():
    page = pydoc.plain(pydoc.render_doc(kerasfast))
    assert page.count("\n") < 150
    assert set(kerasfast.__all__) - set(re.findall(r"\w+", kerasfast.__doc__)) == {"__version__"}


@pytest.mark.parametrize(
    "file", ["README.md", *sorted(str(file.relative_to(ROOT)) for file in ROOT.glob("examples/*.py"))]
)
def test_readme_and_examples_use_public_names_alone(file):
    text = (ROOT / file).read_text("utf-8")
    modules = set(re.findall(r"^(?:from|import) (kerasfast[\w.]*)", text, flags=re.MULTILINE))
    assert {name for name in modules if not name.startswith("kerasfast.fastai")} <= {"kerasfast", "kerasfast.tabular"}
    assert set(re.findall(r"\bkf\.(\w+)", text)) <= set(kerasfast.__all__)


@pytest.mark.slow
def test_readme_and_the_public_names_have_types(tmp_path):
    pytest.importorskip("mypy")
    usage = tmp_path / "readme_usage.py"
    subprocess.run([sys.executable, ROOT / "tests/typing/readme.py", usage], check=True)
    command = [sys.executable, "-m", "mypy", "--cache-dir", tmp_path / "cache", ROOT / "tests/typing", usage]
    environment = os.environ | {"MYPYPATH": str(ROOT)}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
