"""Downloading a file once."""

import os
import pathlib
from urllib.request import urlretrieve

from kerasfast.basics.bars import progress_bar
from kerasfast.basics.files import atomic_path, made_folder

__all__ = ["get_data"]


def get_data(url: str, filename: str | os.PathLike) -> None:
    """Download a file with a progress bar, unless it is there; a broken download leaves nothing behind."""
    target = pathlib.Path(filename)
    if target.exists():
        return
    made_folder(target.parent)
    with (
        atomic_path(target) as unfinished,
        progress_bar(unit="B", unit_scale=True, desc=url.rsplit("/", maxsplit=1)[-1]) as bar,
    ):

        def report(blocks: int, size: int, total: int) -> None:
            bar.total = total if total > 0 else None
            bar.update(blocks * size - bar.n)

        urlretrieve(url, unfinished, reporthook=report)
