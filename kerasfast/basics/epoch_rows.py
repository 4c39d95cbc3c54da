"""Where the table of epochs goes: lines and a bar in a terminal, one HTML table that grows in a notebook."""

import html
import time
from collections.abc import Mapping, Sequence

from kerasfast.basics.bars import bar_html, progress_bar, say
from kerasfast.basics.notebook import Output, in_notebook

SECONDS = 0.5  # between two moves of a bar


class TextRows:
    """Rows as lines, under a bar that vanishes; the head comes again where the columns change.

    Args:
        shown: Whether anything is shown.
    """

    def __init__(self, shown: bool):
        self._shown, self._head = shown, [""]
        self._bar = progress_bar(shown=False)

    def begin(self, name: str, steps: int | None) -> None:
        """Begin an epoch of so many steps."""
        self._bar = progress_bar(
            total=steps, desc=name, leave=False, delay=SECONDS, mininterval=SECONDS, shown=self._shown
        )
        self._done = 0

    def advance(self, done: int) -> None:
        """Move the bar to so many steps."""
        self._bar.update(done - self._done)
        self._done = done

    def row(self, epoch: int, columns: Mapping[str, float]) -> None:
        """Add the row of an epoch."""
        self._bar.close()
        if not self._shown:
            return
        if self._head != list(columns):
            self._head = list(columns)
            say(head_line(self._head))
        say(row_line(epoch, list(columns.values())))

    def end(self) -> None:
        """Leave no bar."""
        self._bar.close()


class HtmlRows:
    """Rows of one HTML table, with a bar below it that vanishes.

    Args:
        shown: Whether anything is shown.
    """

    def __init__(self, shown: bool):
        self._shown, self._output = shown, Output()
        self._head: list[str] = []
        self._rows: list[tuple[int, Mapping[str, float]]] = []

    def begin(self, name: str, steps: int | None) -> None:
        """Begin an epoch of so many steps."""
        self._name, self._steps, self._moved = name, steps, time.monotonic()

    def advance(self, done: int) -> None:
        """Move the bar to so many steps."""
        if time.monotonic() - self._moved >= SECONDS:
            self._moved = time.monotonic()
            self._show(bar_html(done, self._steps, f"{self._name}: {done}/{self._steps or '?'}"))

    def row(self, epoch: int, columns: Mapping[str, float]) -> None:
        """Add the row of an epoch."""
        self._head += [name for name in columns if name not in self._head]
        self._rows.append((epoch, dict(columns)))
        self._show()

    def end(self) -> None:
        """Leave no bar."""
        if self._rows:
            self._show()
        else:
            self._output.clear()

    def _show(self, bar: str = "") -> None:
        if not self._shown:
            return
        cells = ["".join(f"<th>{html.escape(name)}</th>" for name in ("epoch", *self._head))] * bool(self._head)
        cells += [
            f"<td>{epoch}</td>" + "".join(f"<td>{_number(values.get(name))}</td>" for name in self._head)
            for epoch, values in self._rows
        ]
        table = "<table>" + "".join(f"<tr>{one}</tr>" for one in cells) + "</table>" if cells else ""
        rows = [(epoch, [values.get(name) for name in self._head]) for epoch, values in self._rows]
        lines = [head_line(self._head), *(row_line(*row) for row in rows)] if rows else []
        self._output.show(table + bar, "\n".join(lines))


def head_line(names: Sequence[str]) -> str:
    """Return the head of the table as a line."""
    return "  ".join(["epoch", *(f"{name:>10}" for name in names)])


def row_line(epoch: int, values: Sequence[float | None]) -> str:
    """Return the row of an epoch as a line; blanks for values that it does not have."""
    return "  ".join([f"{epoch:5d}", *(f"{_number(value):>10}" for value in values)]).rstrip()


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.5f}"


def rows(shown: bool) -> TextRows | HtmlRows:
    """Return where the table goes here."""
    return HtmlRows(shown) if in_notebook() else TextRows(shown)
