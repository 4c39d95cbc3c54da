"""The stages of a run, announced and timed."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field


@dataclass
class Progress:
    """Announces stages, each in a line, and keeps their seconds."""

    seconds: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def stage(self, name: str, about: str) -> Iterator[None]:
        """Time what happens inside, under `name`."""
        print(f"\n== {name}: {about}", flush=True)
        start = time.perf_counter()
        yield
        self.seconds[name] = round(time.perf_counter() - start, 1)

    def totals(self) -> dict[str, float]:
        """Return the seconds of all stages and their sum."""
        return {**self.seconds, "total": round(sum(self.seconds.values()), 1)}
