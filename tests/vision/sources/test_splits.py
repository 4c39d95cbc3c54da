"""Validation rows: the course's, and those that keep every class in training."""

import time

import numpy as np
import pytest

from kerasfast.vision.sources.splits import ALWAYS_TRAIN, Draw, folds_of, held_out, validation_indices


@pytest.mark.parametrize(("n", "fold", "fraction", "seed"), [(100, 0, 0.2, 42), (37, 2, 0.3, 7), (10, 3, 0.3, 0)])
def test_validation_indices_are_the_slice_of_numpys_permutation(n, fold, fraction, seed):
    size = int(fraction * n)
    expected = np.random.RandomState(seed).permutation(n)[fold * size : (fold + 1) * size]
    np.testing.assert_array_equal(validation_indices(n, fold=fold, fraction=fraction, seed=seed), expected)


def test_validation_indices_are_the_courses():
    np.random.seed(42)
    expected = np.random.permutation(1000)[:200]
    np.testing.assert_array_equal(validation_indices(1000), expected)


def test_validation_indices_leave_the_global_state_alone():
    np.random.seed(5)
    expected = np.random.rand()
    np.random.seed(5)
    validation_indices(50)
    assert np.random.rand() == expected


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"n": 0}, "`n` must be a whole number, 1 or more; received 0"),
        ({"n": 2.5}, "`n` must be a whole number"),
        ({"n": True}, "`n` must be a whole number"),
        ({"n": 10, "fold": -1}, "`fold` must be a whole number, 0 or more"),
        ({"n": 10, "fold": 5}, "`fold` 5 is empty: 10 rows have folds of 2, the last one is 4"),
        ({"n": 10, "fraction": 0}, "`fraction` must be a number, above 0 and below 1; received 0"),
        ({"n": 10, "fraction": 1.0}, "`fraction` must be a number, above 0 and below 1"),
        ({"n": 10, "fraction": float("nan")}, "`fraction` must be a number, above 0"),
        ({"n": 3, "fraction": 0.2}, "leaves the validation set empty"),
        ({"n": 10, "seed": -1}, "`seed` must be a whole number"),
        ({"n": 10, "seed": None}, "`seed` must be a whole number"),
    ],
)
def test_validation_indices_refuse_bad_arguments(arguments, message):
    with pytest.raises(ValueError, match=message):
        validation_indices(**arguments)


# Stratified rows


def classes_of(*counts):
    """Return shuffled labels with these numbers of each class."""
    return np.random.RandomState(0).permutation(np.repeat(np.arange(len(counts)), counts))


def tags_of(n=400, shares=(0.9, 0.3, 0.05, 0.02), rare=True):
    """Return rows of tags, the last of which has a single row."""
    tags = (np.random.RandomState(1).rand(n, len(shares)) < shares).astype(np.float32)
    if rare:
        tags = np.column_stack([tags, np.arange(n) == 7]).astype(np.float32)
    return tags


def test_every_class_has_its_share_of_the_validation_rows():
    targets = classes_of(50, 30, 11, 9)
    rows = held_out(targets, "single", Draw(0.2, 3))
    assert np.bincount(targets[rows]).tolist() == [10, 6, 2, 2]
    assert rows.tolist() == sorted(set(rows)) == held_out(targets, "single", Draw(0.2, 3)).tolist()
    assert rows.tolist() != held_out(targets, "single", Draw(0.2, 4)).tolist()


def test_rows_are_as_many_as_asked_for_where_classes_are_small():
    targets = classes_of(*[3] * 40)  # a fifth of each class is less than one row
    rows = held_out(targets, "single", Draw(0.2, 0))
    assert len(rows) == 24 and np.bincount(targets[rows], minlength=40).max() == 1


