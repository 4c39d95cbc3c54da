"""The rules by which code of the course is rewritten: its imports, and lines that today's pandas refuses."""

import ast
import functools
import pathlib
import re
from collections.abc import Callable

from kerasfast.porting.code import Finding, Names, parsed
from kerasfast.porting.older_calls import OlderCalls

_OTHER_LANGUAGE = re.compile(r"\s*%%(?!time\b|timeit\b|capture\b|prun\b)")
_TEXT = {"text", "nlp", "lm_rnn", "rnn_reg", "rnn_train", "torchqrnn"}
_LATER = {"vision", "basics", "basic_train", "callbacks", "collab", "tabular", "data", "train"}
_TEXT_PACKAGES = {"torchtext", "spacy"}
_AXES = {1: "columns", "columns": "columns", 0: "index", "index": "index", "rows": "index"}
_FILLS = {"ffill": "ffill", "pad": "ffill", "bfill": "bfill", "backfill": "bfill"}
_RENAMED = {"iteritems": "items", "applymap": "map"}
_GONE = {"ix": "`.ix` is gone from pandas; write `.loc` (labels) or `.iloc` (positions)"}


def changed(source: str, names: Names, cell: int | None = None) -> tuple[str, list[Finding], list[Finding]]:
    """Return the new code of a script or a cell, the places that were changed, and those that are left to you."""
    lines = source.split("\n")
    if not source.strip() or (cell is not None and _OTHER_LANGUAGE.match(source)):
        return source, [], []
    tree = parsed(source)
    if tree is None:
        return source, [], [Finding(1, lines[0], "this is no Python 3 code, so nothing in it was changed", cell)]
    rules = _Rules(source, names)
    rules.visit(tree)
    new = rules.edited()
    place = lambda line, what: Finding(line, lines[line - 1].strip(), what, cell)
    if rules.edits and parsed(new) is None:
        return source, [], [place(line, f"by hand: {what}") for line, what in rules.changes]
    return new, [place(*one) for one in rules.changes], [place(*one) for one in rules.left]


