"""Rules for calls that other packages of the course's notebooks refuse today: numpy, scikit-learn, seaborn, pandas."""

import ast

from kerasfast.porting.edits import Edits

# Modules that moved, or that kerasfast has: what is imported from them stays.
MOVED = {
    "isoweek": "kerasfast.fastai.structured",
    "pandas_summary": "kerasfast.fastai.structured",
    "planet": "kerasfast.fastai.planet",
    "keras.preprocessing.image": "tensorflow.keras.preprocessing.image",
    "sklearn.cross_validation": "sklearn.model_selection",
    "sklearn.grid_search": "sklearn.model_selection",
}
# The course's modules before 0.7; `learner` alone may be anybody's.
OLDER = {
    "fast_gen": "kerasfast.fastai.conv_learner",
    "learner": "kerasfast.fastai.learner",
    "pt_models": "kerasfast.fastai.model",
    "dataset_pt": "kerasfast.fastai.dataset",
    "sgdr_pt": "kerasfast.fastai.sgdr",
}
_TORCH = {"torch": "torch", "torch.nn": "nn", "torch.nn.functional": "F", "torch.optim": "optim"}
_TORCH_NAMES = {
    "torch": {"nn", "optim"}, "torch.autograd": {"Variable"}, "torch.nn": {"functional"},
    "torch.nn.init": {"kaiming_normal", "kaiming_uniform"},
}  # fmt: skip
_RESNETS = {"resnet18", "resnet34", "resnet50", "resnet101", "resnet152"}
_OURS = "kerasfast.fastai.torch_imports"
_BUILTINS = {"int", "float", "bool", "object", "complex", "str"}
_X_AND_Y = {
    "jointplot", "scatterplot", "lineplot", "barplot", "boxplot", "violinplot", "pointplot", "stripplot", "swarmplot",
    "regplot",
}  # fmt: skip
# Keras's methods for generators: the method that takes them today, and the order of their arguments.
_GENERATORS = {
    "fit_generator": (
        "fit",
        ["steps_per_epoch", "epochs", "verbose", "callbacks", "validation_data", "validation_steps"],
    ),
    "evaluate_generator": ("evaluate", ["steps", "callbacks"]),
    "predict_generator": ("predict", ["steps", "callbacks"]),
}  # fmt: skip
_OF_WORKERS = {"workers", "use_multiprocessing", "max_queue_size"}
_OF_CATEGORIES = {
    "set_categories", "rename_categories", "reorder_categories", "add_categories", "remove_categories",
    "remove_unused_categories", "as_ordered", "as_unordered",
}  # fmt: skip


