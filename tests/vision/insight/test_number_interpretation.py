"""What a report says of pictures whose numbers are written by hand, and of a learner of numbers."""

import numpy as np
import pytest

import kerasfast as kf
from kerasfast.vision.insight.number_interpretation import NumberInterpretation

SIDE = 32


class Pictures:
    """Grey pictures, each as bright as its number."""

    files = np.array([f"deep/p{row}.jpg" for row in range(4)])

    def __len__(self):
        return 4

    def __getitem__(self, row):
        return np.full((8, 8, 3), 10 * row, "uint8"), None


@pytest.fixture
def two():
    targets = np.array([[10.0, 1.0], [20.0, 2.0], [30.0, 3.0], [40.0, 4.0]])
    predictions = targets + np.array([[0, 0], [9, 0.1], [-1, 1.5], [0, 0.2]])
    return NumberInterpretation(predictions, targets, ["age", "height"], view=Pictures())


def test_pictures_are_ranked_by_errors_that_can_be_compared(two):
    wrong = two.most_wrong(count=2)
    assert wrong.index.tolist() == [2, 1] and wrong["number"].tolist() == ["height", "age"]
    assert wrong.iloc[1][["prediction", "truth", "error"]].tolist() == [29, 20, 9]
    assert two.most_wrong("age", count=1).index.tolist() == [1]
    assert two.most_correct("age", count=2).index.tolist() == [0, 3]
    assert two.top_losses(1).iloc[0]["number"] == "height"
    np.testing.assert_allclose(two.losses, np.square((two.predictions - two.targets) / two.targets.std(axis=0)).mean(1))
    assert two.per_class(resamples=10).loc["age", "mean_absolute_error"] == 2.5
    assert "age 2.5" in repr(two)


def test_numbers_are_drawn(two):
    axes = two.plot_calibration(name="height")
    assert axes.get_title(loc="left") == "height" and axes.get_xlabel() == "predicted"
    looked = []
    two.heat = lambda pixels, index: (looked.append((pixels[0, 0, 0], index)), np.eye(8))[1]
    texts = [text.get_text() for text in two.plot_pictures(two.most_wrong(count=2), grad_cam=True).texts]
    assert looked == [(20, 1), (10, 0)] and "age 29, truly 20" in texts


@pytest.mark.parametrize(
    "call", ["confusion", "confused_pairs", "plot_confusion", "most_uncertain", "temperature", "calibrated"]
)
def test_what_is_of_classes_says_so(two, call):
    with pytest.raises(ValueError, match="are numbers"):
        getattr(two, call)()
    with pytest.raises(ValueError, match="`name` must be one of"):
        two.most_wrong("weight")


@pytest.fixture(scope="module")
def learn(tmp_path_factory, tiny_network):
    """Pictures of some brightness, which is the number; a training label is far off, and a picture is in both sets."""
    random = np.random.default_rng(0)
    targets = random.uniform(0, 100, 60).astype("float32")
    pixels = np.clip(2.4 * targets[:, None, None, None] + random.normal(0, 9, (60, SIDE, SIDE, 3)), 0, 255)
    pixels[59], targets[59] = pixels[0], targets[0]
    targets[5] = 400
    pixels = pixels.astype("uint8")
    data = kf.ImageData.from_arrays(
        (pixels[:40], targets[:40]), (pixels[40:], targets[40:]), classes=["<b>light</b>"],
        transforms=kf.Transforms(SIDE), path=tmp_path_factory.mktemp("numbers"), target_kind="regression",
    )  # fmt: skip
    learn = kf.ImageLearner.pretrained(kf.Backbone.from_model(tiny_network(), split="stage1_conv"), data)
    learn.fit_head()
    return learn


@pytest.mark.slow
def test_a_learner_of_numbers_is_looked_into_and_reported(learn, tmp_path):
    report = learn.interpret()
    assert isinstance(report, kf.NumberInterpretation) and report.predictions.shape == (20, 1)
    errors = report.label_errors()
    assert errors.iloc[0][["split", "label"]].tolist() == ["train", 400] and errors.index[0] == 5
    assert report.near_duplicates().iloc[0][["row", "training_row", "same_label"]].tolist() == [19, 0, True]
    text = report.report(tmp_path / "r.html", facts={"seed": "1"}).read_text("utf-8")
    for part in (
        "40 training, 20 validation", "best constant answer", "ridge regression on 16 x 16 pixels", "Grad-CAM",
        "ridge regression on the features of this network", "mean absolute error", "learn.export", "labelled 400",
        "&lt;b&gt;light&lt;/b&gt;", "nearly a training picture",
    ):  # fmt: skip
        assert part in text, part
    assert "<b>light" not in text