@pytest.mark.parametrize("fraction", [0.2, 0.5, 0.9])
def test_no_class_is_emptied_from_training(fraction):
    targets = classes_of(40, 2, 1, 1)
    held = held_out(targets, "single", Draw(fraction, 0))
    assert set(np.delete(targets, held)) == {0, 1, 2, 3}
    tags = tags_of()
    assert np.delete(tags, held_out(tags, "multi", Draw(fraction, 0)), 0).any(0).all()


def test_tags_have_their_shares():
    tags = tags_of(rare=False)
    rows = held_out(tags, "multi", Draw(0.25, 5))
    np.testing.assert_allclose(tags[rows].sum(0), tags.sum(0) / 4, atol=1)
    assert abs(len(rows) - 100) <= 2


def test_numbers_are_drawn_at_random():
    rows = held_out(np.arange(50.0), "regression", Draw(0.3, 0))
    assert len(rows) == 15 and rows.tolist() != list(range(15))


@pytest.mark.parametrize(
    ("targets", "kind"), [(classes_of(60, 25, 10, 1), "single"), (tags_of(), "multi"), (np.arange(96.0), "regression")]
)
def test_every_row_is_in_one_fold_but_the_only_one_of_a_class(targets, kind):
    folds = folds_of(targets, kind, 4, 0)
    alone = np.flatnonzero(targets == 3) if kind == "single" else [7] if kind == "multi" else []
    assert np.flatnonzero(folds == ALWAYS_TRAIN).tolist() == list(alone)
    sizes = np.bincount(folds[folds >= 0])
    assert len(sizes) == 4 and np.ptp(sizes) <= (1 if kind != "multi" else 8)
    for fold in range(4):
        if kind == "single":
            counts = np.bincount(targets[folds == fold], minlength=4)
            np.testing.assert_allclose(counts[:3], [15, 6.25, 2.5], atol=1)
        if kind == "multi":
            assert targets[folds != fold].any(0).all()
            np.testing.assert_allclose(targets[folds == fold].sum(0)[:4], targets.sum(0)[:4] / 4, atol=2)
    np.testing.assert_array_equal(folds, folds_of(targets, kind, 4, 0))


@pytest.mark.parametrize("kind", ["single", "multi", "regression"])
def test_groups_stay_together_and_parts_stay_fair(kind):
    random = np.random.RandomState(0)
    groups = np.array([f"patient {number}" for number in random.randint(0, 40, 500)])
    targets = {"single": random.randint(0, 3, 500), "multi": tags_of(500), "regression": random.rand(500)}[kind]
    rows = held_out(targets, kind, Draw(0.2, 0), groups)
    held = np.isin(np.arange(500), rows)
    assert not set(groups[held]) & set(groups[~held])
    assert 80 <= len(rows) <= 120
    folds = folds_of(targets, kind, 5, 0, groups)
    assert all(len(set(folds[groups == group])) == 1 for group in groups)
    for fold in range(5):
        assert 70 <= np.count_nonzero(folds == fold) <= 130
        if kind == "single":
            np.testing.assert_allclose(np.bincount(targets[folds == fold]), np.bincount(targets) / 5, atol=15)


def test_what_cannot_be_divided_is_refused():
    with pytest.raises(ValueError, match="No row can be taken.*2 groups"):
        held_out(np.array([0, 0, 1, 1]), "single", Draw(0.5, 0), np.array(["a", "a", "b", "b"]))
    with pytest.raises(ValueError, match="Only 2 of 3 folds have rows.*fewer `folds`"):
        folds_of(np.array([0, 0]), "single", 3, 0)
    with pytest.raises(ValueError, match="leaves the validation set empty"):
        held_out(np.array([0, 0]), "single", Draw(0.2, 0))
    with pytest.raises(ValueError, match="`folds` must be a whole number, from 2 to 1000000; received 1"):
        folds_of(np.array([0, 0]), "single", 1, 0)


def test_many_rows_with_tags_are_divided_in_seconds():
    tags = tags_of(20_000)
    start = time.perf_counter()
    held_out(tags, "multi", Draw(0.2, 0))
    assert time.perf_counter() - start < 20
