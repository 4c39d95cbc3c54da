import numpy as np
import pandas as pd
import pytest

from kerasfast.tabular.encoding.targets import Target, TargetStatistics


def learned(columns, names="y", kind=None, log=False):
    statistics = TargetStatistics(names, kind, log)
    statistics.update(pd.DataFrame(columns))
    return statistics.target()


@pytest.mark.parametrize(
    ("columns", "names", "kind"),
    [
        ({"y": [1.5, 2.0]}, "y", "regression"),
        ({"y": [0, 1]}, "y", "single"),
        ({"y": [0.0, 1.0]}, "y", "single"),
        ({"y": [0, 0]}, "y", "regression"),
        ({"y": [1, 2]}, "y", "regression"),
        ({"y": [1, 2] * 10}, "y", "single"),
        ({"y": [1.0, 100.0] * 10}, "y", "regression"),
        ({"y": [0, 1, 2]}, "y", "regression"),
        ({"y": ["a", "b"]}, "y", "single"),
        ({"y": [True, False]}, "y", "single"),
        ({"y": pd.Categorical([3, 1])}, "y", "single"),
        ({"y": [1, 0], "z": [0, 1]}, ["y", "z"], "multi"),
        ({"y": [True, False], "z": [True, True]}, ["y", "z"], "multi"),
        ({"y": [1, 0], "z": [0, 2]}, ["y", "z"], "regression"),
    ],
)
def test_the_kind_follows_from_the_values(columns, names, kind):
    assert learned(columns, names).kind == kind


def test_a_regression_is_numbers_in_a_column():
    target = learned({"y": [1, 4]})
    np.testing.assert_array_equal(target.encode(pd.DataFrame({"y": [3, 5]})), np.float32([[3], [5]]))
    assert target.classes == ["y"]


def test_logarithms_come_back_in_the_targets_units():
    target, frame = learned({"y": [100.0, 2000.0]}, log=True), pd.DataFrame({"y": [100.0, 2000.0]}, index=[7, 9])
    encoded = target.encode(frame)
    np.testing.assert_allclose(encoded[:, 0], np.log([100.0, 2000.0]), rtol=1e-6)
    pd.testing.assert_frame_equal(target.decode(encoded, frame.index), frame, rtol=1e-5)


def test_exponentials_are_held_near_what_training_showed():
    target = learned({"y": [100.0, 2000.0]}, log=True)
    beyond = 0.1 * np.log(20)
    found = target.decode([[50.0], [-50.0], [np.log(2100.0)]])["y"]
    np.testing.assert_allclose(found, np.exp([np.log(2000) + beyond, np.log(100) - beyond, np.log(2100)]), rtol=1e-6)


def test_the_scale_is_that_of_all_parts(rng):
    statistics, numbers = TargetStatistics(["y", "z"]), rng.normal(5, [2.0, 0.0], (100, 2)).astype(np.float32)
    for part in (numbers[:30], numbers[30:]):
        statistics.update(pd.DataFrame(part, columns=["y", "z"]))
    scale = statistics.target().scale
    np.testing.assert_allclose(scale.mean, numbers.mean(axis=0, dtype=np.float64), rtol=1e-9)
    np.testing.assert_allclose(scale.deviation, [numbers[:, 0].std(dtype=np.float64), 1], rtol=1e-9)
    np.testing.assert_allclose([scale.low, scale.high], [numbers.min(axis=0), numbers.max(axis=0)])


def test_weights_count_in_the_scale(rng):
    numbers, weights = rng.normal(5, 2, 100).astype(np.float32), rng.integers(0, 3, 100)
    statistics = TargetStatistics("y")
    for part in (slice(30), slice(30, None)):
        statistics.update(pd.DataFrame({"y": numbers[part]}), weights[part].astype(np.float32))
    scale, repeated = statistics.target().scale, np.repeat(numbers, weights).astype(np.float64)
    np.testing.assert_allclose([scale.mean[0], scale.deviation[0]], [repeated.mean(), repeated.std()], rtol=1e-6)
    assert (scale.low[0], scale.high[0]) == (repeated.min(), repeated.max())


def test_a_column_is_a_question_only_while_it_has_two_values():
    statistics = TargetStatistics("y")
    for values in ([0, 1, 1], [1, 0], [0, 7]):
        statistics.update(pd.DataFrame({"y": values}))
    assert statistics.target().kind == "regression" and not statistics.question


def test_classes_are_numbered_in_order():
    target = learned({"y": ["dog", "cat", "dog", "ant"]})
    assert target.classes == ["ant", "cat", "dog"]
    np.testing.assert_array_equal(target.encode(pd.DataFrame({"y": ["cat", "ant"]})), [1, 0])
    assert target.encode(pd.DataFrame({"y": ["cat"]})).dtype == np.int32
    assert target.decode(np.eye(3)[:1]).columns.tolist() == ["ant", "cat", "dog"]


def test_classes_of_several_parts_join():
    statistics = TargetStatistics("y")
    for values in (["b", "c"], ["a", "b"]):
        statistics.update(pd.DataFrame({"y": values}))
    assert statistics.target().classes == ["a", "b", "c"]


@pytest.mark.parametrize(
    "target",
    [
        learned({"y": [1.0, 2.0]}, log=True),
        learned({"y": ["a", "b"]}),
        learned({"y": pd.to_datetime(["2020-01-01", "2020-02-01"])}, kind="single"),
        learned({"y": [1, 0], "z": [0, 1]}, ["y", "z"]),
    ],
)
def test_json_brings_the_target_back(target):
    assert Target.from_json(target.to_json()) == target


@pytest.mark.parametrize(
    ("columns", "arguments", "message"),
    [
        ({"x": [1]}, {}, "no target column 'y'"),
        ({"y": [1.0, np.nan, np.nan]}, {}, "'y' has 2 missing values in 3 rows, the first in row 1"),
        ({"y": [1.0, 0.0, -3.0]}, {"log": True}, "'y' has 2 values of 0 or less .such as 0 in row 1"),
        ({"y": [1.0, np.inf]}, {}, "'y' cannot be a number: column 'y' has 1 infinite"),
        ({"y": [1.0, 1e300]}, {}, "'y' has values too large"),
        ({"y": ["a", "b"]}, {"kind": "regression"}, "'y' cannot be a number"),
        ({"y": pd.to_datetime(["2020-01-01"])}, {"kind": "regression"}, "'y' holds date values"),
        ({"y": ["a", "a"]}, {}, "the only class 'a'"),
        ({"y": ["a", None]}, {}, "'y' has 1 missing values"),
        ({"y": [0, 2]}, {"kind": "multi"}, "label column 'y' must hold 0 and 1; it holds 2"),
        ({"y": [1, 2]}, {"kind": "classes"}, "`target_kind` must be one of"),
        ({"y": [1, 2]}, {"kind": "single", "names": ["y", "z"]}, "one target column"),
        ({"y": [1, 2]}, {"kind": "single", "log": True}, "`log` is for regressions"),
        ({"y": [1, 2]}, {"names": []}, "`target` must be a column"),
        ({"y": [1, 2]}, {"names": ["y", "y"]}, "several different ones"),
    ],
)
def test_what_cannot_be_a_target_is_named(columns, arguments, message):
    with pytest.raises(ValueError, match=message):
        learned(columns, **arguments)


def test_classes_that_training_did_not_show_are_named():
    with pytest.raises(ValueError, match=r"'y' has the classes \['bee'\], which training rows do not have"):
        learned({"y": ["ant", "cat"]}).encode(pd.DataFrame({"y": ["ant", "bee"]}))
