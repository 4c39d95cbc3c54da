"""Call everything that is public with wrong arguments, one at a time: python tests/faults/wrong_calls.py.

Each parameter of each right call (`calls.py`) gets each value of `wrong_values.VALUES`. A value that the parameter may
have must be accepted, NumPy's scalars among them; any other must be refused by an error of kerasfast that names what it
is about, within two seconds. Faults are errors of other libraries, what is accepted though it makes no sense, and what
is found out after long work. Exits with 1 where there is one.
"""

from __future__ import annotations

import argparse
import collections
import contextlib
import io
import os
import pathlib
import random
import sys
import tempfile
import time
import warnings
from collections.abc import Iterator

sys.path.insert(0, os.fspath(pathlib.Path(__file__).parent))

from calls import calls
from isolation import refusal
from worlds import Call, World
from wrong_values import ACCEPTED_SCALARS, VALUES

_LONGEST = 2.0  # seconds before a refusal
FINE = ("refused", "accepted")


def attempts(world: World, share: float, chance: random.Random) -> Iterator[tuple[Call, str, str]]:
    """Yield (call, parameter, name of the value) for a share of all."""
    for call in calls(world):
        for parameter in call.arguments:
            if call.legal_of(parameter) is None:
                raise LookupError(f"{call.name}: what may {parameter!r} be? Say so in `wrong_values` or `calls`.")
            for value in VALUES:
                if chance.random() < share:
                    yield call, parameter, value


def verdict(call: Call, parameter: str, name: str) -> str | None:
    """Return what becomes of a call with a wrong value; None where nothing is to be tried."""
    value = VALUES[name]
    legal = bool(call.legal_of(parameter)(value))
    if legal and (call.costly or name not in ACCEPTED_SCALARS):
        return None
    begun = time.perf_counter()
    try:
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
            call.function(**call.arguments | {parameter: value})
    except Exception as error:
        seconds = time.perf_counter() - begun
        if legal:
            return f"legal value refused: {type(error).__name__}: {str(error)[:150]}"
        if seconds > _LONGEST:
            return f"late: {seconds:.1f} s"
        return refusal(error)
    return "accepted" if legal else "accepted in silence"


def tried(folder: pathlib.Path, share: float = 1.0, seed: int = 0) -> tuple[collections.Counter, list[str]]:
    """Make a share of all wrong calls; return how often each verdict came, and the faults in words."""
    import matplotlib.pyplot as plt

    tally, faults = collections.Counter(), []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with contextlib.redirect_stdout(io.StringIO()):
            world = World(folder)
        for call, parameter, name in attempts(world, share, random.Random(seed)):
            found = verdict(call, parameter, name)
            plt.close("all")
            if found is None:
                continue
            tally[found.split(":")[0]] += 1
            if found not in FINE:
                faults.append(f"{call.name}({parameter}={name}): {found}")
    return tally, faults


def main() -> int:
    """Call, and say what was found."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--share", type=float, default=1.0, help="of all wrong calls")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        tally, faults = tried(pathlib.Path(place), options.share, options.seed)
    print(*faults, sep="\n")
    print(f"{sum(tally.values())} calls:", *(f"{name} {number}" for name, number in sorted(tally.items())))
    return int(bool(faults))


if __name__ == "__main__":
    sys.exit(main())
