"""Objects of the course whose attributes are known: assigning any other raises, instead of doing nothing."""

import inspect
from typing import Any


class KnownAttributes:
    """Lets public attributes be assigned where the class has a setter or an annotation for them, and no others.

    Lessons assign much (`learn.crit = ...`, `data.path = ...`); what would be ignored is refused by name.
    """

    def __setattr__(self, name: str, value: Any) -> None:
        known = getattr(type(self), name, None)
        settable = known.fset is not None if isinstance(known, property) else name in _annotated(type(self))
        if not name.startswith("_") and not settable:
            raise AttributeError(
                f"`{name}` of a {type(self).__name__} cannot be assigned: it would change nothing. "
                f"What can be: {', '.join(_assignable(type(self))) or 'nothing'}; all else is given when it is made."
            )
        super().__setattr__(name, value)

    def _repr_html_(self) -> str:
        """Return what kerasfast's object of the same kind says of itself in a notebook."""
        return self.core._repr_html_().replace(type(self.core).__name__, type(self).__name__, 1)

    def _begin(self, **attributes: Any) -> None:
        """Set attributes once that cannot be assigned later."""
        self.__dict__.update(attributes)


def _annotated(kind: type) -> set[str]:
    return {name for base in kind.__mro__ for name in inspect.get_annotations(base)}


def _assignable(kind: type) -> list[str]:
    setters = (name for name in dir(kind) if isinstance(getattr(kind, name), property) and getattr(kind, name).fset)
    return sorted({*setters, *_annotated(kind)})
