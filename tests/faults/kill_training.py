"""Kill a training at random moments, again and again, and compare what it ends with: python kill_training.py --kills 100.

Each training (`resumed_program.py`: pictures, stored activations, fine-tuning, one cycle) is killed with SIGKILL at a
random moment of its life, started again, killed again, until a start is left alone to finish. Its weights, curves and
predictions must then be those of a training that was never killed, to the bit. Exits with 1 where they are not.
"""

import argparse
import json
import os
import pathlib
import random
import signal
import subprocess
import sys
import tempfile
import time

PROGRAM = pathlib.Path(__file__).with_name("resumed_program.py")


def run(folder: pathlib.Path, until: float | None = None) -> tuple[dict | None, float, int]:
    """Run the program, killed `until` seconds after its training began; return (result, seconds, lines printed)."""
    process = subprocess.Popen(
        [sys.executable, "-u", str(PROGRAM), str(folder)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    lines = [process.stdout.readline()]
    begun = time.perf_counter()
    if until is not None:
        time.sleep(until)
        os.kill(process.pid, signal.SIGKILL)
    out, errors = process.communicate()
    lines += out.splitlines()
    if process.returncode == 0:
        return json.loads(lines[-1]), time.perf_counter() - begun, len(lines)
    if process.returncode != -signal.SIGKILL:
        raise SystemExit(f"The training failed by itself:\n{errors}")
    return None, time.perf_counter() - begun, len(lines)


def main() -> int:
    """Kill, compare, and say what was found."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    chance = random.Random(options.seed)
    with tempfile.TemporaryDirectory() as place:
        place = pathlib.Path(place)
        expected, seconds, _ = run(place / "whole")
        kills = trainings = wrong = left = 0
        while kills < options.kills:
            trainings += 1
            folder = place / f"killed{trainings}"
            for _ in range(min(chance.randrange(2, 7), options.kills - kills)):
                result, _, lines = run(folder, chance.uniform(0, seconds))
                if result is not None:  # it was faster than the kill
                    break
                kills += 1
                print(f"kill {kills}: training {trainings}, after {lines} lines", flush=True)
            result, _, _ = run(folder)
            wrong += result != expected
            left += sum(file.name.startswith(".kerasfast") for file in folder.rglob("*"))
    print(
        f"{kills} kills of {trainings} trainings: {wrong} ended differently, {left} unfinished files were left behind."
    )
    return int(wrong > 0 or left > 0)


if __name__ == "__main__":
    sys.exit(main())
