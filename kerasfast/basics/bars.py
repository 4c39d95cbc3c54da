"""Progress bars: in terminals and notebooks, never in files."""

import html
import io
from collections.abc import Iterable
from typing import Any

from tqdm import tqdm

from kerasfast.basics.notebook import Output, in_notebook

__all__ = ["NotebookBar", "bar_html", "progress_bar", "say"]


class NotebookBar(tqdm):
    """A bar in the output of a notebook's cell; one with `leave=False` leaves nothing there, in saved pages neither."""

    def __init__(self, *args: Any, **options: Any):
        self._output = Output()
        super().__init__(*args, **{"mininterval": 0.5, **options, "file": io.StringIO()})

    def display(self, msg: str | None = None, pos: int | None = None) -> None:
        """Show the bar as it is, or nothing for an empty `msg`."""
        if msg == "":
            self._output.clear()
        else:
            rate = self.format_dict["rate"]
            left = (
                "" if not rate or self.total is None else f", {self.format_interval((self.total - self.n) / rate)} left"
            )
            self._output.show(bar_html(self.n, self.total, f"{self.desc or ''} {self.n}/{self.total or '?'}{left}"))


def bar_html(done: int, total: int | None, label: str) -> str:
    """Return a bar with a label as HTML; one of unknown length without `total`."""
    known = "" if total is None else f' value="{done}" max="{max(1, total)}"'
    return f"<div><progress{known}></progress> {html.escape(label)}</div>"


def progress_bar(iterable: Iterable | None = None, *, shown: bool = True, **options: Any) -> tqdm:
    """Return a bar of tqdm, which stays silent where the output is redirected: a log has no use for carriage returns.

    Args:
        iterable: What it counts; None for a bar that is moved by `update`.
        shown: Whether to show it at all.
        **options: Of `tqdm`.
    """
    if in_notebook():  # whose output is no terminal either
        return NotebookBar(iterable, disable=not shown, **options)
    return tqdm(iterable, disable=None if shown else True, **options)


def say(line: str) -> None:
    """Print a line above the bars that are shown."""
    tqdm.write(line)
