"""One number for all layer groups, or one for each."""

import numpy as np
import pytest

from kerasfast.optimizing.rates import per_group


def test_one_number_is_given_to_all_and_several_stay():
    np.testing.assert_array_equal(per_group("rates", 0.1, 3), [0.1] * 3)
    np.testing.assert_array_equal(per_group("rates", np.float32([1, 2]), 2), [1, 2])
    np.testing.assert_array_equal(per_group("rates", [0, 1], 2), [0, 1])


@pytest.mark.parametrize("values", ["abc", "0.1", None, [None, 0.1], ["a", "b"], [[1], [1, 2]], {}, True])
def test_what_is_no_number_is_refused_by_a_sentence(values):
    with pytest.raises(ValueError, match="`rates` must be a number, or one per layer group; received"):
        per_group("rates", values, 2)


@pytest.mark.parametrize("values", [-1.0, float("nan"), float("inf"), [0.1, -0.1]])
def test_numbers_that_make_no_sense_are_refused(values):
    with pytest.raises(ValueError, match="must be finite numbers, 0 or more"):
        per_group("rates", values, 2)


def test_a_wrong_count_is_named():
    with pytest.raises(ValueError, match=r"`rates` has 3 values but the model has 2 layer groups; pass 1 or 2 values"):
        per_group("rates", [1, 2, 3], 2)
