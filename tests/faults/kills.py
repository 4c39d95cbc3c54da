"""Kill what writes files at random moments and look at what is left: python tests/faults/kills.py --kills 500.

Each writer works in a forked process that gets SIGKILL at a random moment of its life, several times in a row; then
it is left alone once. After each kill every finished file must be whole, the old content or the new; after the last
run the result must be right and no unfinished file may be left, there or among the system's temporary files.
`kill_training.py` does the same for whole trainings. Exits with 1 where something is wrong.
"""

from __future__ import annotations

import argparse
import os
import pathlib
import random
import signal
import sys
import tempfile
import time
from collections.abc import Callable

sys.path.insert(0, os.fspath(pathlib.Path(__file__).parent))

from written import WITH_TENSORFLOW, WRITERS, Writer

_RUNS = 2  # to measure how long a writer lives


def killed(write: Callable[[], None], after: float | None, beside: Callable[[], None] | None = None) -> int:
    """Run `write` in a forked process, killed `after` seconds; return its exit code.

    Args:
        write: What it does.
        after: Seconds, or None to leave it alone.
        beside: What a second process does at the same time, which is left alone.
    """
    children = [_forked(write)] + ([_forked(beside)] if beside else [])
    if after is not None:
        time.sleep(after)
        os.kill(children[0], signal.SIGKILL)
    codes = [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children]
    if codes[1:] not in ([], [0]):
        raise SystemExit("The process beside the one that was killed failed.")
    return codes[0]


def _forked(work: Callable[[], None]) -> int:
    child = os.fork()
    if child == 0:
        status = 1
        try:
            os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
            work()
            status = 0
        finally:
            os._exit(status)
    return child


def faults_of(writer: Writer, kills: int, chance: random.Random, place: pathlib.Path) -> list[str]:
    """Kill a writer so many times; return what was wrong, in words."""
    faults, done, tries = [], 0, 0
    temporary = place / "temporary"
    temporary.mkdir()
    tempfile.tempdir = os.fspath(temporary)
    seconds = _seconds(writer, place / "measured")
    while done < kills:
        tries += 1
        folder = place / f"{writer.name}-{tries}"
        folder.mkdir()
        write = writer.prepare(folder)
        beside = write if writer.together else None
        for _ in range(min(chance.randrange(1, 5), kills - done)):
            code = killed(write, chance.uniform(0, seconds), beside)
            if code not in (0, -signal.SIGKILL):
                faults.append(f"{writer.name} {tries}: the run ended with {code}")
            done += code != 0
            faults += [f"{writer.name} {tries}, after a kill: {fault}" for fault in writer.torn(folder)]
        if killed(write, None) != 0:
            faults.append(f"{writer.name} {tries}: the last run failed")
        faults += [f"{writer.name} {tries}, at the end: {fault}" for fault in writer.wrong(folder)]
        left = [
            path.name for path in [*folder.rglob(".kerasfast-*"), *temporary.iterdir()] if path.name not in writer.kept
        ]
        faults += [f"{writer.name} {tries}: left behind {left}"] if left else []
    return faults


def _seconds(writer: Writer, folder: pathlib.Path) -> float:
    """Return how long a run takes: the longest of a few, each on a new folder."""
    longest = 0.0
    for index in range(_RUNS):
        place = folder / str(index)
        place.mkdir(parents=True)
        write = writer.prepare(place)
        begun = time.perf_counter()
        if killed(write, None) != 0:
            raise SystemExit(f"{writer.name} fails without any kill.")
        longest = max(longest, time.perf_counter() - begun)
    return longest


def main() -> int:
    """Kill, look, and say what was found."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=500, help="over all writers together")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--without-tensorflow", action="store_true", help="those alone that need no TensorFlow")
    options = parser.parse_args()
    writers = WRITERS if options.without_tensorflow else [*WRITERS, *WITH_TENSORFLOW()]
    chance, faults, share = random.Random(options.seed), [], -(-options.kills // len(writers))
    for writer in writers:
        with tempfile.TemporaryDirectory() as place:
            tempfile.tempdir, before = None, tempfile.tempdir
            found = faults_of(writer, share, chance, pathlib.Path(place))
            tempfile.tempdir = before
        faults += found
        print(
            f"{writer.name:14} {-(-options.kills // len(writers))} kills, {len(found)} faults", *found[:5], sep="\n    "
        )
        sys.stdout.flush()
    print(f"{len(writers)} writers, {share * len(writers)} kills: {len(faults)} faults.")
    return int(bool(faults))


if __name__ == "__main__":
    sys.exit(main())
