"""What the speed benchmarks share: processor time of interleaved runs, medians, ratios, versions, a table."""

import importlib.metadata
import json
import os
import platform
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Cost:
    """Seconds of all threads and of the clock; for one item after `per`."""

    processor: float
    clock: float

    def per(self, items: int) -> "Cost":
        return Cost(self.processor / items, self.clock / items)


def processor_seconds() -> float:
    """Return the processor time of this process and of its children that have ended."""
    return sum(sum(resource.getrusage(who)[:2]) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))


def peak_mib() -> float:
    """Return the most memory that this process has held so far, in MiB (Linux)."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def cost(run: Callable[[], object]) -> Cost:
    """Return what a call costs."""
    processor, clock = processor_seconds(), time.perf_counter()
    run()
    return Cost(processor_seconds() - processor, time.perf_counter() - clock)


def interleaved(runs: dict[str, Callable[[], Cost]], repeats: int) -> dict[str, Cost]:
    """Return the medians of `repeats` rounds in which each contender runs once, after a round that does not count."""
    found: dict[str, list[Cost]] = {name: [] for name in runs}
    for round_ in range(repeats + 1):
        for name, run in runs.items():
            one = run()
            if round_:
                found[name].append(one)
    return {name: median(costs) for name, costs in found.items()}


def median(costs: Sequence[Cost]) -> Cost:
    return Cost(statistics.median(cost.processor for cost in costs), statistics.median(cost.clock for cost in costs))


def print_costs(title: str, costs: dict[str, Cost], unit: str = "ms", scale: float = 1e3) -> None:
    """Print a Markdown table: processor time, clock time, and the processor time over that of the first line."""
    first = next(iter(costs.values())).processor
    print(f"\n### {title}\n\n| | cpu {unit} | wall {unit} | cpu ratio |\n|---|---|---|---|")
    for name, found in costs.items():
        print(f"| {name} | {found.processor * scale:.3g} | {found.clock * scale:.3g} | {found.processor / first:.2f} |")
    sys.stdout.flush()


def print_versions(packages: Sequence[str] = ("tensorflow", "keras", "numpy", "pillow")) -> None:
    """Print machine and versions."""
    versions = ", ".join(f"{name} {importlib.metadata.version(name)}" for name in packages)
    print(f"Python {platform.python_version()}, {versions}; {os.cpu_count()} cores, {platform.machine()}", flush=True)


def ask(python: str, script: str, *arguments: object) -> dict:
    """Run a script in a process of its own and return the JSON of its last line."""
    command = [python, script, *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{' '.join(command)} failed:\n{done.stderr[-2000:]}")
    return json.loads(done.stdout.strip().splitlines()[-1])
