import numpy as np
import pytest
import tensorflow as tf

from kerasfast.fastai.core import T
from kerasfast.fastai.torch_imports import F, Variable, nn, torch
from kerasfast.fastai.torch_names.tensors import CourseTensor


@pytest.fixture
def x() -> CourseTensor:
    return CourseTensor(np.arange(12, dtype="float32").reshape(3, 4))


def test_lessons_sum_products_of_tensors():
    a, b = T([[1.0, 2], [3, 4]]), T([[2.0, 2], [10, 10]])
    assert (a * b).sum(1).numpy().tolist() == [6, 70]
    assert (2 - a / 2).numpy().tolist() == [[1.5, 1], [0.5, 0]]
    assert (np.float64(2) * a + np.float64(1)).dtype == tf.float32  # torch's numbers stay single
    assert (a > 1.5).long().numpy().tolist() == [[0, 1], [1, 1]] and (a @ b).shape == (2, 2)


def test_shapes(x):
    assert x.shape == (3, 4) and x.size(1) == 4 and x.numel() == 12 and x.dim() == 2
    assert x.view(-1, 2, 3).shape == (2, 2, 3) and x.view(x.size(0), -1).shape == (3, 4)
    assert x.transpose(0, 1).contiguous().view(x.size(1), -1).mean(1)[:, None, None].shape == (4, 1, 1)
    assert x.unsqueeze(0).squeeze().shape == (3, 4) and x[:, 0].shape == (3,)
    assert x[T([2, 0])].numpy()[:, 0].tolist() == [8, 0] and x[x[:, 0] > 3].shape == (2, 4)
    assert x.permute(1, 0).numpy().tolist() == x.t().numpy().tolist()


def test_an_unknown_batch_keeps_the_known_side():
    @tf.function(input_signature=[tf.TensorSpec((None, 2, 3))])
    def flat(value):
        pictures = CourseTensor(value)
        made = pictures.view(pictures.size(0), -1).value
        assert made.shape[1] == 6
        return made

    assert flat(tf.zeros((5, 2, 3))).shape == (5, 6)


def test_numbers_along_dimensions(x):
    values, places = x.max(1)
    assert values.numpy().tolist() == [3, 7, 11] and places.numpy().tolist() == [3, 3, 3]
    np.testing.assert_allclose(x.std(1).numpy(), np.std(x.numpy(), axis=1, ddof=1), rtol=1e-6)
    assert float(x.clamp(2, 5).mean()) == pytest.approx(np.clip(x.numpy(), 2, 5).mean())
    assert torch.cat([x, x], dim=1).shape == (3, 8) and isinstance(F.relu(x), CourseTensor)
    assert np.exp(x)[0, 0] == 1


def test_functions_of_pictures_have_their_channels_first():
    pictures = CourseTensor(np.arange(32, dtype="float32").reshape(1, 2, 4, 4))
    assert F.adaptive_max_pool2d(pictures, 1).numpy().ravel().tolist() == [15, 31]
    assert F.max_pool2d(pictures, 2).shape == (1, 2, 2, 2)
    with pytest.raises(ValueError, match="1 x 1"):
        F.adaptive_avg_pool2d(pictures, 2)


def test_a_mask_of_classes_as_focal_losses_make_it():
    inputs = Variable(np.zeros((2, 3), "float32"))
    mask = inputs.data.new(2, 3).fill_(0)
    mask.scatter_(1, T([[2], [0]]), 1.0)
    assert mask.numpy().tolist() == [[0, 0, 1], [1, 0, 0]]
    assert isinstance(inputs, Variable) and not inputs.is_cuda


def test_vectors_are_drawn_anew_in_place():
    vectors = nn.Embedding(5, 3)
    vectors.weight.data.uniform_(1, 2)
    drawn = vectors(T([[0, 4]])).numpy()
    assert drawn.shape == (1, 2, 3) and drawn.min() >= 1 and drawn.max() <= 2
