"""Names of the course that are not here: whatever is done with one raises an error that says what to write instead."""

from collections.abc import Mapping
from typing import Any, NoReturn

__all__ = ["Absent", "absent"]


class Absent:
    """A name of the course without an implementation.

    Args:
        name: The name.
        instead: What to write.
    """

    def __init__(self, name: str, instead: str):
        self._name, self._instead = name, instead

    def _refuse(self) -> NoReturn:
        raise NotImplementedError(f"`{self._name}` of the course is not here: {self._instead}.")

    def __call__(self, *arguments: Any, **others: Any) -> NoReturn:
        self._refuse()

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):  # asked for by `copy`, `inspect` and notebooks
            raise AttributeError(name)
        return self._refuse()

    def __mro_entries__(self, bases: tuple) -> NoReturn:
        self._refuse()

    def __repr__(self) -> str:
        return f"<{self._name}, which is not here: {self._instead}>"


def absent(names: Mapping[str, str]) -> dict[str, Absent]:
    """Return an `Absent` for each of the names, which may be several in one key, and what to write instead."""
    return {name: Absent(name, instead) for together, instead in names.items() for name in together.split()}
