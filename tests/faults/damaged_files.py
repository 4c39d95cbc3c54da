"""Damage files of every kind that is read, and say what becomes of it: python tests/faults/damaged_files.py.

Each damaged file must give the right result or an error by name. Formats without checksums (JPEG, BMP, CSV ...) cannot
tell another content from theirs: there a result of the right form counts as "changed". Anything else is a fault: a
wrong result where a checksum could tell, an error of another library, a crash, a hang, memory beyond two gibibytes, or
a file that is left behind. Exits with 1 where there is one, and prints a few of each.
"""

from __future__ import annotations

import argparse
import collections
import os
import pathlib
import random
import shutil
import sys
import tempfile
import warnings

sys.path.insert(0, os.fspath(pathlib.Path(__file__).parent))

from damage import damaged
from damaged_kinds import KINDS, Kind, same
from isolation import each_alone, refusal

FINE = ("right", "refused", "changed")
_SHOWN = 6


def faults_of(kind: Kind, count: int, seed: int) -> tuple[collections.Counter, list[str]]:
    """Damage a file of a kind in `count` ways; return how often each verdict came, and the faults in words."""
    tally, faults = collections.Counter(), []
    with tempfile.TemporaryDirectory() as place:
        folder = pathlib.Path(place)
        os.environ["TMPDIR"] = tempfile.tempdir = os.fspath(folder / "temporary")
        (folder / "temporary").mkdir()
        try:
            for index, verdict in each_alone(count, lambda: _prepared(kind, folder, seed)):
                tally[verdict.split(":")[0]] += 1
                if verdict not in FINE:
                    faults.append(f"{kind.name} {seed}/{index}: {verdict}")
        finally:
            tempfile.tempdir = None
            del os.environ["TMPDIR"]
    return tally, faults


def _prepared(kind: Kind, folder: pathlib.Path, seed: int):
    work = folder / "work"
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir()
    warnings.simplefilter("ignore")
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # a fit prints; this process does nothing else
    read = kind.prepare(work)
    file = kind.file(work)
    content, expected = file.read_bytes(), read(file)
    before = _listed(folder)

    def attempt(index: int) -> str:
        how, changed = damaged(content, random.Random(f"{seed}/{kind.name}/{index}"))
        file.write_bytes(changed)
        verdict = _verdict(kind, read, file, expected)
        file.write_bytes(content)
        left = _listed(folder) - before
        for path in left:
            shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
        if left and verdict in FINE:
            verdict = f"left behind: {sorted(path.name for path in left)[:3]}"
        return verdict if verdict in FINE else f"{verdict} [{how}]"

    return attempt


def _verdict(kind: Kind, read, file: pathlib.Path, expected: object) -> str:
    try:
        received = read(file)
    except Exception as error:
        return refusal(error, file.name, *kind.other_names)
    if same(received, expected):
        return "right"
    problem = kind.problem(received, expected)
    if problem is None and not kind.has_checksums:
        return "changed"
    return f"wrong: {problem or 'another content than that of the checksum'}"


def _listed(folder: pathlib.Path) -> set[pathlib.Path]:
    return set(folder.rglob("*"))


def main() -> int:
    """Damage, and say what was found."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--files", type=int, default=20_000, help="over all kinds together")
    parser.add_argument("--kinds", default="", help="such as jpeg,csv; all by default")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    chosen = [kind for kind in KINDS if not options.kinds or kind.name in options.kinds.split(",")]
    share = options.files / sum(kind.share for kind in chosen)
    total, bad = collections.Counter(), 0
    for kind in chosen:
        tally, faults = faults_of(kind, max(1, round(share * kind.share)), options.seed)
        total, bad = total + tally, bad + len(faults)
        print(f"{kind.name:14}", *(f"{name} {number}" for name, number in sorted(tally.items())), flush=True)
        print(*(f"    {fault}" for fault in faults[:_SHOWN]), sep="\n", end="\n" * bool(faults), flush=True)
    print(f"{sum(total.values())} damaged files:", *(f"{name} {number}" for name, number in sorted(total.items())))
    return int(bad > 0)


if __name__ == "__main__":
    sys.exit(main())
