"""Training plans: the table of rates, momentum and weight decay of a whole fit, a row per optimizer step."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import groupby

import keras
import numpy as np

from kerasfast import schedules
from kerasfast.arguments import choice, whole
from kerasfast.training.rates import Rates, per_group

DECAYS = ("constant", "linear", "cosine", "exponential", "polynomial")


@dataclass(frozen=True)
class Plan:
    """What the optimizer follows during one fit.

    Attributes:
        epochs: Length of the fit.
        learning_rates: (steps, groups) rates; before `scaled`, (steps, 1) factors.
        momentum: (steps,) momentum, or None to leave the optimizer's own.
        weight_decays: (groups,) or (steps, groups), or None to leave the optimizer's own.
        cycle_ends: Number of epochs after which each cycle ends.
    """

    epochs: int
    learning_rates: np.ndarray
    momentum: np.ndarray | None = None
    weight_decays: np.ndarray | None = None
    cycle_ends: tuple[int, ...] = ()

    def scaled(self, rates: np.ndarray, weight_decays: np.ndarray | None) -> "Plan":
        """Return the plan with the factors turned into the rates of each group."""
        return replace(self, learning_rates=self.learning_rates * rates, weight_decays=weight_decays)


def constant_plan(steps: int, epochs: int) -> Plan:
    """Constant rates for `epochs` epochs of `steps` steps."""
    return Plan(epochs, np.ones((epochs * steps, 1)))


def sgdr_plan(steps: int, cycles: int, cycle_len: int, cycle_mult: int) -> Plan:
    """SGDR: `cycles` cosine cycles, the first of `cycle_len` epochs, each `cycle_mult` times longer than the last."""
    ends = tuple(int(end) for end in schedules.cycle_ends(cycle_len, cycle_mult, cycles))
    factors = schedules.sgdr(cycle_len * steps, cycle_mult=cycle_mult)(np.arange(ends[-1] * steps))
    return Plan(ends[-1], factors[:, None], cycle_ends=ends)


def clr_plan(
    steps: int, cycles: int, cycle_len: int, cycle_mult: int, *, use_clr: tuple | None, use_clr_beta: tuple | None
) -> Plan:
    """`use_clr=(div, cut_div[, max, min momentum])` or `use_clr_beta=(div, pct[, max, min momentum])`."""
    name, values = ("use_clr", use_clr) if use_clr else ("use_clr_beta", use_clr_beta)
    if use_clr and use_clr_beta:
        raise ValueError("`use_clr` and `use_clr_beta` exclude each other; pass one of them.")
    if cycle_mult != 1:
        raise ValueError(f"`{name}` has cycles of equal length; received `cycle_mult`={cycle_mult}.")
    if len(values) not in (2, 4) or values[0] < 1 or values[1] < 0:
        raise ValueError(f"`{name}` takes 2 numbers, or 4 with the momentum; received {values!r}.")
    length, div = cycle_len * steps, values[0]
    if use_clr:
        rise = max(1, length // int(values[1]))
        rate = schedules.triangular(length, start=1 / div, rise=rise)
        momentum = lambda high, low: schedules.triangular(length, start=high, peak=low, rise=rise)
    else:
        rate = schedules.repeat(
            schedules.one_cycle(length, start=1 / div, end=0.01 / div, tail=values[1] / 100), length
        )
        cycle = lambda high, low: schedules.one_cycle(length, start=high, peak=low, end=high, tail=values[1] / 100)
        momentum = lambda high, low: schedules.repeat(cycle(high, low), length)
    time = np.arange(cycles * length)
    ends = tuple(cycle_len * (cycle + 1) for cycle in range(cycles))
    return Plan(
        ends[-1], rate(time)[:, None], momentum(*values[2:])(time) if len(values) == 4 else None, cycle_ends=ends
    )


def one_cycle_plan(steps: int, epochs: int, div: float, tail: float, momentum: tuple[float, float]) -> Plan:
    """One cycle over `epochs` epochs of `steps` steps."""
    values = (div, 100 * tail, *momentum)
    return clr_plan(steps, 1, epochs, 1, use_clr=None, use_clr_beta=values)


@dataclass(frozen=True)
class Phase:
    """A part of a training with settings of its own, for `Learner.fit_opt_sched` (the course's `TrainingPhase`).

    Args:
        epochs: Length.
        learning_rate: Rate, one or one per layer group; or a tuple (first, last) of such.
        learning_rate_decay: How the rate goes from first to last: "constant", "linear", "cosine", "exponential" or
            "polynomial".
        momentum: Momentum (first beta for the Adam family), a pair (first, last), or None for the optimizer's own.
        momentum_decay: As `learning_rate_decay`.
        weight_decay: Decoupled weight decay, one or one per layer group; None for the optimizer's own.
        optimizer: A function that makes the optimizer of this phase; None for the learner's.
        power: Exponent of "polynomial".
    """

    epochs: int = 1
    learning_rate: Rates | tuple[Rates, Rates] = 1e-2
    learning_rate_decay: str = "constant"
    momentum: float | tuple[float, float] | None = None
    momentum_decay: str = "constant"
    weight_decay: Rates | None = None
    optimizer: Callable[[], keras.optimizers.Optimizer] | None = None
    power: float = 2.0

    def __post_init__(self):
        for name in ("learning_rate_decay", "momentum_decay"):
            choice(name, getattr(self, name), DECAYS)
        whole("epochs", self.epochs)

    def rates(self, steps: int, groups: int) -> np.ndarray:
        """Return the (steps, groups) rates of the phase."""
        decay, pair = self.learning_rate_decay, self.learning_rate
        first, last = pair if isinstance(pair, tuple) else (pair, None)
        first = per_group("learning_rate", first, groups)
        last = self._last(first, None if last is None else per_group("learning_rate", last, groups), decay)
        return np.stack([self._decay(decay, *ends, steps) for ends in zip(first, last, strict=True)], axis=1)

    def momentums(self, steps: int) -> np.ndarray | None:
        """Return the (steps,) momentum of the phase, or None."""
        if self.momentum is None:
            return None
        first, last = self.momentum if isinstance(self.momentum, tuple) else (self.momentum, None)
        return self._decay(self.momentum_decay, first, self._last(first, last, self.momentum_decay), steps)

    def _last(self, first, last, decay: str):
        if last is None and decay == "exponential":
            raise ValueError("An exponential phase needs a pair (first, last).")
        return (first if decay == "constant" else first * 0) if last is None else last

    def _decay(self, decay: str, first: float, last: float, steps: int) -> np.ndarray:
        schedule = {
            "constant": lambda: schedules.constant(first),
            "linear": lambda: schedules.linear(first, last, steps),
            "cosine": lambda: schedules.cosine(first, last, steps),
            "exponential": lambda: schedules.exponential(first, last, steps),
            "polynomial": lambda: schedules.polynomial(first, last, steps, power=self.power),
        }[decay]()
        return schedule(np.arange(steps))


def optimizer_runs(phases: Sequence[Phase]) -> list[tuple[Callable | None, list[Phase]]]:
    """Return the runs of consecutive phases with the same optimizer."""
    if not phases:
        raise ValueError("`fit_opt_sched` needs a phase.")
    return [(optimizer, list(run)) for optimizer, run in groupby(phases, key=lambda phase: phase.optimizer)]


def phases_plan(phases: Sequence[Phase], steps: int, groups: int) -> Plan:
    """Return the plan of phases with one optimizer, for epochs of `steps` optimizer steps."""
    lengths = [phase.epochs * steps for phase in phases]
    ends = tuple(int(end) for end in np.cumsum([phase.epochs for phase in phases]))
    return Plan(
        ends[-1],
        np.concatenate([phase.rates(length, groups) for phase, length in zip(phases, lengths, strict=True)]),
        _joined([phase.momentums(length) for phase, length in zip(phases, lengths, strict=True)], "momentum"),
        _joined(
            [_decays(phase, length, groups) for phase, length in zip(phases, lengths, strict=True)], "weight_decay"
        ),
        ends,
    )


def _decays(phase: Phase, steps: int, groups: int) -> np.ndarray | None:
    decay = phase.weight_decay
    return None if decay is None else np.tile(per_group("weight_decay", decay, groups), (steps, 1))


def _joined(parts: list[np.ndarray | None], name: str) -> np.ndarray | None:
    if all(part is None for part in parts):
        return None
    if any(part is None for part in parts):
        raise ValueError(
            f"`{name}` is given in some phases of one optimizer and not in others; give it in all or none."
        )
    return np.concatenate(parts)
