"""Training plans: the table of rates, momentum and weight decay of a whole fit, a row per optimizer step."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from typing import TYPE_CHECKING

import keras
import numpy as np

from kerasfast import schedules
from kerasfast.basics.arguments import choice, number, whole
from kerasfast.optimizing.rates import Rates, per_group

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_ROUNDING = 1e-6  # of sums of fractions of epochs
FEWEST_WITH_WARM_UP = 4  # steps of a first cycle: one of them is the warm-up
MOST_EPOCHS = 1e6  # of a phase: the table of its rates must fit into memory
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

    def of_groups(self, groups: int, **given: Rates | None) -> "Plan":
        """Return the plan with the factors turned into rates.

        Args:
            groups: Number of layer groups.
            given: Rates and then weight decays, one or one per group, under the names that an error gives them.

        Raises:
            ValueError: If there are not as many as groups.
        """
        (name, rates), (other, decays) = given.items()
        decays = None if decays is None else per_group(other, decays, groups)
        return self.scaled(per_group(name, rates, groups), decays)

    def plot(self, ax: "Axes | None" = None) -> "Axes":
        """Draw the rate of each layer group at every step, and the momentum where it is set; return the axes."""
        from kerasfast.plots.curves import plot_rates

        return plot_rates(self.learning_rates, self.momentum, ax=ax)


def constant_plan(steps: int, epochs: int) -> Plan:
    """Constant rates for `epochs` epochs of `steps` steps."""
    return Plan(epochs, np.ones((epochs * steps, 1)))


def cycles_plan(
    steps: int,
    cycles: int,
    cycle_len: int | None,
    cycle_mult: int,
    *,
    use_clr: Sequence[float] | None,
    use_clr_beta: Sequence[float] | None,
) -> Plan:
    """Return what `Learner.fit` is asked for: constant rates, SGDR, or cycles that rise and fall.

    Raises:
        ValueError: If the numbers make no sense together.
    """
    cycles, cycle_mult = whole("n_cycle", cycles), whole("cycle_mult", cycle_mult)
    if cycle_len is None:
        if cycle_mult != 1 or use_clr is not None or use_clr_beta is not None:
            raise ValueError("`cycle_mult`, `use_clr` and `use_clr_beta` need a `cycle_len`.")
        return constant_plan(steps, cycles)
    cycle_len = whole("cycle_len", cycle_len)
    if use_clr is None and use_clr_beta is None:
        return sgdr_plan(steps, cycles, cycle_len, cycle_mult)
    if use_clr is not None and use_clr_beta is not None:
        raise ValueError("`use_clr` and `use_clr_beta` exclude each other; pass one of them.")
    if cycle_mult != 1:
        name = "use_clr" if use_clr_beta is None else "use_clr_beta"
        raise ValueError(f"`{name}` has cycles of equal length; received `cycle_mult`={cycle_mult}.")
    plan = triangular_plan(steps, cycles, cycle_len, use_clr) if use_clr_beta is None else None
    return plan or beta_plan(steps, cycles, cycle_len, use_clr_beta)


def sgdr_plan(steps: int, cycles: int, cycle_len: int, cycle_mult: int) -> Plan:
    """SGDR: `cycles` cosine cycles, the first of `cycle_len` epochs, each `cycle_mult` times longer than the last.

    A first cycle of few steps goes without warm-up, of which one step would be a large part or all.
    """
    length = cycle_len * steps
    ends = tuple(int(end) for end in schedules.cycle_ends(cycle_len, cycle_mult, cycles))
    warm_up = 0.05 if length >= FEWEST_WITH_WARM_UP else 0.0
    factors = schedules.sgdr(length, cycle_mult=cycle_mult, warm_up=warm_up)(np.arange(ends[-1] * steps))
    return Plan(ends[-1], factors[:, None], cycle_ends=ends)


def triangular_plan(steps: int, cycles: int, cycle_len: int, use_clr: Sequence[float]) -> Plan:
    """`use_clr=(div, cut_div[, max, min momentum])`."""
    div, cut_div, *momentum = _numbers("use_clr", use_clr, "cut_div", {"least": 1})
    length = cycle_len * steps
    rise = max(1, length // int(cut_div))
    cycle = lambda start, peak: schedules.triangular(length, start=start, peak=peak, rise=rise)
    return _cyclic_plan(length, cycles, cycle_len, cycle(1 / div, 1.0), cycle(*momentum) if momentum else None)


def beta_plan(steps: int, cycles: int, cycle_len: int, use_clr_beta: Sequence[float]) -> Plan:
    """`use_clr_beta=(div, pct[, max, min momentum])`."""
    div, percent, *momentum = _numbers("use_clr_beta", use_clr_beta, "pct", {"least": 0, "below": 100})
    length = cycle_len * steps

    def cycle(start: float, peak: float, end: float) -> schedules.ScheduleFunction:
        one = schedules.one_cycle(length, start=start, peak=peak, end=end, tail=percent / 100)
        return schedules.repeat(one, length)

    of_momentum = cycle(momentum[0], momentum[1], momentum[0]) if momentum else None
    return _cyclic_plan(length, cycles, cycle_len, cycle(1 / div, 1.0, 0.01 / div), of_momentum)


def _cyclic_plan(
    length: int,
    cycles: int,
    cycle_len: int,
    rate: schedules.ScheduleFunction,
    momentum: schedules.ScheduleFunction | None,
) -> Plan:
    """Return a plan of equal cycles; one step alone, which would be the beginning of the rise, has the full rate."""
    time = np.arange(cycles * length)
    factors = rate(time) if length > 1 else np.ones(len(time))
    ends = tuple(cycle_len * (cycle + 1) for cycle in range(cycles))
    return Plan(ends[-1], factors[:, None], None if momentum is None else momentum(time), cycle_ends=ends)


def _numbers(name: str, values: Sequence[float], second: str, limits: dict[str, float]) -> tuple[float, ...]:
    """Return (div, second[, largest momentum, smallest momentum])."""
    if not isinstance(values, Sequence) or isinstance(values, str) or len(values) not in (2, 4):
        raise ValueError(f"`{name}` takes 2 numbers, or 4 with the momentum; received {values!r}.")
    div, other, *momentum = values
    checked = [number(f"{name}: div", div, least=1), number(f"{name}: {second}", other, **limits)]
    return *checked, *(number(f"{name}: momentum", value, least=0, below=1) for value in momentum)


def one_cycle_plan(steps: int, epochs: int, div: float, tail: float, momentum: Sequence[float]) -> Plan:
    """One cycle over `epochs` epochs of `steps` steps.

    Raises:
        ValueError: If a number makes no sense.
    """
    if not isinstance(momentum, Sequence) or isinstance(momentum, str) or len(momentum) != 2:
        raise ValueError(f"`momentum` must be a pair (largest, smallest); received {momentum!r}.")
    largest, smallest = (number("momentum", value, least=0, below=1) for value in momentum)
    values = number("div", div, least=1), 100 * number("tail", tail, least=0, below=1), largest, smallest
    return beta_plan(steps, 1, whole("epochs", epochs), values)


@dataclass(frozen=True)
class Phase:
    """A part of a training with settings of its own, for `Learner.fit_opt_sched` (the course's `TrainingPhase`).

    Args:
        epochs: Length; a fraction too, where the phases of one optimizer make whole epochs together.
        learning_rate: Rate, one or one per layer group; or a tuple (first, last) of such.
        learning_rate_decay: How the rate goes from first to last: "constant", "linear", "cosine", "exponential" or
            "polynomial".
        momentum: Momentum (first beta for the Adam family), a pair (first, last), or None for the optimizer's own.
        momentum_decay: As `learning_rate_decay`.
        weight_decay: Decoupled weight decay, one or one per layer group; None for the optimizer's own.
        optimizer: A function that makes the optimizer of this phase; None for the learner's.
        power: Exponent of "polynomial".

    Raises:
        ValueError: If a decay is none of these, or a number out of its range.

    Example:
        >>> phases = [Phase(1, 1e-3), Phase(2, (1e-2, 1e-4), "cosine")]      # for `learn.fit_opt_sched(phases)`
        >>> phases[1].rates(steps=3, groups=1).round(4).ravel()
        array([0.01  , 0.0075, 0.0026])
    """

    epochs: float = 1
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
        number("epochs", self.epochs, above=0, most=MOST_EPOCHS)
        number("power", self.power, above=0)
        for value in self.momentum if isinstance(self.momentum, tuple) else (self.momentum,):
            if value is not None:
                number("momentum", value, least=0, below=1)
        for name in ("learning_rate", "momentum"):
            value = getattr(self, name)
            if isinstance(value, tuple) and len(value) != 2:
                raise ValueError(f"`{name}` takes a tuple (first, last); received {value!r}.")
        for value in self.learning_rate if isinstance(self.learning_rate, tuple) else (self.learning_rate,):
            _check_rates("learning_rate", value)
        if self.weight_decay is not None:
            _check_rates("weight_decay", self.weight_decay)

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


def _check_rates(name: str, values: Rates) -> None:
    """Check rates of however many layer groups."""
    per_group(name, values, max(1, len(values) if isinstance(values, (list, tuple)) else np.size(values)))


def optimizer_runs(phases: Sequence[Phase]) -> list[tuple[Callable | None, list[Phase]]]:
    """Return the runs of consecutive phases with the same optimizer."""
    if not isinstance(phases, (list, tuple)) or not phases or not all(isinstance(phase, Phase) for phase in phases):
        raise ValueError(f"`fit_opt_sched` needs a phase or more, `Phase(...)`, in a list; received {phases!r:.100}.")
    return [(optimizer, list(run)) for optimizer, run in groupby(phases, key=lambda phase: phase.optimizer)]


def phases_plan(phases: Sequence[Phase], steps: int, groups: int) -> Plan:
    """Return the plan of phases with one optimizer, for epochs of `steps` optimizer steps.

    A phase that ends within an epoch ends with the step in which its time is over; one below a step may have none.

    Raises:
        ValueError: If the phases end within an epoch.
    """
    ends = np.cumsum([phase.epochs for phase in phases])
    epochs = round(ends[-1])
    if abs(ends[-1] - epochs) > _ROUNDING:
        raise ValueError(
            f"Phases of one optimizer make whole epochs together; received {ends[-1]:g}: "
            f"{', '.join(f'{phase.epochs:g}' for phase in phases)}."
        )
    last_steps = np.minimum(np.ceil(ends * steps - _ROUNDING), epochs * steps).astype(int)
    pairs = zip(phases, np.diff(last_steps, prepend=0).tolist(), strict=True)
    phases, lengths = zip(*((phase, length) for phase, length in pairs if length), strict=True)
    whole_ends = tuple(int(end) for end in np.round(ends) if np.min(np.abs(ends - end)) <= _ROUNDING)
    return Plan(
        epochs,
        np.concatenate([phase.rates(length, groups) for phase, length in zip(phases, lengths, strict=True)]),
        _joined([phase.momentums(length) for phase, length in zip(phases, lengths, strict=True)], "momentum"),
        _joined(
            [_decays(phase, length, groups) for phase, length in zip(phases, lengths, strict=True)], "weight_decay"
        ),
        whole_ends,
    )


def check_phases(phases: Sequence[Phase], groups: int) -> None:
    """Raise ValueError where phases with one optimizer make no plan, whatever the length of an epoch."""
    phases_plan(phases, 1000, groups)


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
