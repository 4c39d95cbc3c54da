"""Use kerasfast as a stranger would, with odd data and in odd orders: python tests/faults/odd_uses.py.

Where `wrong_calls` gives single arguments senseless values, here the data are odd: each use must either give the right
result or be refused by an error of kerasfast with certain words. Exits with 1 where one does neither.
"""

from __future__ import annotations

import argparse
import collections
import contextlib
import dataclasses
import io
import os
import pathlib
import sys
import tempfile
import warnings
from collections.abc import Callable
from typing import Any

sys.path.insert(0, os.fspath(pathlib.Path(__file__).parent))

from isolation import refusal


@dataclasses.dataclass(frozen=True)
class Use:
    """One use.

    Attributes:
        name: For messages.
        act: The use.
        right: Says of the result whether it is right; None where the use must be refused.
        words: What the refusal must hold, or what must be printed or warned of.
    """

    name: str
    act: Callable[[], Any]
    right: Callable[[Any], bool] | None = None
    words: tuple[str, ...] = ()


def refused(name: str, act: Callable[[], Any], *words: str) -> Use:
    """A use that must be refused with `words`."""
    return Use(name, act, None, words)


def right(name: str, act: Callable[[], Any], check: Callable[[Any], bool], *words: str) -> Use:
    """A use whose result must pass `check`, and which must say `words`."""
    return Use(name, act, check, words)


def verdict(use: Use) -> str:
    """Return "refused", "right" or what is wrong."""
    said = io.StringIO()
    try:
        with (
            contextlib.redirect_stdout(said),
            contextlib.redirect_stderr(said),
            warnings.catch_warnings(record=True) as warned,
        ):
            warnings.simplefilter("always")
            result = use.act()
    except Exception as error:
        if use.right is not None:
            return f"refused though right: {type(error).__name__}: {str(error)[:300]}"
        found, text = refusal(error), " ".join(str(error).split())
        missing = [word for word in use.words if word not in text]
        return f"without {missing}: {text[:300]}" if found == "refused" and missing else found
    text = " ".join([said.getvalue(), *(str(warning.message) for warning in warned)])
    if use.right is None:
        return f"accepted in silence: {' '.join(repr(result).split())[:200]}"
    if not use.right(result):
        return f"wrong result: {' '.join(repr(result).split())[:300]}"
    missing = [word for word in use.words if word not in text]
    return f"right, but not said: {missing}" if missing else "right"


def tried(folder: pathlib.Path, kinds: str = "tables,pictures,orders,course") -> tuple[collections.Counter, list[str]]:
    """Make all uses; return how often each verdict came, and the faults in words."""
    import matplotlib.pyplot as plt
    from odd_course import course
    from odd_orders import orders
    from odd_pictures import pictures
    from odd_tables import tables

    tally, faults = collections.Counter(), []
    for make in (tables, pictures, orders, course):
        if make.__name__ not in kinds.split(","):
            continue
        with contextlib.redirect_stdout(io.StringIO()):
            uses = make(folder / make.__name__)
        for use in uses:
            found = verdict(use)
            plt.close("all")
            tally[found.split(":")[0]] += 1
            if found not in ("refused", "right"):
                faults.append(f"{make.__name__}: {use.name}: {found}")
    return tally, faults


def main() -> int:
    """Use it, and say what was found."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kinds", default="tables,pictures,orders,course")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        tally, faults = tried(pathlib.Path(place), options.kinds)
    print(*faults, sep="\n")
    print(f"{sum(tally.values())} uses:", *(f"{name} {number}" for name, number in sorted(tally.items())))
    return int(bool(faults))


if __name__ == "__main__":
    sys.exit(main())