class _Rules(OlderCalls, ast.NodeVisitor):
    """Collects the edits of what today's packages refuse, while it visits the tree."""

    def __init__(self, source: str, names: Names):
        super().__init__(source)
        self.names = names
        self._unused: set[ast.AST] = set()

    def visit_Expr(self, node: ast.Expr) -> None:
        """Remember calls whose value nobody uses: `list.append` among them."""
        self._unused.add(node.value)
        self.categories_in_place(node)
        self.generic_visit(node)

    def visit_Lambda(self, node: ast.Lambda) -> None:
        """Leave `lambda x: rows.append(x)`."""
        self._unused.add(node.body)
        self.generic_visit(node)

    def visit_ListComp(self, node: ast.ListComp) -> None:
        """Leave `[rows.append(x) for x in xs]`."""
        self._unused.add(node.elt)
        self.generic_visit(node)

    def visit_JoinedStr(self, node: ast.JoinedStr) -> None:
        """Leave f-strings: before Python 3.12 nobody knows where in them an expression stands."""
        for inner in ast.walk(node):
            ast.copy_location(inner, node)
        edits, changes = self.edits, self.changes
        self.edits, self.changes = [], []
        self.generic_visit(node)
        self.left += [(line, f"in an f-string, by hand: {what}") for line, what in self.changes]
        self.edits, self.changes = edits, changes

    def visit_Import(self, node: ast.Import) -> None:
        """Rewrite `import fastai.x`."""
        if self.torch_import(node):
            return
        for alias in node.names:
            self._check_package(node, alias.name)
            if alias.name.split(".")[0] == "fastai" and self._is_there(node, alias.name):
                start = self.start(alias)
                self.edit(alias, start, start + len("fastai"), "kerasfast.fastai", "the import prefix")

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        """Rewrite `from fastai.x import y`."""
        module = node.module or ""
        if node.level or self.torch_names(node) or self.moved_import(node, self.names.older):
            return
        self._check_package(node, module)
        if module == "pandas" and any(alias.name == "datetime" for alias in node.names):
            self.leave(node, "pandas has no `datetime` any more; write `from datetime import datetime`")
        if module.split(".")[0] != "fastai":
            return
        whole = (
            [f"fastai.{alias.name}" for alias in node.names if alias.name != "*"] if module == "fastai" else [module]
        )
        if all(self._is_there(node, name) for name in whole):
            start = self.start(node)
            found = re.compile(rb"from\s+").match(self.code, start)
            self.edit(node, found.end(), found.end() + len("fastai"), "kerasfast.fastai", "the import prefix")

    def visit_Name(self, node: ast.Name) -> None:
        """Rewrite the name `fastai` where `import fastai.x` brought it."""
        if node.id == "fastai" and self.names.fastai and isinstance(node.ctx, ast.Load):
            self.edit(node, self.start(node), self.end(node), "kerasfast.fastai", "the import prefix")

    def visit_Attribute(self, node: ast.Attribute) -> None:
        """Rewrite `.dt.week` and `pd.datetime`."""
        end = self.end(node)
        if node.attr in ("week", "weekofyear") and isinstance(node.value, ast.Attribute) and node.value.attr == "dt":
            self.edit(node, end - len(node.attr), end, "isocalendar().week", f"`.dt.{node.attr}`")
        elif node.attr == "datetime" and isinstance(node.value, ast.Name) and node.value.id == self.names.pandas:
            if self.names.datetime:
                self.edit(node, self.start(node), end, self.names.datetime, f"`{self.names.pandas}.datetime`")
            else:
                self.leave(node, "pandas has no `datetime`; add `import datetime` and write `datetime.datetime`")
        elif node.attr in _RENAMED and self.names.pandas:
            self.edit(node, end - len(node.attr), end, _RENAMED[node.attr], f"`{node.attr}`")
        elif node.attr in _GONE and self.names.pandas:
            self.leave(node, _GONE[node.attr])
        elif self.numpy_name(node):
            return
        self.generic_visit(node)

    def visit_Subscript(self, node: ast.Subscript) -> None:
        """Rewrite `frame.groupby(key)["a", "b"]`."""
        self.columns_of_groups(node)
        self.generic_visit(node)

    def visit_Call(self, node: ast.Call) -> None:
        """Rewrite methods of tables, and calls that other packages refuse today."""
        if self.older_call(node):
            self.generic_visit(node)
            return
        rule: Callable[[ast.Call, ast.Attribute], bool | None] | None = None
        if isinstance(node.func, ast.Attribute) and self.names.pandas:
            rules = {"append": self._append, "drop": self._drop, "fillna": self._fillna, "as_matrix": self._as_matrix}
            rules |= {"rolling": self._rolling, "astype": self._astype}
            rule = rules.get(node.func.attr)
        if rule is None or not rule(node, node.func):
            self.generic_visit(node)

    def _append(self, node: ast.Call, method: ast.Attribute) -> None:
        """Rewrite `a.append(b)` whose value is used: a list's is None."""
        owner = method.value
        of_index = isinstance(owner, ast.Attribute) and owner.attr in ("index", "columns")
        of_module = isinstance(owner, ast.Name) and owner.id in self.names.modules
        if node in self._unused or of_index or of_module:
            return
        known = {keyword.arg for keyword in node.keywords} <= {"ignore_index", "sort", "verify_integrity"}
        if len(node.args) != 1 or not known or isinstance(node.args[0], ast.Starred):
            self.leave(node, "tables have no `append` any more; write `pd.concat([table, other])`")
            return
        other = node.args[0]
        before, after = ("*", "]") if isinstance(other, ast.List) else ("", "]")
        if isinstance(other, ast.Dict):
            before, after = f"{self.names.pandas}.DataFrame([", "])]"
        start, said = self.start(node), "`append` of a table; a row that is a Series or a dict has to become a table"
        self.edit(node, start, start, f"{self.names.pandas}.concat([", said)
        dot = self.code.rfind(b".", self.end(owner), self.end(method))
        self.insert(dot, self.inside(method), f", {before}")
        stop = self.start(node.keywords[0]) if node.keywords else self.end(node) - 1
        closed = self.end(other) + self.code[self.end(other) : stop].rfind(b")") + 1
        self.insert(closed, closed, after)

    def _drop(self, node: ast.Call, method: ast.Attribute) -> None:
        """Rewrite `a.drop(x, 1)`."""
        axis = node.args[1] if len(node.args) == 2 else None
        value = axis.value if isinstance(axis, ast.Constant) and not isinstance(axis.value, bool) else None
        if value not in _AXES or isinstance(node.args[0], ast.Starred):
            if len(node.args) > 1:
                self.leave(node, "`drop` takes its axis by name alone: write `axis=`, `columns=` or `index=`")
            return
        first = node.args[0]
        self.insert(self.inside(method), self.inside(method), f"{_AXES[value]}=")
        between = self.code[self.end(first) : self.start(axis)]
        kept = b")" * between.count(b")")  # of `(a, b)` in brackets that are no part of the node
        more = ', errors="ignore"' if self._is_rolled(first) else ""
        self.edit(node, self.end(first), self.end(axis), kept.decode() + more, f"`drop(x, {value!r})`")

    def _is_rolled(self, column: ast.expr) -> bool:
        """Whether a column is the key of a `groupby(key).rolling(...)`, which is in the index alone today."""
        return isinstance(column, ast.Constant) and column.value in self.names.rolled

    def _fillna(self, node: ast.Call, method: ast.Attribute) -> None:
        """Rewrite `a.fillna(method="ffill")`."""
        given = [keyword for keyword in node.keywords if keyword.arg == "method"]
        if not given:
            return
        way = _FILLS.get(given[0].value.value) if isinstance(given[0].value, ast.Constant) else None
        if way is None or node.args or len(node.keywords) > 1:
            self.leave(node, "`fillna` has no `method` any more; write `.ffill(...)` or `.bfill(...)`")
            return
        self.edit(node, self.end(method) - len("fillna"), self.end(node), f"{way}()", f"`fillna(method={way!r})`")

    def _rolling(self, node: ast.Call, method: ast.Attribute) -> None:
        grouped = method.value
        if isinstance(grouped, ast.Call) and isinstance(grouped.func, ast.Attribute) and grouped.func.attr == "groupby":
            key = grouped.args[0] if grouped.args else None
            if isinstance(key, ast.Constant) and key.value in self.names.rolled:
                return  # `_drop` sees to it
            said = "what comes of `groupby(key).rolling(...)` has `key` in its index alone, not as a column"
            self.leave(node, f"{said}: a later `drop` of that column has to go")

    def _astype(self, node: ast.Call, method: ast.Attribute) -> bool:
        """Rewrite `a.astype(pd.datetime)`; return whether it was one."""
        kind = f"{self.names.pandas}.datetime"
        if len(node.args) != 1 or ast.unparse(node.args[0]) != kind:
            return False
        start, end = self.start(node.args[0]), self.end(node.args[0])
        self.edit(node, start, end, '"datetime64[ns]"', f"`astype({kind})`")
        self.visit(method.value)
        return True

    def _as_matrix(self, node: ast.Call, method: ast.Attribute) -> None:
        if node.args or node.keywords:
            self.leave(node, "`as_matrix` is gone from pandas; write `table[columns].to_numpy()`")
        else:
            end = self.end(method)
            self.edit(node, end - len("as_matrix"), end, "to_numpy", "`as_matrix`")

    def _check_package(self, node: ast.stmt, module: str) -> None:
        top = module.split(".", maxsplit=1)[0]
        if top in _TEXT_PACKAGES:
            self.leave(node, f"{top} is for text lessons, which kerasfast does not have")
        elif top in ("torch", "torchvision"):
            self.leave(node, f"{top} is not used; the course's names of it are in `kerasfast.fastai.torch_imports`")

    def _is_there(self, node: ast.stmt, module: str) -> bool:
        """Whether kerasfast has a module of the course; says it where it has not."""
        parts = module.split(".")
        if len(parts) == 1 or ".".join(parts[1:]) in _modules():
            return True
        if parts[1] in _TEXT:
            self.leave(node, f"`{module}` is for text lessons, which kerasfast does not have")
        elif parts[1] in _LATER:
            self.leave(node, f"`{module}` is of fastai 1.0 or later; kerasfast has the names of 0.7")
        else:
            self.leave(node, f"kerasfast has no `{module}`; remove it, or take its names from elsewhere")
        return False


@functools.cache
def _modules() -> frozenset[str]:
    folder = pathlib.Path(__file__).parents[1] / "fastai"
    files = [file.relative_to(folder).with_suffix("") for file in folder.rglob("*.py")]
    return frozenset(".".join(file.parts).removesuffix(".__init__") for file in files) - {"__init__"}
