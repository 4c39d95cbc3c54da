"""Schedules against plain loops that follow the course's rules step by step."""

import numpy as np
import pytest

from kerasfast import schedules


def course_sgdr(steps: int, cycle_steps: int, cycle_mult: int) -> list[float]:
    """SGDR written as a loop over batches: the course's rule, one batch at a time."""
    rates, inside = [], 0
    for step in range(steps):
        if step < cycle_steps / 20 and inside == step:
            rates.append(0.01)
            inside += 1
            continue
        rates.append((np.cos(np.pi * inside / cycle_steps) + 1) / 2)
        inside += 1
        if inside == cycle_steps:
            inside, cycle_steps = 0, cycle_steps * cycle_mult
    return rates


@pytest.mark.parametrize(("cycle_steps", "cycle_mult"), [(100, 1), (37, 2), (20, 3), (400, 1), (3, 2)])
def test_sgdr_follows_the_course_step_by_step(cycle_steps, cycle_mult):
    steps = cycle_steps * 7
    got = schedules.sgdr(cycle_steps, cycle_mult=cycle_mult)(np.arange(steps))
    np.testing.assert_allclose(got, course_sgdr(steps, cycle_steps, cycle_mult), atol=1e-12)


@pytest.mark.parametrize(("epochs", "per_epoch"), [(1, 100), (3, 100), (2, 37)])
def test_sgdr_in_epochs_equals_sgdr_in_steps(epochs, per_epoch):
    steps = np.arange(per_epoch * epochs * 7)
    in_steps = schedules.sgdr(epochs * per_epoch, cycle_mult=2)(steps)
    in_epochs = schedules.sgdr(epochs, cycle_mult=2)(steps / per_epoch)
    np.testing.assert_allclose(in_epochs, in_steps, atol=1e-12)


def test_cycle_ends_grow_by_the_multiple():
    assert schedules.cycle_ends(1, 2, 3).tolist() == [1, 3, 7]


def test_triangular_rises_for_an_eighth_and_falls_back():
    cycle, div = 80, 4
    got = schedules.triangular(cycle, start=1 / div, rise=cycle // 8)(np.arange(cycle))
    want = []
    for step in range(cycle):
        height = step / 10 if step <= 10 else 1 - (step - 10) / (cycle - 10)
        want.append((1 + height * (div - 1)) / div)
    np.testing.assert_allclose(got, want, atol=1e-12)


def test_one_cycle_goes_up_down_and_fades_to_a_hundredth():
    length, div, tail = 200, 10, 0.1
    got = schedules.one_cycle(length, start=1 / div, end=0.01 / div, tail=tail)(np.arange(length + 1))
    rise = 90
    assert got[0] == pytest.approx(1 / div)
    assert got[rise] == pytest.approx(1.0)
    assert got[2 * rise] == pytest.approx(1 / div)
    assert got[length] == pytest.approx(0.01 / div)
    assert np.all(np.diff(got[: rise + 1]) > 0) and np.all(np.diff(got[rise:]) < 0)


@pytest.mark.parametrize("build", [schedules.linear, schedules.exponential, schedules.cosine, schedules.polynomial])
def test_simple_schedules_start_and_end_where_they_say_and_hold(build):
    schedule = build(1.0, 0.01, 10)
    np.testing.assert_allclose(schedule(np.array([-1.0, 0.0, 10.0, 99.0])), [1.0, 1.0, 0.01, 0.01])
    assert np.all(np.diff(schedule(np.linspace(0, 10, 50))) < 0)


def test_exponential_takes_equal_ratios():
    values = schedules.exponential(1e-5, 10.0, 6)(np.arange(7))
    np.testing.assert_allclose(values[1:] / values[:-1], 10.0)


def test_join_plays_each_schedule_in_its_own_time():
    joined = schedules.join([schedules.constant(1.0), schedules.linear(1.0, 0.0, 10)], [5, 10])
    np.testing.assert_allclose(joined(np.array([0, 4, 5, 10, 15, 20])), [1, 1, 1, 0.5, 0, 0])


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: schedules.sgdr(0), "`cycle_len` must be a number, above 0; received 0"),
        (lambda: schedules.sgdr(1, cycle_mult=0.5), "`cycle_mult` must be a number, 1 or more; received 0.5"),
        (lambda: schedules.exponential(0.0, 1.0, 10), "same sign"),
        (lambda: schedules.cosine(1.0, 0.0, -3), "`length` must be a number, above 0"),
        (lambda: schedules.triangular(10, rise=11), "`rise` must be a number, 0 or more and 10 or less"),
        (lambda: schedules.one_cycle(10, tail=1.0), "`tail` must be a number, 0 or more and below 1"),
        (lambda: schedules.join([schedules.constant(1.0)], []), "1 schedules and 0 lengths"),
        (lambda: schedules.piecewise_linear([0, 2, 1], [0, 1, 2]), "must not fall"),
    ],
)
def test_impossible_schedules_are_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()
