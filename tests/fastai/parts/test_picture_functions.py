import numpy as np
import pytest

from kerasfast.fastai import transforms as t

RAMP = np.repeat(np.linspace(0, 1, 12, dtype=np.float32)[None, :, None], 8, axis=0).repeat(3, axis=2)


def test_sizes_crops_and_turns():
    pytest.importorskip("cv2")
    assert t.scale_min(RAMP, 4).shape == (4, 6, 3) and t.no_crop(RAMP).shape == (8, 8, 3)
    assert t.center_crop(RAMP).shape == (8, 8, 3) and t.crop(RAMP, 1, 2, 3).shape == (3, 3, 3)
    np.testing.assert_array_equal(t.center_crop(RAMP), RAMP[:, 2:10])
    assert t.googlenet_resize(RAMP, 5, 0.3, 0.8, 1.2, 0).shape == (5, 5, 3)
    np.testing.assert_array_equal(t.dihedral(RAMP, 2), RAMP[::-1, ::-1])
    np.testing.assert_array_equal(t.det_dihedral(4)(RAMP), RAMP[:, ::-1])
    np.testing.assert_allclose(t.rotate_cv(RAMP, 0), RAMP, atol=1e-6)
    assert t.zoom_cv(RAMP, 0.5).shape == RAMP.shape and np.ptp(t.zoom_cv(RAMP, 0.5)) < 0.8
    assert t.stretch_cv(RAMP, 0.5, 0).shape == RAMP.shape and np.ptp(t.stretch_cv(RAMP, 0.5, 0)) < 0.8


def test_light_holes_and_boxes():
    np.testing.assert_allclose(t.lighting(RAMP, 0.1, 1), np.minimum(RAMP + 0.1, 1), atol=1e-6)
    holed = t.cutout(np.ones((8, 8, 3), np.float32), 1, 2)
    assert (holed == 0).sum() == 12
    mask = np.zeros((5, 6))
    mask[1:3, 2:5] = 1
    np.testing.assert_array_equal(t.to_bb(mask), [1, 2, 2, 4])
    np.testing.assert_array_equal(t.to_bb(np.zeros((2, 2))), np.zeros(4))
    np.testing.assert_array_equal(np.argwhere(t.coords2px([1, 2, 2, 4], mask)), [[1, 2], [1, 4], [2, 2], [2, 4]])
    assert abs(t.rand0(0.3)) <= 0.3 and t.compose(1, None, [lambda x, y: (x + 1, y)]) == 2
