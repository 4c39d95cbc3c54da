"""Cross-validation: every picture is predicted once, by the learner that has not seen it."""

from types import SimpleNamespace

import numpy as np
import pytest

from kerasfast.cross_validation import cross_validate
from kerasfast.vision.data import ImageData
from kerasfast.vision.pipeline.transforms import Transforms


class Memory:
    """A learner that knows the pictures of its training set by their first pixel, and says 0.5 of all others."""

    def __init__(self, data):
        self.data = data
        self.seen = set(data.train.samples.images[:, 0, 0, 0].tolist())

    def predict(self, is_test=False):
        view = self.data.test if is_test else self.data.valid
        known = np.isin(view.samples.images[:, 0, 0, 0], list(self.seen))
        return np.stack([known, 1 - known], 1).astype(np.float32)


def data_of(count=20, groups=None, test=True):
    images = np.zeros((count, 4, 4, 3), np.uint8) + np.arange(count, dtype=np.uint8)[:, None, None, None]
    targets = np.arange(count) % 2
    held = (images[-4:], targets[-4:])
    return ImageData.from_arrays(
        (images[:-4], targets[:-4]), held, test=images[:3] if test else None, transforms=Transforms(4), groups=groups
    )


def test_every_picture_is_predicted_once_by_a_learner_that_has_not_seen_it(capsys):
    result = cross_validate(Memory, data_of(), 4, score=lambda targets, predictions: len(targets))
    assert result.predictions[:, 0].tolist() == [0] * 20
    assert sorted(result.names) == [f"{index:06d}" for index in range(20)]
    assert result.targets.tolist() == [int(name) % 2 for name in result.names]
    assert result.folds.tolist() == np.repeat(range(4), 5).tolist() and result.scores == (5, 5, 5, 5)
    # Each test picture is a training picture of three of the four members.
    np.testing.assert_allclose(result.test_predictions[:, 0], 0.75)
    assert "score 5" in repr(result) and "fold 4 of 4: 5" in capsys.readouterr().out


def test_groups_stay_in_one_fold():
    groups = [f"patient {index // 4}" for index in range(20)]
    result = cross_validate(Memory, data_of(groups=groups, test=False), 5)
    assert result.test_predictions is None
    for fold in range(5):
        assert len({int(name) // 4 for name in result.names[result.folds == fold]}) == 1


def test_the_usual_scores_follow_the_targets():
    class Fixed:
        def __init__(self, data):
            self.data = data

        def predict(self, is_test=False):
            return self.data.answers

    def scores(targets, answers):
        part = SimpleNamespace(valid=SimpleNamespace(dataset=None, targets=np.array(targets)), test=None)
        part.answers = np.array(answers, np.float32)
        return cross_validate(Fixed, [part, part]).scores

    assert scores([0, 1], [[0.9, 0.1], [0.8, 0.2]]) == (0.5, 0.5)
    assert scores([[0.0, 1], [1, 1]], [[0.9, 0.8], [0.7, 0.6]]) == (0.75, 0.75)
    np.testing.assert_allclose(scores([1.0, 4], [[2], [2]]), 1.5)


def test_pictures_in_files_are_divided_with_their_test_set(tmp_path, rng):
    from PIL import Image

    for split in ("train", "valid", "test"):
        for index in range(4):
            file = tmp_path / split / "ab"[index % 2] / f"{split}{index}.png"
            file.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(rng.integers(0, 256, (6, 5 + index, 3), np.uint8)).save(file)
    data = ImageData.from_folders(tmp_path, test="test", transforms=Transforms(4))
    held = [data.fold(fold, 4).valid for fold in range(4)]
    assert sorted(np.concatenate([view.files for view in held])) == sorted([*data.fixed.files, *data.valid.files])
    assert all(sorted(view.targets) == [0, 1] for view in held)
    part = data.fold(0, 4)
    assert len(part.train) == 6 and part.test.files.tolist() == data.test.files.tolist()
    for view in (part.valid, part.fixed):
        assert view.samples.sides[1].tolist() == [5 + int(file[-5]) for file in view.files]


@pytest.mark.parametrize(
    ("make_learner", "data", "folds", "message"),
    [
        (Memory, data_of(), 1, "`folds` must be a whole number, 2 or more; received 1"),
        (Memory, data_of(8), 11, "Only 8 of 11 folds have rows.*Pass fewer `folds`"),
        (Memory, SimpleNamespace(), 2, "`data` must have a method `fold"),
        (Memory, [data_of()], 2, "needs two members or more"),
        (lambda data: None, data_of(), 2, "must return a learner with `predict`; received NoneType"),
    ],
)
def test_what_cannot_be_cross_validated_is_refused(make_learner, data, folds, message):
    with pytest.raises(ValueError, match=message):
        cross_validate(make_learner, data, folds)


def test_arrays_of_different_sides_cannot_be_divided_anew():
    small, large = (np.zeros((4, side, side, 3), np.uint8) for side in (4, 5))
    data = ImageData.from_arrays((small, [0, 1, 0, 1]), (large, [0, 1, 0, 1]), transforms=Transforms(4))
    with pytest.raises(ValueError, match="cannot be divided anew"):
        data.fold(0, 2)


def test_a_part_of_the_arrays_is_held_out(rng):
    images, targets = rng.integers(0, 256, (40, 4, 4, 3), np.uint8), np.repeat([0, 1, 1, 1], 10)
    data = ImageData.from_arrays((images, targets), valid_fraction=0.25, transforms=Transforms(4), seed=3)
    assert np.bincount(data.valid.targets).tolist() == [2, 8] or np.bincount(data.valid.targets).tolist() == [3, 7]
    assert not set(data.valid.files) & set(data.fixed.files)
    with pytest.raises(ValueError, match=r"`groups` must have shape \(40,\)"):
        ImageData.from_arrays((images, targets), groups=[1, 2], transforms=Transforms(4))