class OlderCalls(Edits):
    """Rules for single nodes; each returns whether it had something to say."""

    def __init__(self, source: str):
        super().__init__(source)
        self._suffixes: set[str] = set()

    def moved_import(self, node: ast.ImportFrom, older: bool) -> bool:
        """Rewrite imports from modules that moved."""
        module = node.module or ""
        names = {alias.name for alias in node.names}
        if module == "sklearn.externals" and names == {"joblib"}:
            self.edit(node, self.start(node), self.end(node), "import joblib", "`sklearn.externals.joblib`")
        elif module == "scipy.misc":
            self._scipy_misc(node, names)
        elif module in MOVED or (older and module in OLDER):
            start = self.code.index(module.encode(), self.start(node))
            new = MOVED.get(module) or OLDER[module]
            self.edit(node, start, start + len(module), new, f"the import from `{module}`")
        elif module == "torchvision.models" and names <= _RESNETS:
            start = self.code.index(module.encode(), self.start(node))
            self.edit(node, start, start + len(module), "kerasfast.fastai.conv_learner", f"the import from `{module}`")
        else:
            return False
        return True

    def torch_import(self, node: ast.Import) -> bool:
        """Rewrite `import torch.nn as nn`: kerasfast has the names of torch that lessons use."""
        alias = node.names[0]
        if len(node.names) > 1 or alias.name not in _TORCH:
            return False
        name = _TORCH[alias.name] if alias.asname else "torch"
        as_other = f" as {alias.asname}" if alias.asname and alias.asname != name else ""
        self.edit(node, self.start(node), self.end(node), f"from {_OURS} import {name}{as_other}", f"`{alias.name}`")
        return True

    def torch_names(self, node: ast.ImportFrom) -> bool:
        """Rewrite `from torch import nn`."""
        module = node.module or ""
        if not {alias.name for alias in node.names} <= _TORCH_NAMES.get(module, set()):
            return False
        start, functional = self.start(node), module == "torch.nn"
        taken = [("F" if functional else alias.name, alias.asname or alias.name) for alias in node.names]
        names = ", ".join(name if name == shown else f"{name} as {shown}" for name, shown in taken)
        self.edit(node, start, self.end(node), f"from {_OURS} import {names}", f"the import from `{module}`")
        return True

    def _scipy_misc(self, node: ast.ImportFrom, names: set[str]) -> None:
        if names == {"imread"}:
            start = self.code.index(b"scipy.misc", self.start(node))
            self.edit(node, start, start + len("scipy.misc"), "matplotlib.pyplot", "`scipy.misc.imread`")
        else:
            self.leave(node, "scipy.misc has no functions of pictures any more; write them with PIL: `Image.resize`")

    def numpy_name(self, node: ast.Attribute) -> bool:
        """Rewrite `np.int`, which is Python's own."""
        if node.attr not in _BUILTINS or ast.unparse(node.value) not in ("np", "numpy"):
            return False
        self.edit(node, self.start(node), self.end(node), node.attr, f"`np.{node.attr}`")
        return True

    def older_call(self, node: ast.Call) -> bool:
        """Rewrite calls whose arguments have to be named today."""
        name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", None)
        if name == "fbeta_score" and len(node.args) == 3:
            self._insert_before(node.args[2], "beta=", "`fbeta_score(y, p, beta)`")
        elif name in _X_AND_Y and self._of_seaborn(node):
            self._x_and_y(node, name)
        elif name == "join":
            self._repeated_suffix(node)
        elif name in _GENERATORS and isinstance(node.func, ast.Attribute):
            self._of_generator(node, name)
        elif name == "pretrained_convnet":
            self.edit(node, self.start(node.func), self.end(node.func), "ConvLearner.pretrained", f"`{name}`")
        else:
            return False
        return True

    def categories_in_place(self, node: ast.Expr) -> None:
        """Rewrite `column.cat.set_categories(names, inplace=True)`, which gives the new column today."""
        call = node.value
        if not (
            isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute) and call.func.attr in _OF_CATEGORIES
        ):
            return
        given = [keyword for keyword in call.keywords if keyword.arg == "inplace"]
        owner = call.func.value
        if not given or not (isinstance(owner, ast.Attribute) and owner.attr == "cat"):
            return
        column = self.code[self.start(owner.value) : self.end(owner.value)].decode("utf-8")
        self.insert(self.start(call), self.start(call), f"{column} = ")
        self._drop_keyword(call, given[0], f"`{call.func.attr}(inplace=True)`")

    def columns_of_groups(self, node: ast.Subscript) -> None:
        """Rewrite `frame.groupby(key)["a", "b"]`."""
        grouped, wanted = node.value, node.slice
        if not (isinstance(grouped, ast.Call) and isinstance(grouped.func, ast.Attribute)):
            return
        if grouped.func.attr == "groupby" and isinstance(wanted, ast.Tuple) and len(wanted.elts) > 1:
            self._insert_before(wanted, "[", "`groupby(key)['a', 'b']`")
            self.insert(self.end(wanted), self.end(wanted), "]")

    def _of_generator(self, node: ast.Call, name: str) -> None:
        new, order = _GENERATORS[name]
        end = self.end(node.func)
        self.edit(node, end - len(name), end, new, f"`{name}`")
        for value, argument in zip(node.args[1:], order, strict=False):
            self.insert(self.start(value), self.start(value), f"{argument}=")
        for keyword in node.keywords:
            if keyword.arg in _OF_WORKERS:
                self._drop_keyword(node, keyword, f"`{keyword.arg}`, which generators say themselves")

    def _of_seaborn(self, node: ast.Call) -> bool:
        return isinstance(node.func, ast.Attribute) and ast.unparse(node.func.value) in ("sns", "seaborn")

    def _x_and_y(self, node: ast.Call, name: str) -> None:
        said = f"`{name}(x, y)`: seaborn takes them by name"
        for letter, value in zip("xy", node.args, strict=False):
            self._insert_before(value, f"{letter}=np.ravel(" if name == "jointplot" else f"{letter}=", said)
            self.insert(self.end(value), self.end(value), ")" if name == "jointplot" else "")
        if len(node.args) > 2:
            self._insert_before(node.args[2], "data=", said)
        for keyword in node.keywords:
            if keyword.arg == "stat_func":
                self._drop_keyword(node, keyword, "`stat_func`, which seaborn has no more")

    def _repeated_suffix(self, node: ast.Call) -> None:
        for keyword in node.keywords:
            if keyword.arg == "rsuffix" and isinstance(keyword.value, ast.Constant):
                suffix = str(keyword.value.value)
                if suffix in self._suffixes:
                    said = "the second `join` with the same suffix, whose columns would be there twice"
                    self.edit(node, self.start(keyword.value), self.end(keyword.value), repr(f"{suffix}2"), said)
                self._suffixes.add(suffix)

    def _insert_before(self, node: ast.expr, text: str, what: str) -> None:
        self.edit(node, self.start(node), self.start(node), text, what)

    def _drop_keyword(self, call: ast.Call, keyword: ast.keyword, what: str) -> None:
        before = [self.end(one) for one in (*call.args, *call.keywords) if self.end(one) <= self.start(keyword)]
        start = max(before, default=self.start(keyword))
        end = self.end(keyword)
        if not before and self.code[end:].lstrip().startswith(b","):
            end = self.code.index(b",", end) + 1
        self.edit(call, start, end, "", what)
