import keras
import numpy as np
import pytest
import tensorflow as tf

from kerasfast.fastai import core, imports, io
from kerasfast.fastai.core import A, F, T, V, nn, optim, to_np, torch
from kerasfast.fastai.layer_optimizer import set_lrs
from kerasfast.fastai.layers import AdaptiveConcatPool2d, Flatten


def test_tensors_and_arrays():
    assert T([1, 2]).dtype == tf.int64 and T([1.0]).dtype == tf.float32 and T([1.0], half=True).dtype == tf.float16
    assert T(np.array([True])).dtype == tf.float32
    tensors = V([np.ones(2), [3]])
    assert [tensor.shape for tensor in tensors] == [(2,), (1,)]
    assert to_np(tensors)[1].tolist() == [3] and to_np(np.float32(2)) == 2
    assert A([1, 2]).tolist() == [1, 2] and len(A([1], [2])) == 2
    with pytest.raises(TypeError, match="tensors of numbers"):
        T("text")


def test_small_helpers(tmp_path):
    assert core.sum_geom(1, 2, 3) == 7 and core.sum_geom(2, 1, 3) == 6
    assert core.one_hot([1, 0], 2).tolist() == [[0, 1], [1, 0]]
    assert core.partition([1, 2, 3], 2) == [[1, 2], [3]] and core.num_cpus() >= 1
    assert list(core.chunk_iter(iter(range(5)), 2)) == [[0, 1], [2, 3], [4]]
    assert list(core.split_by_idxs([0, 1, 2, 3], [1, 3])) == [[0], [1, 2], [3]]
    assert core.map_over([1, 2], str) == ["1", "2"] and core.map_none(None, str) is None
    core.save(tmp_path / "a.pkl", {"x": 1})
    assert core.load(tmp_path / "a.pkl") == {"x": 1}


def test_torch_names_mean_something_or_explain_themselves():
    assert torch.cuda.is_available() == bool(tf.config.list_physical_devices("GPU"))
    assert torch.backends.cudnn.enabled in (True, False)
    with pytest.raises(AttributeError, match=r"`nn.LSTM` belongs to PyTorch.*keras.layers"):
        nn.LSTM
    with pytest.raises(AttributeError, match=r"`torch.einsum` belongs to PyTorch.*keras.ops"):
        torch.einsum
    if not torch.cuda.is_available():
        torch.cuda.set_device(0)
    with pytest.raises(ValueError, match="numbered from 0; received device 64"):
        torch.cuda.set_device(64)
    with pytest.raises(TypeError, match="leave `params` out"):
        optim.Adam([1, 2], lr=0.1)
    with pytest.raises(ValueError, match="LayerOptimizer"):
        set_lrs(optim.SGD(lr=0.1), [0.1, 0.2])
    opt = optim.SGD(lr=0.1)
    set_lrs(opt, 0.2)  # one that has not trained yet
    assert float(opt.learning_rate) == pytest.approx(0.2)


def test_losses_take_predictions_first():
    preds, targs = tf.constant([[0.9, 0.2]]), tf.constant([[1.0, 0.0]])
    assert float(F.mse_loss(preds, targs)) == pytest.approx(0.025)
    assert float(F.l1_loss(preds, targs)) == pytest.approx(0.15)
    assert float(F.binary_cross_entropy(preds, targs)) == pytest.approx(-(np.log(0.9) + np.log(0.8)) / 2, rel=1e-4)
    assert float(F.nll_loss(tf.math.log([[0.25, 0.75]]), tf.constant([1]))) == pytest.approx(-np.log(0.75))


def test_weights_of_classes_count_in_losses():
    log_preds, targs = tf.math.log([[0.25, 0.75], [0.5, 0.5]]), tf.constant([1, 0])
    expected = -(3 * np.log(0.75) + np.log(0.5)) / 4
    assert float(F.nll_loss(log_preds, targs, weight=[1, 3])) == pytest.approx(expected)
    assert float(nn.CrossEntropyLoss([1.0, 3.0])(log_preds, targs)) == pytest.approx(expected)
    assert float(nn.NLLLoss()(log_preds, targs)) == pytest.approx(-(np.log(0.75) + np.log(0.5)) / 2)


def test_seeding_repeats_what_numpy_and_tensorflow_draw():
    drawn = []
    for _ in range(2):
        torch.manual_seed(3)
        torch.cuda.manual_seed_all(3)
        drawn.append((np.random.rand(), float(tf.random.uniform([]))))
    assert drawn[0] == drawn[1]


def test_layers_of_a_head_become_keras_layers():
    pooled = [nn.AdaptiveAvgPool2d(1), Flatten(), nn.BatchNorm1d(3)]
    head = nn.Sequential(*pooled, nn.Dropout(0.5), nn.Linear(3, 2), nn.ReLU())
    x = keras.Input((5, 5, 3))
    y = x
    for layer in head:
        y = layer(y)
    assert y.shape == (None, 2)
    assert AdaptiveConcatPool2d()(np.ones((1, 4, 4, 3))).shape == (1, 1, 1, 6)
    assert nn.Conv2d(3, 8, 3, stride=2, padding=1)(np.ones((1, 6, 6, 3))).shape == (1, 3, 3, 8)


def test_numbers_print_as_in_the_lessons():
    assert repr(list(zip(["clear"], np.array([1.0], np.float32), strict=True))) == "[('clear', 1.0)]"
    assert str(np.array([0.148824, 1e-9])) == "[0.14882 0.     ]"


def test_file_link_and_display(tmp_path, capsys):
    (tmp_path / "a.csv").write_text("x")
    link = imports.FileLink(tmp_path / "a.csv")
    assert "a.csv" in repr(link) and "href" in link._repr_html_()
    with pytest.raises(FileNotFoundError, match="write it first"):
        imports.FileLink(tmp_path / "b.csv")
    imports.display("one", 2)
    assert capsys.readouterr().out == "one\n2\n"


def test_a_file_is_downloaded_once(tmp_path):
    (tmp_path / "source.txt").write_text("data")
    target = tmp_path / "new" / "file.txt"
    io.get_data((tmp_path / "source.txt").as_uri(), target)
    assert target.read_text() == "data"
    io.get_data("file:///not/there", target)
    with pytest.raises(OSError, match="gone.txt"):
        io.get_data((tmp_path / "gone.txt").as_uri(), tmp_path / "other.txt")
    assert not (tmp_path / "other.txt").exists()
