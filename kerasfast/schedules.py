"""Schedules: pure functions from training time to a value.

A schedule maps an array of times to an array of values of the same shape. Its lengths and its times share one unit,
steps or epochs, which whoever applies the schedule chooses (`kerasfast.Schedule(unit=...)`). Learning-rate schedules
return factors of the optimizer's rates, momentum schedules the momentum itself. Before its start a schedule has its
first value, after its end its last.

Example:
    >>> rate = sgdr(cycle_len=1, cycle_mult=2)      # in epochs: cycles of 1, 2, 4, ... epochs
    >>> rate(np.arange(0, 3, 0.5)).round(2)
    array([0.01, 0.5 , 1.  , 0.85, 0.5 , 0.15])
"""

from collections.abc import Callable, Sequence

import numpy as np

from kerasfast.basics.arguments import function, number, numbers, sized

ScheduleFunction = Callable[[np.ndarray], np.ndarray]


def _progress(time: np.ndarray, length: float) -> np.ndarray:
    """Return the fraction of `length` that has passed, from 0 to 1."""
    return np.clip(np.asarray(time, dtype=np.float64) / length, 0.0, 1.0)


def constant(value: float) -> ScheduleFunction:
    """Always `value`.

    Args:
        value: Factor of the rates, or momentum.

    Returns:
        A schedule: times of any shape to values of that shape.

    Raises:
        ValueError: For no number.

    Example:
        >>> constant(0.9)(np.arange(3))
        array([0.9, 0.9, 0.9])
    """
    value = number("value", value)
    return lambda time: np.full(np.shape(time), value, dtype=np.float64)


def linear(start: float, end: float, length: float) -> ScheduleFunction:
    """From `start` to `end` in a straight line over `length`.

    Args:
        start: Value at time 0.
        end: Value at `length` and after it.
        length: In steps or epochs, as the times.

    Returns:
        A schedule: times of any shape to values of that shape.

    Raises:
        ValueError: If `length` is not above 0.

    Example:
        >>> linear(1.0, 0.0, 4)(np.arange(6))
        array([1.  , 0.75, 0.5 , 0.25, 0.  , 0.  ])
    """
    return polynomial(start, end, length, power=1.0)


def polynomial(start: float, end: float, length: float, *, power: float = 2.0) -> ScheduleFunction:
    """`end + (start - end) * (1 - t) ** power`, with t the fraction of `length` that has passed.

    Args:
        start: Value at time 0.
        end: Value at `length` and after it.
        length: In steps or epochs, as the times.
        power: 1 is a straight line; the larger, the faster the beginning.

    Returns:
        A schedule: times of any shape to values of that shape.

    Raises:
        ValueError: If `length` is not above 0.

    Example:
        >>> polynomial(1.0, 0.0, 2, power=2)(np.arange(4) / 2)
        array([1.    , 0.5625, 0.25  , 0.0625])
    """
    start, end = number("start", start), number("end", end)
    number("length", length, above=0)
    number("power", power, above=0)
    return lambda time: end + (start - end) * (1.0 - _progress(time, length)) ** power


def exponential(start: float, end: float, length: float) -> ScheduleFunction:
    """From `start` to `end` by equal ratios over `length`, as in the learning-rate finder.

    Args:
        start: Value at time 0.
        end: Value at `length` and after it.
        length: In steps or epochs, as the times.

    Returns:
        A schedule: times of any shape to values of that shape.

    Raises:
        ValueError: If `length` is not above 0, or the two values differ in sign or one is 0.

    Example:
        >>> exponential(1.0, 0.01, 2)(np.arange(3))
        array([1.  , 0.1 , 0.01])
    """
    start, end = number("start", start), number("end", end)
    number("length", length, above=0)
    if start * end <= 0:
        raise ValueError(f"An exponential schedule needs two values of the same sign; received {start} and {end}.")
    return lambda time: start * (end / start) ** _progress(time, length)


def cosine(start: float, end: float, length: float) -> ScheduleFunction:
    """From `start` to `end` along half a cosine wave over `length`: slowly at both ends.

    Args:
        start: Value at time 0.
        end: Value at `length` and after it.
        length: In steps or epochs, as the times.

    Returns:
        A schedule: times of any shape to values of that shape.

    Raises:
        ValueError: If `length` is not above 0.

    Example:
        >>> cosine(1.0, 0.0, 4)(np.arange(5)).round(2)
        array([1.  , 0.85, 0.5 , 0.15, 0.  ])
    """
    start, end = number("start", start), number("end", end)
    number("length", length, above=0)
    return lambda time: end + (start - end) * (1.0 + np.cos(np.pi * _progress(time, length))) / 2.0


