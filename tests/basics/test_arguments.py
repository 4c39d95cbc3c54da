"""One rule for whole numbers, numbers and choices."""

import doctest

import numpy as np
import pytest

from kerasfast.basics import arguments


@pytest.mark.parametrize("value", [1, 7, np.int64(3), np.uint8(2)])
def test_whole_numbers_of_any_kind_become_int(value):
    assert type(arguments.whole("n", value)) is int and arguments.whole("n", value) == value


@pytest.mark.parametrize("value", [0, -1, True, 2.0, "2", None, np.float32(2), [2]])
def test_anything_else_is_refused_with_its_name_and_value(value):
    with pytest.raises(ValueError, match="`n` must be a whole number, 1 or more; received ") as caught:
        arguments.whole("n", value)
    assert repr(value) in str(caught.value)


def test_whole_numbers_may_be_bounded_above():
    assert arguments.whole("n", 5, least=0, most=5) == 5
    with pytest.raises(ValueError, match="from 0 to 5; received 6"):
        arguments.whole("n", 6, least=0, most=5)


@pytest.mark.parametrize("value", [0, 0.25, np.float32(0.5), np.int64(0)])
def test_numbers_of_any_kind_become_float(value):
    assert type(arguments.number("share", value, least=0, below=1)) is float


@pytest.mark.parametrize("value", [-0.1, 1, True, float("nan"), float("inf"), "0.5", None, 1j])
def test_numbers_outside_the_limits_are_refused(value):
    with pytest.raises(ValueError, match="`share` must be a number, 0 or more and below 1; received"):
        arguments.number("share", value, least=0, below=1)


def test_a_number_without_limits_must_be_finite():
    with pytest.raises(ValueError, match="`x` must be a finite number; received nan"):
        arguments.number("x", float("nan"))


def test_open_and_closed_limits():
    assert arguments.number("x", 1, above=0, most=1) == 1
    with pytest.raises(ValueError, match="above 0 and 1 or less"):
        arguments.number("x", 0, above=0, most=1)


def test_choices_name_the_nearest():
    assert arguments.choice("pool", "avg", ("avg", "max")) == "avg"
    with pytest.raises(ValueError, match="one of 'avg', 'max'; received 'agv'. Did you mean 'avg'?"):
        arguments.choice("pool", "agv", ("avg", "max"))
    with pytest.raises(ValueError, match="received 3"):
        arguments.choice("pool", 3, ("avg", "max"))


def test_the_examples_are_true():
    assert doctest.testmod(arguments).failed == 0
