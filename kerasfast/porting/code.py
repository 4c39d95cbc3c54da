"""Code as a notebook or a script holds it: what it calls its modules, its tree, a place in it."""

import ast
import re
from collections.abc import Sequence
from dataclasses import dataclass, field

_SHELL = re.compile(r"\s*(%|!|\?|[^#'\"]*\?{1,2}\s*$|[\w., ]+=\s*[%!])")


@dataclass(frozen=True)
class Finding:
    """A place in a file.

    Attributes:
        line: From 1, of the script or the cell.
        code: The line as it was.
        what: What was done, or has to be.
        cell: Number of the cell in a notebook, from 1.
    """

    line: int
    code: str
    what: str
    cell: int | None = None


@dataclass
class Names:
    """What the code of a whole file calls the modules that the rules need.

    Attributes:
        pandas: Name of pandas; None where it is not imported.
        datetime: How the class `datetime.datetime` is written; None where nothing imports it.
        modules: Names of imported modules: `np`.
        fastai: Whether the code has `import fastai...`, so that the name `fastai` is used.
        older: Whether the code imports modules that the course had before 0.7.
        rolled: Names of columns in `groupby(name).rolling(...)`.
    """

    pandas: str | None = None
    datetime: str | None = None
    modules: set[str] = field(default_factory=set)
    fastai: bool = False
    older: bool = False
    rolled: set[str] = field(default_factory=set)

    @classmethod
    def of(cls, sources: Sequence[str]) -> "Names":
        """Read them from the code."""
        names, starred = cls(), False
        for source in sources:
            tree = parsed(source)
            for node in ast.walk(tree) if tree else ():
                if isinstance(node, ast.Import):
                    for alias in node.names:
                        names._add(alias)
                elif isinstance(node, ast.Attribute) and node.attr == "rolling":
                    names._add_rolled(node.value)
                elif isinstance(node, ast.ImportFrom) and node.module:
                    top = node.module.split(".")[0]
                    names.older |= top in ("fast_gen", "pt_models", "dataset_pt", "sgdr_pt")
                    starred |= names.older or top == "fastai" or node.module.startswith("kerasfast.fastai")
                    if node.module == "datetime" and any(one.name == "datetime" for one in node.names):
                        names.datetime = next(one.asname or one.name for one in node.names if one.name == "datetime")
        if starred:  # the course's star imports bring both
            names.pandas = names.pandas or "pd"
            names.datetime = names.datetime or "datetime.datetime"
        return names

    def _add_rolled(self, grouped: ast.expr) -> None:
        if isinstance(grouped, ast.Call) and isinstance(grouped.func, ast.Attribute) and grouped.func.attr == "groupby":
            keys = grouped.args[:1]
            self.rolled |= {key.value for key in keys if isinstance(key, ast.Constant) and isinstance(key.value, str)}

    def _add(self, alias: ast.alias) -> None:
        top = alias.name.split(".")[0]
        self.modules.add(alias.asname or top)
        if alias.name == "pandas":
            self.pandas = alias.asname or "pandas"
        elif alias.name == "datetime":
            self.datetime = self.datetime or f"{alias.asname or 'datetime'}.datetime"
        elif top == "fastai" and alias.asname is None:
            self.fastai = True


def parsed(source: str) -> ast.Module | None:
    """Return the tree of some code, with its magics and shell lines as `pass`; None where it is no Python."""
    for code in (source, _without_shell(source)):
        try:
            return ast.parse(code.removeprefix("\ufeff"))
        except (SyntaxError, ValueError):  # the second of null bytes
            continue
    return None


def _without_shell(source: str) -> str:
    """Return the code with `pass` in the place of magics and shell lines; every other line stays where it is."""
    lines, goes_on = [], False
    for line in source.split("\n"):
        hidden = goes_on or _SHELL.match(line) is not None
        goes_on = hidden and line.rstrip().endswith("\\")
        lines.append(f"{line[: len(line) - len(line.lstrip())]}pass" if hidden else line)
    return "\n".join(lines)
