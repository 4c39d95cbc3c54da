"""The spreadsheet's numbers are those of the layers, and each cell says its own."""

from dataclasses import replace

import keras
import numpy as np
import pytest

import kerasfast as kf
from kerasfast.vision.insight.look import augmentation, convolution, fully_connected, network, softmax

layers = keras.layers


def axes_of(figure) -> dict:
    return {axes.get_title(loc="left"): axes for axes in figure.axes}


def cells(axes) -> list[float]:
    return [float(text.get_text()) for text in axes.texts]


@pytest.fixture(scope="module")
def digit():
    """A seven."""
    picture = np.zeros((12, 12), "float32")
    picture[2, 2:10] = 1
    picture[np.arange(2, 11), 9 - np.arange(9) // 2] = 1
    return picture


@pytest.fixture(scope="module")
def edges():
    """A layer of two filters: a horizontal and a vertical edge."""
    layer = layers.Conv2D(2, 3, name="edges")
    layer.build((None, 12, 12, 1))
    kernel = np.array([[1, 1, 1], [0, 0, 0], [-1, -1, -1]], "float32")
    layer.set_weights([np.stack([kernel, kernel.T], axis=-1)[:, :, None], np.array([0.5, 0], "float32")])
    return layer


def test_a_convolution_is_shown_before_and_after(digit, edges):
    found = axes_of(convolution(digit, edges))
    assert cells(found["filter 0"]) == [1, 1, 1, 0, 0, 0, -1, -1, -1]
    before = np.asarray(edges(digit[None, ..., None]))[0, ..., 0]
    shown = cells(found["filter 0: before ReLU, 10 x 10"])
    np.testing.assert_allclose(shown, before.ravel(), atol=0.006)
    after = next(axes for title, axes in found.items() if title.startswith("after ReLU"))
    assert min(cells(after)) == 0 and len(found) == 1 + 2 * 2 + 2  # titles of equal text are one
    pooled = cells(found["max pooling 2 x 2, 5 x 5"])
    other = np.maximum(np.asarray(edges(digit[None, ..., None]))[0, ..., 1], 0).reshape(5, 2, 5, 2).max((1, 3))
    np.testing.assert_allclose(pooled, other.ravel(), atol=0.006)


@pytest.mark.slow
def test_a_layer_inside_a_network_is_shown_what_it_gets_there(edges):
    inputs = keras.Input((64, 64, 3))
    first = layers.Conv2D(4, 3, strides=2, name="first")
    second = layers.Conv2D(5, 3, name="second")
    model = keras.Model(inputs, second(first(layers.Rescaling(1 / 255)(inputs))))
    picture = np.random.default_rng(0).integers(0, 255, (64, 64, 3), dtype=np.uint8)
    titles = axes_of(convolution(picture, second, model=model, filters=[4], window=12))
    assert {"what second gets, channel 2", "filter 4, channel 0", "filter 4: before ReLU, 10 x 10"} <= set(titles)
    row = keras.Sequential([inputs, layers.Conv2D(3, 3), layers.Conv2D(2, 3, name="third")])
    assert "what third gets, channel 2" in axes_of(convolution(picture, row.layers[-1], model=row, window=8))
    with pytest.raises(ValueError, match="pass `model`"):
        convolution(picture, second)
    with pytest.raises(ValueError, match="plain `Conv2D`"):
        convolution(picture, layers.DepthwiseConv2D(3))
    with pytest.raises(ValueError, match="filters"):
        convolution(picture, second, model=model, filters=[5])


def test_the_fully_connected_sum_adds_up():
    maps, dense = np.arange(8.0).reshape(2, 2, 2), layers.Dense(2)
    dense.build((None, 8))
    dense.set_weights([np.stack([np.ones(8), np.arange(8)], axis=1), np.array([0, 1.5])])
    found = axes_of(fully_connected(maps, dense, unit=1))
    assert "sum 140.00 + bias 1.50" in found and cells(found["products"])[-1] == 49
    with pytest.raises(ValueError, match="8 weights"):
        fully_connected(maps[:1], dense)


def test_softmax_is_the_lessons_table():
    frame = softmax([-0.36, 2.85, 3.86, 4.08, 0.07])
    np.testing.assert_allclose(frame.loc["1"], [2.85, 17.29, 0.1376], atol=0.005)
    assert frame.loc["sum", "softmax"] == pytest.approx(1)
    with pytest.raises(ValueError, match="a name each"):
        softmax([1, 2], ["cat"])


@pytest.mark.parametrize("end", ["softmax", None])
def test_a_whole_network_ends_in_its_own_answer(digit, end):
    keras.utils.set_random_seed(0)
    body = [layers.Conv2D(3, 3), layers.ReLU(), layers.Conv2D(2, 3, activation="relu"), layers.MaxPooling2D()]
    last = [layers.Dense(4, "softmax")] if end else [layers.Dense(4), layers.Softmax()]
    model = keras.Sequential([keras.Input((12, 12, 1)), *body, layers.Flatten(), layers.Dropout(0.5), *last])
    found = axes_of(network(digit, model, classes=["zero", "one", "two", "seven"]))
    table = np.array(cells(found["softmax"])).reshape(5, 3)
    np.testing.assert_allclose(table[:4, 2], np.asarray(model(digit[None, ..., None]))[0], atol=0.006)
    assert [label.get_text() for label in found["softmax"].get_yticklabels()][-1] == "sum"
    assert any(title.startswith("sum ") for title in found)


def test_augmentation_is_told_as_it_is_drawn(rng):
    pixels = rng.integers(0, 255, (3, 20, 24, 3), dtype=np.uint8)
    plain = kf.ImageData.from_arrays(
        (pixels, np.array([0, 1, 0])), (pixels, np.array([0, 1, 0])), transforms=kf.Transforms(16)
    )
    axes = augmentation(plain, 1, 3)
    words = [text.get_text() for text in axes.texts]
    assert any("window 20 x 20" in text for text in words) and not any("mirrored" in text for text in words)
    turned = augmentation(
        replace(plain, transforms=kf.transforms_top_down(16, max_zoom=1.2)),
        count=8,
    )
    text = " ".join(text.get_text() for text in turned.texts)
    assert "mirrored" in text and "rotated" in text and "contrast" in text and "turn" in text
    with pytest.raises(ValueError, match="row"):
        augmentation(plain, 3)
