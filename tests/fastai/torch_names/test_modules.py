"""Models that lessons write as torch modules, in Keras: what they compute, how they train, freeze and save."""

import keras
import numpy as np
import pandas as pd
import pytest

from kerasfast.fastai.column_data import ColumnarModelData, fit, set_lrs
from kerasfast.fastai.conv_learner import ConvLearner, ImageClassifierData
from kerasfast.fastai.torch_imports import F, nn, optim, torch
from kerasfast.fastai.torch_names.module_models import as_model
from kerasfast.fastai.torch_names.modules import Module


class BnLayer(nn.Module):
    """Lesson 7's own normalisation: what training computes is remembered for predictions."""

    def __init__(self, ni, nf):
        super().__init__()
        self.conv = nn.Conv2d(ni, nf, kernel_size=3, stride=2, bias=False, padding=1)
        self.a = nn.Parameter(torch.zeros(nf, 1, 1))
        self.m = nn.Parameter(torch.ones(nf, 1, 1))

    def forward(self, x):
        x = F.relu(self.conv(x))
        x_chan = x.transpose(0, 1).contiguous().view(x.size(1), -1)
        if self.training:
            self.means = x_chan.mean(1)[:, None, None]
            self.stds = x_chan.std(1)[:, None, None]
        return (x - self.means) / (self.stds + 1) * self.m + self.a


class Net(nn.Module):
    def __init__(self, widths, c):
        super().__init__()
        self.layers = nn.ModuleList([BnLayer(widths[i], widths[i + 1]) for i in range(len(widths) - 1)])
        self.drop = nn.Dropout(0.1)
        self.out = nn.Linear(widths[-1], c)

    def forward(self, x):
        for layer in self.layers:
            x = layer(x)
        x = F.adaptive_max_pool2d(x, 1)
        return F.log_softmax(self.out(self.drop(x.view(x.size(0), -1))), dim=-1)


@pytest.fixture
def data(tmp_path, rng):
    y = np.arange(48) % 2
    x = rng.integers(0, 100, (48, 8, 8, 3)) + 120 * y[:, None, None, None]
    x = x.astype("uint8")
    return ImageClassifierData.from_arrays(tmp_path, (x[:32], y[:32]), (x[32:], y[32:]), bs=8)


@pytest.mark.slow
def test_a_module_trains_freezes_saves_and_predicts(data):
    keras.utils.set_random_seed(0)
    module = Net([3, 6, 8], 2)
    learn = ConvLearner.from_model_data(module, data)
    assert [len(group) for group in learn.core.groups.layers] == [1, 1, 1, 1]  # two of the list, dropout, dense
    assert learn.fit(0.05, 4, cycle_len=1)[0] < 0.3
    before = learn.predict()
    np.testing.assert_allclose(np.exp(before).sum(axis=1), 1, rtol=1e-4)
    np.testing.assert_allclose(learn.predict(), before)  # with the statistics of the last training batch
    learn.save("net")
    learn.fit(0.05, 1)
    learn.load("net")
    np.testing.assert_allclose(learn.predict(), before, rtol=1e-4, atol=1e-5)
    learn.freeze_to(-1)
    kernel = module.layers[0].conv.layers[1].kernel.numpy().copy()
    learn.fit(0.05, 1)
    np.testing.assert_array_equal(module.layers[0].conv.layers[1].kernel.numpy(), kernel)
    log_preds, y = learn.TTA()
    assert log_preds.shape == (5, 16, 2) and len(y) == 16
    assert sum(o.numel() for o in module.parameters()) == 3 * 6 * 9 + 6 * 8 * 9 + 2 * (6 + 8) + 8 * 2 + 2


class Dot(nn.Module):
    def __init__(self, users, items):
        super().__init__()
        self.u, self.m = nn.Embedding(users, 3), nn.Embedding(items, 3)
        self.u.weight.data.uniform_(0, 0.05)
        self.m.weight.data.uniform_(0, 0.05)

    def forward(self, cats, conts):
        users, items = cats[:, 0], cats[:, 1]
        return (self.u(users) * self.m(items)).sum(1).view(-1, 1)


@pytest.mark.slow
def test_ratings_are_fitted_again_with_the_same_optimizer_at_another_rate(tmp_path, rng):
    keras.utils.set_random_seed(0)
    frame = pd.DataFrame({"u": rng.integers(0, 5, 200), "m": rng.integers(0, 7, 200)})
    y = (1 + frame["u"] * frame["m"] / 10).to_numpy("float32")
    data = ColumnarModelData.from_data_frame(tmp_path, np.arange(40), frame, y, ["u", "m"], 20)
    model = Dot(5, 7).cuda()
    opt = optim.SGD(model.parameters(), 1e-1, momentum=0.9)
    first = fit(model, data, 2, opt, F.mse_loss)[0]
    set_lrs(opt, 0.05)
    assert fit(model, data, 6, opt, F.mse_loss)[0] < first
    assert float(opt.learning_rate) == pytest.approx(0.05)


def test_a_row_of_keras_layers_stays_keras(data):
    row = nn.Sequential(
        nn.Conv2d(3, 4, 3), nn.AdaptiveAvgPool2d(1), keras.layers.Flatten(), nn.Linear(4, 2), nn.LogSoftmax()
    )
    model = as_model(row, data)
    assert {type(layer).__module__.split(".")[0] for layer in model.layers} == {"keras"}
    x = np.full((1, 8, 8, 3), 7, "uint8")
    seen = []
    hook = row[0].register_forward_hook(lambda module, inputs, output: seen.append(output.shape))
    logs = row(x)
    hook.remove()
    row(x)
    assert seen == [(1, 4, 6, 6)]  # channels first
    np.testing.assert_allclose(np.exp(logs.numpy()), model.predict(x, verbose=0), rtol=1e-5)


def test_modules_say_what_is_missing():
    with pytest.raises(NotImplementedError, match=r"`Module` needs a method `forward"):
        Module()(np.zeros((1, 2)))
    with pytest.raises(AttributeError, match="call the attribute otherwise"):

        class Bad(nn.Module):
            def __init__(self):
                super().__init__()
                self.output = nn.Linear(3, 2)

        Bad()
    with pytest.raises(TypeError, match=r"model.parameters\(\)"):
        optim.SGD([1, 2], 0.1)
