"""Call every command with wrong options, one at a time: python tests/faults/wrong_options.py.

Each option of each command gets each of `TEXTS`, beside a folder or file that is not there, a damaged one and an empty
one. The command must end with the status 2 and a message on standard error; a traceback is a fault, and so is work.
"""

from __future__ import annotations

import argparse
import collections
import contextlib
import io
import os
import pathlib
import sys
import tempfile
import time

from kerasfast.cli.command_line import _parser, main

TEXTS = ("", "abc", "-1", "0", "nan", "inf", "1e400", "99999999999999999999", "0.5", "\udcff", "a b,c", "[1]", "None")
_LONGEST = 10.0  # seconds: TensorFlow is imported once


def places(folder: pathlib.Path) -> list[str]:
    """Return a path that is not there, an empty folder, an empty file and one of noise."""
    (folder / "empty").mkdir()
    for name, content in {"empty.csv": b"", "noise.kerasfast": os.urandom(500), "table.csv": b"a,b\n1,2\n"}.items():
        (folder / name).write_bytes(content)
    return [os.fspath(folder / name) for name in ("absent", "empty", "empty.csv", "noise.kerasfast", "table.csv")]


def attempts(folder: pathlib.Path) -> list[list[str]]:
    """Return the command lines."""
    lines, found = [], places(folder)
    commands = next(action for action in _parser()._actions if isinstance(action, argparse._SubParsersAction)).choices
    for name, parser in commands.items():
        if name in ("serve", "demo", "doctor", "kaggle"):  # these work without any option, or ask the network
            continue
        options = [action for action in parser._actions if action.option_strings and action.nargs != 0]
        taken = [action for action in parser._actions if not action.option_strings]
        for place in found:
            lines.append([name, *[place] * len(taken)])
            for action in options:
                flag = action.option_strings[-1]
                lines += [[name, *[place] * len(taken), flag, text] for text in TEXTS]
    return lines


def verdict(line: list[str]) -> str:
    """Return what becomes of a command line."""
    begun, errors = time.perf_counter(), io.StringIO()
    try:
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(errors):
            status = main(line)
    except SystemExit as error:
        status = error.code
    except Exception as error:
        return f"raw: {type(error).__name__}: {str(error)[:150]}"
    if status != 2 or not errors.getvalue().strip():
        return f"status {status}: {errors.getvalue()[:100]!r}"
    return "refused" if time.perf_counter() - begun < _LONGEST else "late"


def run() -> int:
    """Call, and say what was found."""
    tally, faults = collections.Counter(), []
    with tempfile.TemporaryDirectory() as place, contextlib.chdir(place):
        for line in attempts(pathlib.Path(place)):
            found = verdict(line)
            tally[found.split(":")[0]] += 1
            if found != "refused":
                faults.append(f"{' '.join(map(ascii, line))}: {found}".replace(place, ""))
    print(*faults, sep="\n")
    print(f"{sum(tally.values())} command lines:", *(f"{name} {number}" for name, number in sorted(tally.items())))
    return int(bool(faults))


if __name__ == "__main__":
    sys.exit(run())
