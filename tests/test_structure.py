"""Imports run downwards only, heavy and optional packages are imported where they are used."""

import ast
import functools
import pathlib
import re
import subprocess
import sys

import pytest

import kerasfast

PACKAGE = pathlib.Path(kerasfast.__file__).parent
FILES = {
    ".".join(("kerasfast", *file.relative_to(PACKAGE).with_suffix("").parts)).removesuffix(".__init__"): file
    for file in sorted(PACKAGE.rglob("*.py"))
}
LATE = {"lightgbm", "matplotlib", "tensorflow_datasets", "kaggle", "keras_hub", "pyarrow", "sklearn"}
# From the rim down: a module may import from its own part or from the layers below it; the rim's from each other.
LAYERS = [
    {"__main__", "cli", "competitions", "demo", "doctor", "fastai", "porting", "runs", "serve"},
    {"vision", "tabular", "cross_validation"},
    {"pages"},
    {"interpretation"},
    {"learner"},
    {"model_with_data"},
    {"training.rate_trials", "training.keeping.resuming", "training.keeping.state"},
    {"training.keeping.progress"},
    {"training.keeping.saving", "training.training_stage"},
    {
        "training.averaging",
        "training.lr_finder",
        "training.model_summary",
        "training.keeping.saved_weights",
        "training.keeping.savers",
        "training.training_plans",
    },
    {
        "metrics",
        "training.mixing",
        "training.callbacks",
        "training.divergence",
        "training.following",
        "optimizing.groups",
    },
    {"optimizing.optimizers", "optimizing.torch_rules"},
    {"optimizing.control"},
    {"optimizing.followed_tables", "optimizing.fused_updates", "training.replicas"},
    {"optimizing.graph_values", "optimizing.train_function"},
    {
        "datasets",
        "schedules",
        "plots",
        "training.epoch_order",
        "optimizing.linear_fit",
        "optimizing.rates",
    },
    {"bundle", "losses", "runtimes", "optimizing.lbfgs"},
    {
        "basics",
        "keras_internals",
        "version",
        "training",
        "training.keeping",
        "optimizing",
    },
]
# A wing of a folder may import from itself and these; what lies above them in the folder from all.
WINGS = {
    "vision.sources": {"sources"},
    "vision.sources.decoding": {"decoding"},
    "vision.sources.listing": {"listing", "decoding", "file_samples", "samples", "splits"},
    "vision.networks": {"networks"},
    "vision.pipeline": {"pipeline", "sources"},
    "vision.fitting": {"fitting", "pipeline", "sources", "networks", "tasks"},
    "tabular.encoding": {"encoding", "features", "column_kinds", "number_texts"},
    "tabular.features": {"features", "column_kinds", "number_texts"},
    "tabular.networks": {"networks", "encoding"},
    "tabular.pipeline": {"pipeline", "encoding", "features", "column_kinds", "number_texts"},
}
LEAVES = {
    "basics": set(),
    "interpretation": set(),
    "interpretation.calibration": set(),
    "interpretation.classes": {"interpretation"},
    "keras_internals": set(),
    "metrics.direction": {"keras_internals"},
    "metrics.percentage_errors": {"keras_internals"},
    "metrics.tags": {"keras_internals"},
    "losses": set(),
    "metrics.thresholds": {"metrics"},
    "plots.curves": {"plots"},
    "plots.insight": {"plots"},
    "plots.pictures": set(),
    "schedules": set(),
    "plots.tables": {"plots"},
    "optimizing.rates": set(),
}


def imports_of(node: ast.AST, package: str, late: bool = False):
    """Yield (module, whether only inside a function or for types, whether a star)."""
    for child in ast.iter_child_nodes(node):
        inner = late or isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda))
        if isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test):
            inner = True
        if isinstance(child, ast.Import):
            yield from ((alias.name, late, False) for alias in child.names)
        elif isinstance(child, ast.ImportFrom):
            assert not child.level, f"a relative import in {package}"
            for alias in child.names:
                whole = f"{child.module}.{alias.name}"
                yield whole if whole in FILES else child.module, late, alias.name == "*"
        else:
            yield from imports_of(child, package, inner)


