"""What a star import of a module of the course brings: its own names and those of the modules below it."""

import importlib
from collections.abc import Sequence

__all__ = ["names_of"]


def names_of(modules: Sequence[str], own: Sequence[str] = ()) -> list[str]:
    """Return the names of modules of `kerasfast.fastai` and a module's own, for its `__all__`."""
    loaded = [importlib.import_module(f"kerasfast.fastai.{module}") for module in modules]
    return sorted({*own, *(name for module in loaded for name in module.__all__)})
