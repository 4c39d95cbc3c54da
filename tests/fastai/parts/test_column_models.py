import keras
import numpy as np
import pytest

from kerasfast.fastai.column_data import (
    BasicModel,
    ColumnarDataset,
    ColumnarModelData,
    DataLoader,
    MixedInputModel,
    StructuredLearner,
    StructuredModel,
    get_emb,
    optim,
    to_gpu,
)
from kerasfast.fastai.dataset import DataLoader as PicturesLoader


@pytest.mark.slow
def test_the_courses_model_of_rows_is_made_by_hand_and_trains():
    keras.utils.set_random_seed(0)
    rng = np.random.default_rng(0)
    codes, values = rng.integers(0, 4, (64, 2)), rng.normal(size=(64, 1)).astype("float32")
    y = codes[:, 0] + values[:, 0]
    rows = [ColumnarDataset(codes[part], values[part], y[part]) for part in (slice(48), slice(48, 64))]
    data = ColumnarModelData("here", *rows, bs=16)
    model = to_gpu(MixedInputModel([(4, 3), (4, 2)], 1, 0.0, 1, [10], [0.1], y_range=(-4, 8), use_bn=True))
    learn = StructuredLearner(data, StructuredModel(model), opt_fn=optim.Adam)
    assert len(learn.get_layer_groups()) == 3
    learn.fit(5e-2, 3)
    assert learn.sched.losses[-2:].mean() < learn.sched.losses[:2].mean() and learn.predict().shape == (16, 1)
    assert model.embs[0].weight.size(1) == 3 and model.embs[0].embedding_dim == 3
    assert isinstance(StructuredModel(keras.Sequential()), BasicModel)
    for loader in (DataLoader, PicturesLoader):
        batch = next(iter(loader(rows[1])))
        assert [len(part) for part in batch] == [16, 16, 16]
    with pytest.raises(ValueError, match="drops"):
        MixedInputModel([], 1, 0.0, 1, [10], [])


def test_vectors_are_small():
    assert np.abs(get_emb(20, 4).weight.numpy()).max() <= 0.05
