"""Metrics written for torch tensors work on the arrays that they are given."""

import numpy as np
import pytest

from kerasfast.fastai.core import F, torch
from kerasfast.fastai.torch_names.arrays import course_array

PREDS = np.array([[0.1, 0.7, 0.2], [0.5, 0.2, 0.3]])
TARGS = np.array([1, 2])


def top_2(preds, targs):
    best = preds.sort(dim=1, descending=True)[1][:, :2]
    return (best == targs.unsqueeze(1)).float().sum(1).mean()


METRICS = {
    "the torch function": lambda p, y: (torch.max(p, dim=1)[1] == y).float().mean(),
    "the method by position": lambda p, y: (p.max(1)[1] == y).float().mean(),
    "NumPy in the end": lambda p, y: np.mean(p.cpu().numpy().argmax(1) == y.cpu().numpy()),
    "names of comparisons": lambda p, y: p.max(dim=1)[1].eq(y).float().mean().item(),
    "data and views": lambda p, y: (p.data.max(1)[1].view(-1) == y.data.view(-1)).sum() / float(y.size(0)),
    "topk": lambda p, y: (p.topk(1, 1)[1].squeeze(1) == y).float().mean(),
}


@pytest.mark.parametrize("name", METRICS)
def test_accuracy_as_people_write_it(name):
    assert float(METRICS[name](course_array(PREDS), course_array(TARGS))) == 0.5


def test_best_of_two():
    assert float(top_2(course_array(PREDS), course_array(TARGS))) == 1.0


def test_numpys_meaning_stays_where_the_axis_is_named():
    preds = course_array(PREDS)
    assert np.max(preds, 1).tolist() == preds.max(axis=1).tolist() == [0.7, 0.5]
    assert preds.max() == 0.7 and preds.min() == 0.1 and preds.size == 6 and preds.size() == (2, 3)
    assert np.std(preds) == pytest.approx(PREDS.std()) and preds.std() == pytest.approx(PREDS.std(ddof=1))
    preds.sort()
    assert preds[0].tolist() == [0.1, 0.2, 0.7]
    assert preds.min(1)[1].tolist() == [0, 0] and preds.topk(1, largest=False)[0].ravel().tolist() == [0.1, 0.2]


def test_the_given_arrays_stay_as_they_are():
    preds = course_array(PREDS)
    preds.sort()
    preds.cpu()[:] = 0
    assert PREDS[0].tolist() == [0.1, 0.7, 0.2]


def test_functions_take_arrays_and_tensors():
    import tensorflow as tf

    logits = np.array([[1.0, 2.0]])
    expected = np.exp(logits) / np.exp(logits).sum()
    for given in (logits, tf.constant(logits)):
        np.testing.assert_allclose(np.asarray(F.softmax(given)), expected, rtol=1e-6)
        np.testing.assert_allclose(np.asarray(F.log_softmax(given, dim=1)), np.log(expected), rtol=1e-6)
        assert float(torch.mean(torch.exp(given))) == pytest.approx(np.exp(logits).mean())
        assert np.asarray(torch.max(given, 1)[1]).tolist() == [1]
        assert np.asarray(torch.cat([given, given], 1)).shape == (1, 4)
