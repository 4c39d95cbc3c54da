"""Every public name says what it takes, gives and refuses, and shows it in an example that runs."""

import inspect
import types

import pytest

import kerasfast as kf

NAMES = [name for name in kf.__all__ if name != "__version__" and not isinstance(getattr(kf, name), types.ModuleType)]
# What is passed through, as the docstring says.
PASSED_ON = {"f2", "grouped", "transforms_basic", "transforms_side_on", "transforms_top_down", "Backbone.from_keras"}
# Examples in these need files, weights or minutes; tests and `examples/` run what they show.
NOT_RUN = {
    "ImageData", "ImageLearner", "ImagePredictor", "TableData", "TableInterpretation", "TableLearner", "TablePredictor",
}  # fmt: skip


def constructors():
    """Yield (name, callable) of every public function and class, and of their class methods that make one."""
    for name in NAMES:
        value = getattr(kf, name)
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
    value = getattr(kf, name)
    text = inspect.getdoc(value)
    if parameters(value):
        assert "Args:" in text or "Attributes:" in text
    if not inspect.isclass(value):
        assert "Returns:" in text or text.startswith("Return ")
    assert "Example" in text
    assert ">>> " in text or name in NOT_RUN
