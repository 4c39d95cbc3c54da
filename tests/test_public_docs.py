"""Every public name says what it takes, gives and refuses, and shows it in an example that runs."""

import inspect
import pathlib
import re
import types
from typing import Any

import pytest

import kerasfast as kf


def public_values() -> dict[str, Any]:
    """Every public name, those of modules such as `look.convolution` too, with what it stands for."""
    found: dict[str, Any] = {}
    for name in sorted(set(kf.__all__) - {"__version__"}):
        value = getattr(kf, name)
        is_module = isinstance(value, types.ModuleType)
        found |= {f"{name}.{part}": getattr(value, part) for part in value.__all__} if is_module else {name: value}
    return found


NAMES = public_values()
# What is passed through, as the docstring says.
PASSED_ON = {
    "f2",
    "grouped",
    "transforms_basic",
    "transforms_side_on",
    "transforms_top_down",
    "Backbone.from_keras",
    "backbones.Backbone.from_keras",
}
# Examples in these need files, weights or minutes; tests and `examples/` run what they show.
NOT_RUN = {"ImageLearner", "ImagePredictor", "TableInterpretation", "TableLearner", "TablePredictor"}
RAISES = re.compile(r"\braise [A-Z]|\b(whole|number|choice|check_\w+|_check\w*)\(")


def constructors():
    """Yield (name, callable) of every public function and class, and of their class methods that make one."""
    for name, value in NAMES.items():
        yield name, value
        if inspect.isclass(value):
            made = {key: part for key, part in vars(value).items() if isinstance(part, classmethod)}
            yield from ((f"{name}.{key}", getattr(value, key)) for key in made if not key.startswith("_"))


CONSTRUCTORS = dict(constructors())


def parameters(value) -> list[inspect.Parameter]:
    try:
        return list(inspect.signature(value).parameters.values())
    except ValueError:  # a class that Python's own constructor makes
        return []


@pytest.mark.parametrize("name", CONSTRUCTORS)
def test_no_constructor_hides_its_arguments(name):
    hidden = [one.name for one in parameters(CONSTRUCTORS[name]) if one.kind in (one.VAR_KEYWORD, one.VAR_POSITIONAL)]
    assert not hidden or name in PASSED_ON


@pytest.mark.parametrize("name", NAMES)
def test_docstrings_have_their_sections(name):
    value = NAMES[name]
    text = inspect.getdoc(value)
    if parameters(value):
        assert "Args:" in text or "Attributes:" in text
    if not inspect.isclass(value) and inspect.signature(value).return_annotation not in (None, "None"):
        assert "Returns:" in text or text.startswith("Return ")
    if RAISES.search(_own_source(value)):
        assert "Raises:" in text
    assert "Example" in text
    assert ">>> " in text or name in NOT_RUN


@pytest.mark.parametrize("name", sorted(NOT_RUN))
def test_an_example_that_is_not_run_here_is_run_by_a_test(name):
    tests = pathlib.Path(__file__).parent
    used = re.compile(rf"\b(kf\.)?{name}\.(pretrained|load|ensemble|entity_embeddings|of_frame)\(|\b{name}\(")
    assert [file for file in tests.rglob("test_*.py") if used.search(file.read_text("utf-8"))]


# Named by Keras or for Keras, which documents them.
KERAS_NAMES = re.compile("_|on_|set_model$|get_config$")


@pytest.mark.parametrize("name", [name for name, value in NAMES.items() if inspect.isclass(value)])
def test_every_method_says_what_it_does(name):
    classes = [base for base in NAMES[name].__mro__ if base.__module__.startswith("kerasfast")]
    own = {key: part for base in reversed(classes) for key, part in vars(base).items() if not KERAS_NAMES.match(key)}
    told = {key for base in NAMES[name].__mro__ for key, part in vars(base).items() if _docstring(part)}
    assert not {key for key, part in own.items() if callable(_function(part))} - told


def _function(part: Any) -> Any:
    return part.fget if isinstance(part, property) else getattr(part, "__func__", part)


def _docstring(part: Any) -> str | None:
    return getattr(_function(part), "__doc__", None)


def _own_source(value) -> str:
    """Return the code of a function, or of what makes an instance of a class, without docstrings."""
    if not inspect.isclass(value):
        return inspect.getsource(inspect.unwrap(value)).replace(inspect.getdoc(value) or "", "")
    own = [vars(value)[name] for name in ("__init__", "__post_init__") if name in vars(value)]
    return "".join(
        inspect.getsource(one) for one in own if inspect.isfunction(one) and "<string>" not in one.__code__.co_filename
    )
