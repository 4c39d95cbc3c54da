"""Savers of cycles and of the best epoch."""

import pytest

import kerasfast as kf


def test_cycles_are_saved_at_their_ends():
    saved = []
    saver = kf.CycleSaver([1, 3], saved.append)
    for epoch in range(3):
        saver.on_epoch_end(epoch, {})
    assert saved == [0, 1]


@pytest.mark.parametrize(
    ("logs", "lower", "want"),
    [
        ([{"val_loss": 3}, {"val_loss": 2}, {"val_loss": 2.5}, {"val_loss": 1}], False, [0, 1, 3]),
        (
            [{"val_loss": 3, "val_acc": 0.5}, {"val_loss": 1, "val_acc": 0.4}, {"val_loss": 2, "val_acc": 0.5}],
            False,
            [0, 2],
        ),
        ([{"val_loss": 3, "val_err": 0.5}, {"val_loss": 9, "val_err": 0.4}], True, [0, 1]),
        ([{"val_loss": float("nan")}, {"val_loss": 1}], False, [1]),
    ],
)
def test_the_best_epoch_is_saved(logs, lower, want):
    saved = []
    saver = kf.BestSaver(lambda: saved.append(now), lower_is_better=lower)
    for now, entry in enumerate(logs):
        saver.on_epoch_end(now, entry)
    assert saved == want
