"""Notebooks and scripts of the course, rewritten for kerasfast: what is changed, and what is left for you and why."""

import difflib
import json
import os
import pathlib
import re
import shutil
from dataclasses import dataclass, field
from typing import Any

from kerasfast.porting.code import Finding, Names
from kerasfast.porting.rules import changed

_INDENT = re.compile(r"\A\{\r?\n( +|\t+)")


@dataclass
class Ported:
    """What became of a file.

    Attributes:
        path: The file.
        text: Its new text.
        changes: Places that were rewritten.
        left: Places that need you.
        diff: Unified diff; of a notebook that of its cells.
    """

    path: pathlib.Path
    text: str
    changes: list[Finding] = field(default_factory=list)
    left: list[Finding] = field(default_factory=list)
    diff: str = ""

    @property
    def copy(self) -> pathlib.Path:
        """Where `write` keeps the file as it was."""
        return self.path.with_name(f"{self.path.stem}.before{self.path.suffix}")

    def write(self) -> None:
        """Put the new text in the place of the file, and the file as it was beside it.

        Raises:
            FileExistsError: When there is such a copy already; nothing is written then.
        """
        from kerasfast.basics.files import atomic_path

        if self.copy.exists():
            raise FileExistsError(f"{self.copy} is there already, so nothing was written; move it away first.")
        place = self.path.resolve()  # of a link, the file itself
        with atomic_path(self.copy) as unfinished:
            shutil.copyfile(place, unfinished)
        with atomic_path(place) as unfinished:
            unfinished.write_bytes(self.text.encode("utf-8"))
            shutil.copymode(place, unfinished)


def port(path: str | os.PathLike) -> Ported:
    """Return what a notebook (.ipynb) or a script (.py) of the course becomes; nothing is written.

    Only Python code is changed: strings, comments, magics, shell lines, text cells and outputs stay as they are.

    Raises:
        FileNotFoundError: When there is no such file.
        ValueError: When it is neither, or cannot be read.
    """
    path = pathlib.Path(path)
    if path.suffix not in (".ipynb", ".py"):
        raise ValueError(f"a notebook (.ipynb) or a script (.py) is expected; received {str(path)!r}.")
    if not path.is_file():
        raise FileNotFoundError(f"there is no file {str(path)!r}.")
    try:
        text = path.read_bytes().decode("utf-8")
    except UnicodeDecodeError as error:
        raise ValueError(f"{path} is not written in UTF-8 ({error}); save it so first.") from error
    return _notebook(path, text) if path.suffix == ".ipynb" else _script(path, text)


def _script(path: pathlib.Path, text: str) -> Ported:
    new, changes, left = changed(text, Names.of([text]))
    return Ported(path, new, changes, left, _diff(path.name, text, new))


def _notebook(path: pathlib.Path, text: str) -> Ported:
    notebook = _loaded(path, text)
    cells = [
        (number, cell, "".join(cell["source"]))
        for number, cell in enumerate(notebook["cells"], 1)
        if cell.get("cell_type") == "code"
    ]
    names = Names.of([old for _, _, old in cells])
    ported = Ported(path, text)
    for number, cell, old in cells:
        new, changes, left = changed(old, names, number)
        ported.changes += changes
        ported.left += left
        if new != old:
            cell["source"] = new.splitlines(keepends=True) if isinstance(cell["source"], list) else new
            ported.diff += _diff(f"{path.name}, cell {number}", old, new)
    if ported.diff:
        ported.text = _dumped(notebook, text)
    return ported


def _loaded(path: pathlib.Path, text: str) -> dict[str, Any]:
    try:
        notebook = json.loads(text.removeprefix("\ufeff"))
    except json.JSONDecodeError as error:
        raise ValueError(f"{path} is no notebook: it is not JSON ({error}).") from error
    cells = notebook.get("cells") if isinstance(notebook, dict) else None
    if not isinstance(cells, list) or not all(isinstance(cell, dict) and "source" in cell for cell in cells):
        older = isinstance(notebook, dict) and "worksheets" in notebook
        why = "it is of an older format; `jupyter nbconvert --to notebook` makes a new one" if older else "no cells"
        raise ValueError(f"{path} is no notebook that can be read: {why}.")
    return notebook


def _dumped(notebook: dict[str, Any], text: str) -> str:
    """Return a notebook as text that is written as the old one was, so that a diff of the files is small."""
    indent, compact = _INDENT.match(text), "\n" not in text.strip()
    new = json.dumps(
        notebook,
        indent=None if compact else (indent[1] if indent else 1),
        ensure_ascii=text.isascii(),
        separators=(",", ":") if compact and '": ' not in text else None,
    )
    new += "\n" * text.endswith("\n")
    return new.replace("\n", "\r\n") if "\r\n" in text else new


def _diff(name: str, old: str, new: str) -> str:
    lines = difflib.unified_diff(old.splitlines(), new.splitlines(), f"{name} (before)", f"{name} (after)", lineterm="")
    return "".join(f"{line}\n" for line in lines)
