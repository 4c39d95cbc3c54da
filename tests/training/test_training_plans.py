"""The tables of a fit: the course's curves for ordinary lengths, sensible ones for very short fits."""

import numpy as np
import pytest

import kerasfast as kf
from kerasfast.training.training_plans import cycles_plan, one_cycle_plan, phases_plan, sgdr_plan

NONE = {"use_clr": None, "use_clr_beta": None}


@pytest.mark.parametrize("steps", [4, 8, 19, 20, 21, 100])
def test_ordinary_lengths_have_the_courses_curve(steps):
    want = kf.sgdr(steps, cycle_mult=2)(np.arange(3 * steps))
    np.testing.assert_array_equal(sgdr_plan(steps, 2, 1, 2).learning_rates[:, 0], want)
    assert np.sum(want[:steps] == 0.01) == np.ceil(steps / 20)


@pytest.mark.parametrize("steps", [1, 2, 3])
def test_a_cycle_of_few_steps_has_no_warm_up(steps):
    np.testing.assert_allclose(
        sgdr_plan(steps, 1, 1, 1).learning_rates[:, 0], kf.cosine(1.0, 0.0, steps)(np.arange(steps))
    )


@pytest.mark.parametrize("arguments", [{"use_clr": (32, 8)}, {"use_clr_beta": (10, 10)}, {}])
def test_no_cycle_trains_at_the_warm_ups_rate_alone(arguments):
    for steps in range(1, 6):
        assert cycles_plan(steps, 2, 1, 1, **NONE | arguments).learning_rates.max() > 0.3, steps
    assert one_cycle_plan(1, 1, 25.0, 0.1, (0.95, 0.85)).learning_rates.tolist() == [[1.0]]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"cycle_len": 0}, "`cycle_len` must be a whole number, 1 or more; received 0"),
        ({"cycle_len": 1, "use_clr": 10}, "`use_clr` takes 2 numbers, or 4 with the momentum; received 10"),
        ({"cycle_len": 1, "use_clr": (10, 0)}, "`use_clr: cut_div` must be a number, 1 or more; received 0"),
        ({"cycle_len": 1, "use_clr": (float("inf"), 10)}, "`use_clr: div` must be a number, 1 or more; received inf"),
        ({"cycle_len": 1, "use_clr": ()}, "takes 2 numbers"),
        ({"cycle_len": 1, "use_clr": "ab"}, "takes 2 numbers"),
        ({"cycle_len": 1, "use_clr_beta": (10, 100)}, "`use_clr_beta: pct`.*below 100; received 100"),
        ({"cycle_len": 1, "use_clr_beta": (10, 10, 5.0, 0.8)}, "`use_clr_beta: momentum`.*below 1; received 5.0"),
        ({"cycle_len": 1, "use_clr": (10, 10, 0.9, float("nan"))}, "momentum`.*received nan"),
    ],
)
def test_senseless_cycles_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        cycles_plan(10, 1, cycle_mult=1, **NONE | arguments)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"momentum": 0.9}, r"`momentum` must be a pair \(largest, smallest\); received 0.9"),
        ({"momentum": (0.9, -0.5)}, "`momentum` must be a number, 0 or more and below 1; received -0.5"),
        ({"momentum": (float("nan"), 0.5)}, "received nan"),
        ({"div": 0.5}, "`div` must be a number, 1 or more; received 0.5"),
        ({"tail": 1.0}, "`tail` must be a number, 0 or more and below 1; received 1.0"),
        ({"epochs": 0}, "`epochs` must be a whole number"),
    ],
)
def test_a_senseless_one_cycle_is_refused(change, message):
    with pytest.raises(ValueError, match=message):
        one_cycle_plan(**{"steps": 10, "epochs": 1, "div": 25.0, "tail": 0.1, "momentum": (0.95, 0.85)} | change)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"momentum": 5}, "`momentum` must be a number, 0 or more and below 1; received 5"),
        ({"momentum": (0.9, float("nan"))}, "received nan"),
        ({"momentum": (0.9, 0.8, 0.7)}, r"takes a tuple \(first, last\)"),
        ({"learning_rate": (0.1, 0.2, 0.3)}, r"takes a tuple \(first, last\)"),
        ({"power": 0}, "`power` must be a number, above 0; received 0"),
    ],
)
def test_a_senseless_phase_is_refused(change, message):
    with pytest.raises(ValueError, match=message):
        kf.Phase(**change)


def test_a_plan_is_drawn_before_training():
    axes = sgdr_plan(10, 2, 1, 2).of_groups(2, lrs=[0.1, 1.0], wds=None).plot()
    assert [len(line.get_ydata()) for line in axes.lines] == [30, 30] and axes.lines[1].get_ydata().max() == 1.0


def test_a_schedule_is_drawn_before_training():
    axes = kf.Schedule(learning_rate=kf.sgdr(cycle_len=1), momentum=kf.constant(0.9)).plot(3)
    assert axes.get_xlabel() == "epochs" and axes.lines[0].get_xdata()[-1] == pytest.approx(3, abs=0.01)
    assert axes.lines[0].get_ydata().max() == pytest.approx(1, abs=0.01)
    with pytest.raises(ValueError, match="length"):
        kf.Schedule(learning_rate=kf.sgdr(cycle_len=1)).plot(0)


def test_phases_may_end_within_an_epoch_and_make_whole_ones_together():
    phases = [kf.Phase(0.3, 1.0), kf.Phase(0.95, 2.0), kf.Phase(0.75, (3.0, 4.0), "linear"), kf.Phase(1, 5.0)]
    plan = phases_plan(phases, 10, 1)
    np.testing.assert_allclose(plan.learning_rates[:13, 0], [1.0] * 3 + [2.0] * 10)
    assert plan.epochs == 3 and plan.cycle_ends == (2, 3) and len(plan.learning_rates) == 30
    assert plan.learning_rates[13, 0] == 3.0 and (np.diff(plan.learning_rates[13:20, 0]) > 0).all()
    assert phases_plan([kf.Phase(0.1, 1.0), kf.Phase(0.1, 2.0), kf.Phase(0.8, 3.0)], 2, 1).learning_rates.tolist() == [
        [1.0],
        [3.0],
    ]
    with pytest.raises(ValueError, match="make whole epochs together; received 1.3: 0.5, 0.8"):
        phases_plan([kf.Phase(0.5), kf.Phase(0.8)], 10, 1)