def piecewise_linear(times: Sequence[float], values: Sequence[float]) -> ScheduleFunction:
    """Straight lines through the points (`times[i]`, `values[i]`).

    Args:
        times: In steps or epochs, in order; the first and the last value hold before and after them.
        values: As many.

    Returns:
        A schedule: times of any shape to values of that shape.

    Raises:
        ValueError: If there are fewer than two points, or the times fall.

    Example:
        >>> piecewise_linear([0, 2, 4], [0.0, 1.0, 0.5])(np.arange(5))
        array([0.  , 0.5 , 1.  , 0.75, 0.5 ])
    """
    times, values = numbers("times", times, axes=1), numbers("values", values, axes=1)
    if len(times) != len(values) or len(times) < 2 or np.any(np.diff(times) < 0):
        raise ValueError(
            "`times` and `values` must have the same length, 2 or more, and `times` must not fall; "
            f"received {list(times)} and {list(values)}."
        )
    return lambda time: np.interp(np.asarray(time, dtype=np.float64), times, values)


def repeat(schedule: ScheduleFunction, length: float) -> ScheduleFunction:
    """Start `schedule` anew every `length`.

    Args:
        schedule: What to repeat.
        length: In steps or epochs, as the times.

    Returns:
        A schedule: times of any shape to values of that shape.

    Raises:
        ValueError: If `length` is not above 0.

    Example:
        >>> repeat(linear(1.0, 0.0, 2), 2)(np.arange(5))
        array([1. , 0.5, 1. , 0.5, 1. ])
    """
    function("schedule", schedule)
    number("length", length, above=0)
    return lambda time: schedule(np.mod(np.asarray(time, dtype=np.float64), length))


def join(schedules: Sequence[ScheduleFunction], lengths: Sequence[float]) -> ScheduleFunction:
    """Play `schedules` in turn, the i-th for `lengths[i]` and each in its own time; the last one goes on.

    Args:
        schedules: In their order.
        lengths: One for each, in steps or epochs, as the times.

    Returns:
        A schedule: times of any shape to values of that shape.

    Raises:
        ValueError: If there is no schedule, or another number of lengths.

    Example:
        >>> join([linear(0.0, 1.0, 2), constant(0.5)], [2, 1])(np.arange(4))
        array([0. , 0.5, 0.5, 0.5])
    """
    given, wanted = len(sized("lengths", lengths)), len(sized("schedules", schedules))
    if given != wanted or not wanted:
        raise ValueError(f"`join` needs one length per schedule; received {wanted} schedules and {given} lengths.")
    for schedule in schedules:
        function("schedules", schedule)
    lengths = [number("lengths", length, above=0) for length in lengths]
    starts = np.concatenate([[0.0], np.cumsum(lengths)[:-1]])

    def joined(time: np.ndarray) -> np.ndarray:
        time = np.asarray(time, dtype=np.float64)
        which = np.clip(np.searchsorted(starts, time, side="right") - 1, 0, len(schedules) - 1)
        return np.select(
            [which == i for i in range(len(schedules))],
            [schedule(time - start) for schedule, start in zip(schedules, starts, strict=True)],
        )

    return joined


def sgdr(
    cycle_len: float,
    *,
    cycle_mult: float = 1,
    warm_up: float = 0.05,
    warm_up_factor: float = 0.01,
) -> ScheduleFunction:
    """Cosine annealing with warm restarts (Loshchilov & Hutter, "SGDR", 2017), as fast.ai 0.7 has it.

    Cycle i is `cycle_len * cycle_mult ** i` long and falls from 1 to 0 along half a cosine wave:
    `(1 + cos(pi * t / length)) / 2`. The first `warm_up` of the first cycle stays at `warm_up_factor` instead.

    Args:
        cycle_len: Length of the first cycle (steps or epochs).
        cycle_mult: How many times longer each cycle is than the last; 1 or more.
        warm_up: Fraction of the first cycle that runs at `warm_up_factor`.
        warm_up_factor: The factor during warm-up (the course: a hundredth of the rate).

    Returns:
        A schedule: times of any shape to values of that shape.

    Raises:
        ValueError: If a length is not positive or `cycle_mult` is below 1.

    Example:
        >>> sgdr(2, cycle_mult=2)(np.arange(7)).round(2)    # cycles of 2, 4, ...
        array([0.01, 0.5 , 1.  , 0.85, 0.5 , 0.15, 1.  ])
    """
    number("cycle_len", cycle_len, above=0)
    number("cycle_mult", cycle_mult, least=1)
    number("warm_up", warm_up, least=0, below=1)
    number("warm_up_factor", warm_up_factor, least=0)

    warm_up_end = cycle_len * warm_up * (1 - 1e-12)  # a step exactly on the border is past it, whatever the rounding

    def factor(time: np.ndarray) -> np.ndarray:
        time = np.maximum(np.asarray(time, dtype=np.float64), 0.0)
        start, length = _cycle_at(time, cycle_len, cycle_mult)
        annealed = (1.0 + np.cos(np.pi * (time - start) / length)) / 2.0
        return np.where(time < warm_up_end, warm_up_factor, annealed)

    return factor