IMPORTS = {name: list(imports_of(ast.parse(file.read_text("utf-8")), name)) for name, file in FILES.items()}
# The package itself imports names lazily, by strings.
OWN = {
    name: {module for module, _, _ in found if module.split(".")[0] == "kerasfast"}
    for name, found in IMPORTS.items()
    if name != "kerasfast"
}


def part(module: str) -> str:
    """The first name below the package, `vision` of `kerasfast.vision.data`; in `training`, `optimizing` all names."""
    names = module.split(".")[1:] or ["version"]
    return ".".join(names) if names[0] in ("training", "optimizing") else names[0]


def layer(module: str) -> int:
    found = [index for index, parts in enumerate(LAYERS) if part(module) in parts]
    assert found, f"{module} has no place in the layers; add it to LAYERS."
    return found[0]


@pytest.mark.parametrize("name", OWN)
def test_every_module_has_a_layer_and_imports_downwards_only(name):
    for module in OWN[name]:
        equal = part(module) == part(name) or layer(module) == layer(name) == 0
        assert layer(module) > layer(name) or equal, f"{name} imports {module}"


@pytest.mark.parametrize(("name", "allowed"), LEAVES.items())
def test_leaves_import_nothing_of_ours(name, allowed):
    assert {part(module) for module in OWN[f"kerasfast.{name}"]} <= {"basics", *allowed}


LONGEST_FILE, FULLEST_FOLDER = 350, 12


@pytest.mark.parametrize("name", FILES)
def test_files_stay_short(name):
    lines = len(FILES[name].read_text("utf-8").splitlines())
    assert lines <= LONGEST_FILE, f"{name} has {lines} lines: it holds two rooms."


@pytest.mark.parametrize(
    "folder", sorted({file.parent for file in FILES.values()} - {PACKAGE / "fastai"}), ids=lambda folder: folder.name
)
def test_folders_stay_few(folder):
    """The course's own names are many: `fastai` mirrors its modules."""
    modules = len(list(folder.glob("[!_]*.py")))
    assert modules <= FULLEST_FOLDER, f"{folder.name} has {modules} modules: which of them are a room of their own?"


