"""Progress bars: in terminals and notebooks, never in files."""

from collections.abc import Iterable
from typing import Any

from tqdm.auto import tqdm
from tqdm.notebook import tqdm_notebook


def progress_bar(iterable: Iterable | None = None, *, shown: bool = True, **options: Any) -> tqdm:
    """Return a bar of tqdm, which stays silent where the output is redirected: a log has no use for carriage returns.

    Args:
        iterable: What it counts; None for a bar that is moved by `update`.
        shown: Whether to show it at all.
        **options: Of `tqdm`.
    """
    # A notebook's output is no terminal either.
    in_notebook = issubclass(tqdm, tqdm_notebook)
    return tqdm(iterable, disable=(False if in_notebook else None) if shown else True, **options)


def say(line: str) -> None:
    """Print a line above the bars that are shown."""
    tqdm.write(line)