def cycle_ends(cycle_len: float, cycle_mult: float, cycles: int) -> np.ndarray:
    """Return the times at which the first `cycles` cycles end."""
    return np.cumsum(cycle_len * float(cycle_mult) ** np.arange(cycles))


def _cycle_at(time: np.ndarray, cycle_len: float, cycle_mult: float) -> tuple[np.ndarray, np.ndarray]:
    """Return the start and the length of the cycle that each time falls into."""
    latest = float(np.max(time, initial=0.0))
    if cycle_mult == 1:
        count = int(latest / cycle_len) + 2
    else:
        count = int(np.log1p(latest / cycle_len * (cycle_mult - 1)) / np.log(cycle_mult)) + 2
    ends = cycle_ends(cycle_len, cycle_mult, count)
    which = np.searchsorted(ends, time, side="right")
    lengths = cycle_len * float(cycle_mult) ** np.arange(count + 1)
    return np.concatenate([[0.0], ends])[which], lengths[which]


def triangular(
    cycle_len: float, *, start: float = 0.25, peak: float = 1.0, rise: float | None = None
) -> ScheduleFunction:
    """Cycles that rise in a line from `start` to `peak` and fall back (Smith, "Cyclical Learning Rates", 2017).

    The course's `use_clr=(div, cut_div)` is `start=1 / div, rise=cycle_len // cut_div`; a momentum goes the other way,
    `start=0.95, peak=0.85`.

    Args:
        cycle_len: Length of every cycle (steps or epochs).
        start: Value at the start and at the end of a cycle.
        peak: Value at the top.
        rise: How long the rise takes; an eighth of the cycle by default.

    Returns:
        A schedule: times of any shape to values of that shape.

    Raises:
        ValueError: If `cycle_len` is not above 0, or `rise` is longer.

    Example:
        >>> triangular(4, start=0.0, rise=1)(np.arange(6)).round(2)
        array([0.  , 1.  , 0.67, 0.33, 0.  , 1.  ])
    """
    number("cycle_len", cycle_len, above=0)
    number("start", start)
    number("peak", peak)
    rise = cycle_len / 8 if rise is None else rise
    number("rise", rise, least=0, most=cycle_len)
    return repeat(piecewise_linear([0, rise, cycle_len], [start, peak, start]), cycle_len)


def one_cycle(
    length: float, *, start: float = 0.1, peak: float = 1.0, end: float = 0.001, tail: float = 0.1
) -> ScheduleFunction:
    """Up, down and a long fade-out (Smith, "Super-Convergence", 2018), as the course's `use_clr_beta`.

    Rises from `start` to `peak`, falls back to `start` in the same time, and spends the last `tail` (a fraction of
    `length`) on the way to `end`. For the momentum pass `start=0.95, peak=0.85, end=0.95`. The course's
    `use_clr_beta=(div, pct)` is `start=1 / div, end=0.01 / div, tail=pct / 100`.

    Args:
        length: Of the cycle (steps or epochs).
        start: Value at the start, and when the fade-out begins.
        peak: Value in the middle between the two.
        end: Value at the end.
        tail: Fraction of `length` that fades out; 0 or more and below 1.

    Returns:
        A schedule: times of any shape to values of that shape.

    Raises:
        ValueError: If `length` or `tail` is out of range.

    Example:
        >>> one_cycle(10, start=0.1, end=0.0, tail=0.2)(np.arange(0, 11, 2)).round(2)
        array([0.1 , 0.55, 1.  , 0.55, 0.1 , 0.  ])
    """
    start, peak, end = number("start", start), number("peak", peak), number("end", end)
    number("length", length, above=0)
    number("tail", tail, least=0, below=1)
    rise = length * (1.0 - tail) / 2.0
    return piecewise_linear([0, rise, 2 * rise, length], [start, peak, start, end if tail else start])