# Of named tuples, of `sys`, and the unpickler that is written in Python.
DOCUMENTED = {"_asdict", "_fields", "_getframe", "_make", "_replace", "_Unpickler"}


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in FILES if name != "kerasfast.keras_internals"])
def test_private_parts_of_others_stay_behind_one_door(name):
    """A private attribute is used on `self` or in the module that gives it; Keras's only in `keras_internals`."""
    nodes = list(ast.walk(ast.parse(FILES[name].read_text("utf-8"))))
    own = {node.name for node in nodes if isinstance(node, (ast.FunctionDef, ast.ClassDef))}
    own |= {node.id for node in nodes if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}
    own |= {
        node.attr for node in nodes if isinstance(node, ast.Attribute) and ast.unparse(node.value) in ("self", "cls")
    }
    used = {node.attr for node in nodes if isinstance(node, ast.Attribute)}
    assert not {word for word in used if re.match("_[^_]", word)} - own - DOCUMENTED
    modules = {module for module, _, _ in IMPORTS[name]}
    assert not {module for module in modules if re.match(r"(keras\.src|tensorflow\.python)\b", module)}
    words = used | {node.arg for node in nodes if isinstance(node, ast.keyword)}
    words |= {node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str)}
    words |= {
        target.id
        for node in nodes
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    assert not words & private_names_of_keras() - own


@functools.cache
def private_names_of_keras() -> set[str]:
    nodes = list(ast.walk(ast.parse(FILES["kerasfast.keras_internals"].read_text("utf-8"))))
    names = {node.attr for node in nodes if isinstance(node, ast.Attribute)}
    names |= {node.arg for node in nodes if isinstance(node, ast.keyword) and node.arg}
    return {name for name in names if re.match("_[^_]", name)}


def test_vision_and_tabular_never_meet():
    for name, modules in OWN.items():
        if part(name) in ("vision", "tabular"):
            other = {"vision": "tabular", "tabular": "vision"}[part(name)]
            assert other not in {part(module) for module in modules}, name


@pytest.mark.parametrize("wing", WINGS)
def test_wings_keep_to_themselves(wing):
    folder = f"kerasfast.{wing.rpartition('.')[0]}."
    for name in [name for name in OWN if f"{name}.".startswith(f"kerasfast.{wing}.")]:
        wings = {module.removeprefix(folder).split(".")[0] for module in OWN[name] if module.startswith(folder)}
        assert wings <= WINGS[wing], name


def test_modules_import_each_other_in_no_circle():
    early = {name: {module for module, late, _ in found if not late} & OWN.keys() for name, found in IMPORTS.items()}
    done = set()

    def visit(name: str, above: tuple[str, ...] = ()) -> None:
        assert name not in above, " -> ".join((*above, name))
        if name not in done:
            for module in sorted(early[name]):
                visit(module, (*above, name))
            done.add(name)

    for name in OWN:
        visit(name)


@pytest.mark.parametrize("name", ["kerasfast.schedules", "kerasfast.optimizing.rates", "kerasfast.basics.arguments"])
def test_schedules_and_rates_need_numpy_alone(name):
    outside = {module.split(".")[0] for module, _, _ in IMPORTS[name]} - sys.stdlib_module_names
    assert outside <= {"numpy", "kerasfast"} and OWN[name] <= {"kerasfast.basics.arguments"}


@pytest.mark.parametrize("name", FILES)
def test_optional_packages_are_imported_where_they_are_used(name):
    early = {module.split(".")[0] for module, late, _ in IMPORTS[name] if not late}
    # The course's star imports bring `plt`.
    assert not early & (LATE - {"matplotlib"} if part(name) == "fastai" else LATE)
    if part(name) == "vision":
        assert "pandas" not in early


def test_star_imports_stay_in_the_courses_names():
    starred = {name for name, found in IMPORTS.items() if any(star for _, _, star in found)}
    assert not {name for name in starred if part(name) != "fastai"}


def test_nothing_below_knows_the_courses_names():
    for name, modules in OWN.items():
        if part(name) != "fastai":
            assert "fastai" not in {part(module) for module in modules}, name


COURSE_WORDS = {
    "targs",
    "preds",
    "log_preds",
    "fnames",
    "tfms",
    "trn_ds",
    "val_ds",
    "val_idxs",
    "y_fld",
    "na_dict",
    "emb_szs",
}


@pytest.mark.parametrize("name", [name for name in FILES if part(name) != "fastai"])
def test_the_core_knows_no_convention_of_the_course(name):
    nodes = list(ast.walk(ast.parse(FILES[name].read_text("utf-8"))))
    names = {node.id for node in nodes if isinstance(node, ast.Name)}
    names |= {node.arg for node in nodes if isinstance(node, (ast.arg, ast.keyword))}
    names |= {node.attr for node in nodes if isinstance(node, ast.Attribute)}
    assert not names & COURSE_WORDS
    calls = [ast.unparse(node) for node in nodes if isinstance(node, ast.Call)]
    logs = [call for call in calls if re.match(r"[\w.]*\b(log|exp|log_softmax)\(", call)]
    if part(name) != "tabular":  # a model there may have learned the logarithm of its target
        assert not [call for call in logs if re.search("predict|prob|view", call)]


def test_importing_the_package_loads_neither_tensorflow_nor_pandas():
    program = "import sys, kerasfast; dir(kerasfast); print(*sorted({name.split('.')[0] for name in sys.modules}))"
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=PACKAGE.parent)
    assert not {"tensorflow", "keras", "pandas", "matplotlib"} & set(done.stdout.split())


@pytest.mark.parametrize("name", kerasfast.__all__)
def test_every_public_name_is_there(name):
    assert getattr(kerasfast, name) is not None
    assert name in dir(kerasfast)


def test_other_names_are_not():
    with pytest.raises(AttributeError, match="module 'kerasfast' has no attribute 'frobnicate'"):
        kerasfast.frobnicate
