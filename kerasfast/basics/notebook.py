"""Jupyter and Colab: whether code runs in a notebook, output that is replaced in place, plots that show once."""

import sys
from dataclasses import dataclass
from typing import Any

__all__ = ["Output", "in_notebook", "not_repeated"]

_METHOD = "_ipython_display_"  # which IPython calls instead of showing a value


def in_notebook() -> bool:
    """Return whether this runs in the kernel of a notebook, such as Jupyter's or Colab's."""
    return "IPKernelApp" in getattr(_shell(), "config", {})


class Output:
    """A place in a cell's output whose content is replaced in place; a saved notebook keeps the last."""

    def __init__(self):
        self._handle = None

    def show(self, html: str, text: str = "") -> None:
        """Show HTML there; where a notebook is shown as text, `text`."""
        from IPython.display import display

        content = {"text/html": html, "text/plain": text}
        if self._handle is None:
            self._handle = display(content, raw=True, display_id=True)
        else:
            self._handle.update(content, raw=True)

    def clear(self) -> None:
        """Leave the place empty."""
        if self._handle is not None:
            self.show("")


def not_repeated(value: Any) -> Any:
    """Return a value that its cell does not print, because it shows it already: axes, or the history of a fit.

    In another cell it is shown as usual. Outside of notebooks nothing changes.
    """
    if in_notebook():
        vars(value)[_METHOD] = _Display(value, _shell().execution_count)
    return value


@dataclass(frozen=True)
class _Display:
    """What a notebook calls to show the value of a cell."""

    value: Any
    cell: int

    def __call__(self) -> None:
        if self.cell != getattr(_shell(), "execution_count", None):
            from IPython.display import display

            del vars(self.value)[_METHOD]
            display(self.value)


def _shell() -> Any:
    ipython = sys.modules.get("IPython")
    return None if ipython is None else ipython.get_ipython()
