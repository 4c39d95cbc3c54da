"""Views as batches: the rest of an epoch is what the whole of it would have gone on with."""

from dataclasses import replace

import keras
import numpy as np
import pytest

import kerasfast as kf


@pytest.mark.parametrize("on_device", [False, True])
def test_the_rest_of_an_epoch_is_its_end(on_device):
    pixels = np.random.default_rng(0).integers(0, 255, (22, 24, 24, 3)).astype("uint8")
    transforms = kf.transforms_side_on(16, max_zoom=1.2)
    data = kf.ImageData.from_arrays(
        (pixels, np.arange(22) % 2), (pixels[:4], [0, 1, 0, 1]), transforms=transforms, batch_size=4
    )
    view = replace(data.train, on_device=on_device)
    expected = list(view.dataset(3).skip(2).as_numpy_iterator())
    found = list(view.rest_of_epoch(3, 2).as_numpy_iterator())
    assert len(found) == len(expected) == 3
    for mine, its in zip(found, expected, strict=True):
        for one, other in zip(keras.tree.flatten(mine), keras.tree.flatten(its), strict=True):
            np.testing.assert_array_equal(one, other)
