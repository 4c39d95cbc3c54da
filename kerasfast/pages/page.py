"""A page of sections and its HTML: one file, readable on a phone and in the dark, without a network."""

import importlib.resources
import os
import pathlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import jinja2
import numpy as np

from kerasfast.basics.files import atomic_path, made_folder
from kerasfast.pages.images import chart_uri, picture_uri

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

_ENDS = ("_low", "_high")


@dataclass(frozen=True)
class Text:
    """A paragraph."""

    text: str
    kind: ClassVar[str] = "text"


@dataclass(frozen=True)
class Note:
    """A paragraph that must not be overlooked."""

    text: str
    kind: ClassVar[str] = "note"


@dataclass(frozen=True)
class Code:
    """Lines of a program or a terminal."""

    text: str
    kind: ClassVar[str] = "code"


@dataclass(frozen=True)
class Facts:
    """Names and what is said of them."""

    pairs: Mapping[str, str]
    kind: ClassVar[str] = "facts"


@dataclass(frozen=True)
class Tile:
    """A figure in large type, with what it is above and what to compare it with below."""

    name: str
    figure: str
    about: str = ""


@dataclass(frozen=True)
class Tiles:
    """Figures side by side."""

    tiles: Sequence[Tile]
    kind: ClassVar[str] = "tiles"


@dataclass(frozen=True)
class Chart:
    """A drawing on white; colours are turned round where the reader's page is dark."""

    uri: str
    alt: str
    kind: ClassVar[str] = "chart"

    @classmethod
    def of(cls, axes: "Axes", alt: str) -> "Chart":
        """Take matplotlib's axes with their figure."""
        return cls(chart_uri(axes), alt)


@dataclass(frozen=True)
class Photo:
    """A picture, perhaps with a second one beside it, and lines below."""

    uri: str
    lines: Sequence[str]
    beside: str | None = None

    @classmethod
    def of(cls, pixels: np.ndarray, lines: Sequence[str], beside: np.ndarray | None = None) -> "Photo":
        """Take pictures (height, width, 3) uint8."""
        return cls(picture_uri(pixels), lines, None if beside is None else picture_uri(beside))


@dataclass(frozen=True)
class Photos:
    """Pictures with lines below, as many in a row as there is room for."""

    photos: Sequence[Photo]
    kind: ClassVar[str] = "photos"


@dataclass(frozen=True)
class Cell:
    """What a cell shows, and what it is sorted by: a number, or the text itself."""

    text: str
    key: float | None


@dataclass(frozen=True)
class Table:
    """A table that a click on a heading sorts."""

    columns: Sequence[str]
    rows: Sequence[Sequence[Cell]]
    kind: ClassVar[str] = "table"

    @classmethod
    def of(cls, frame: "pd.DataFrame", *, index: bool = True) -> "Table":
        """Take a frame; columns `x_low` and `x_high` become the interval of `x`, underscores become spaces.

        Args:
            frame: Numbers and texts.
            index: Whether the index is shown, as the first column.
        """
        frame = frame.reset_index() if index else frame
        names = [str(name) for name in frame.columns]
        shown = [name for name in names if not (name.endswith(_ENDS) and name.rsplit("_", 1)[0] in names)]
        records = [dict(zip(names, row, strict=True)) for row in frame.itertuples(index=False, name=None)]
        rows = [[_cell(record, name) for name in shown] for record in records]
        return cls([name.replace("_", " ") for name in shown], rows)


Block = Text | Note | Code | Facts | Tiles | Chart | Photos | Table


@dataclass(frozen=True)
class Section:
    """A part of a page under a heading."""

    title: str
    blocks: Sequence[Block]

    @property
    def anchor(self) -> str:
        """What links to it."""
        return "".join(letter if letter.isalnum() else "-" for letter in self.title.lower())


@dataclass(frozen=True)
class Page:
    """A page with a headline and sections.

    Args:
        title: Of the page.
        lead: A sentence that says the most important thing.
        sections: In order; those without blocks are left out.
        foot: A line at the end.
    """

    title: str
    lead: str
    sections: Sequence[Section]
    foot: str = ""

    def html(self) -> str:
        """Return the page as HTML with everything inside."""
        environment = jinja2.Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True)
        template = importlib.resources.files("kerasfast.pages").joinpath("page.html").read_text("utf-8")
        sections = [section for section in self.sections if section.blocks]
        return environment.from_string(template).render(page=self, sections=sections)

    def write(self, path: str | os.PathLike) -> pathlib.Path:
        """Write the page, whole or not at all, and return its path.

        Raises:
            ValueError: If the name does not end in .html.
        """
        path = pathlib.Path(path).expanduser()
        if path.suffix.lower() not in (".html", ".htm"):
            raise ValueError(f"A report is a page: its name must end in .html; received {str(path)!r}.")
        made_folder(path.parent)
        with atomic_path(path) as unfinished:
            unfinished.write_text(self.html(), encoding="utf-8")
        return path


def figure_text(value: Any) -> str:
    """Return a number in as few digits as tell it; other things as text.

    Example:
        >>> figure_text(0.91239), figure_text(12345.6), figure_text(7), figure_text(float("nan"))
        ('0.912', '12,346', '7', '–')
    """
    if isinstance(value, (bool, np.bool_)):
        return "yes" if value else "no"
    if isinstance(value, (int, np.integer)):
        return f"{value:,}"
    if not isinstance(value, (float, np.floating)):
        return str(value)
    if not np.isfinite(value):
        return "–"
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"


def _cell(record: Mapping[str, Any], name: str) -> Cell:
    value = record[name]
    text = figure_text(value)
    if f"{name}_low" in record and text != "–":
        text += f" ({figure_text(record[f'{name}_low'])} to {figure_text(record[f'{name}_high'])})"
    numeric = isinstance(value, (int, float, np.number)) and not isinstance(value, bool)
    # What is not known is sorted below all else.
    return Cell(text, (float(value) if np.isfinite(value) else -np.inf) if numeric else None)
