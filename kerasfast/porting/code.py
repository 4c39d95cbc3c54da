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
    """

    pandas: str | None = None
    datetime: str | None = None
    modules: set[str] = field(default_factory=set)
    fastai: bool = False

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
                elif isinstance(node, ast.ImportFrom) and node.module:
                    top = node.module.split(".")[0]
                    starred |= top == "fastai" or node.module.startswith("kerasfast.fastai")
                    if node.module == "datetime" and any(one.name == "datetime" for one in node.names):
                        names.datetime = next(one.asname or one.name for one in node.names if one.name == "datetime")
        if starred:  # the course's star imports bring both
            names.pandas = names.pandas or "pd"
            names.datetime = names.datetime or "datetime.datetime"
        return names

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
