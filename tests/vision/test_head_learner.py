"""The learner of stored activations: what it predicts belongs to the backbone that it has now."""

import keras
import numpy as np
import pytest
from PIL import Image

import kerasfast as kf


def learner(folder, seed):
    keras.utils.set_random_seed(seed)
    inputs = keras.Input((None, None, 3))
    x = keras.layers.Conv2D(4, 3, strides=2)(keras.layers.Rescaling(1 / 255)(inputs))  # else probabilities are 0 and 1
    x = keras.layers.Conv2D(4, 3, strides=2)(x)
    backbone = kf.Backbone.from_model(keras.Model(inputs, x), size=32)
    data = kf.ImageData.from_folders(folder / "pictures", transforms=kf.Transforms(32), batch_size=4)
    return kf.ImageLearner.pretrained(backbone, data, precompute=True, path=folder)


@pytest.mark.slow
def test_loading_during_precompute_predicts_from_the_loaded_backbone(tmp_path):
    for split in ("train", "valid"):
        for name in ("cats", "dogs"):
            (tmp_path / "pictures" / split / name).mkdir(parents=True)
            for index in range(4):
                pixels = np.random.default_rng([index, len(split + name)]).integers(0, 255, (36, 40, 3), dtype=np.uint8)
                Image.fromarray(pixels).save(tmp_path / "pictures" / split / name / f"{name}{index}.png")
    one, other = learner(tmp_path, 0), learner(tmp_path, 1)
    one.save("one")
    assert not np.allclose(one.predict(), other.predict(), atol=1e-3)
    other.load("one")
    assert other.precompute
    np.testing.assert_allclose(other.predict(), one.predict(), atol=1e-6)
    other.precompute = False
    np.testing.assert_allclose(other.predict(), one.predict(), atol=1e-6)
