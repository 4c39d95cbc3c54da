"""What a report says of pictures whose predictions are written by hand."""

import numpy as np
import pytest

from kerasfast.vision.insight.interpretation import Interpretation

NAMES = ("ant", "bee", "cat")


class Pictures:
    """Six grey pictures, each as bright as its number."""

    files = np.array([f"p{row}.jpg" for row in range(6)])

    def __getitem__(self, row):
        return np.full((8, 8, 3), 10 * row, "uint8"), None


@pytest.fixture
def single():
    predictions = [
        [0.9, 0.1, 0.0], [0.6, 0.3, 0.1], [0.2, 0.7, 0.1], [0.05, 0.9, 0.05], [0.4, 0.2, 0.4], [0.1, 0.8, 0.1],
    ]  # fmt: skip
    return Interpretation(np.array(predictions), np.array([0, 0, 1, 2, 2, 0]), NAMES, "single", view=Pictures())


@pytest.fixture
def tags():
    predictions = np.array([[0.9, 0.1, 0.6], [0.15, 0.3, 0.7], [0.45, 0.95, 0.8]])
    truth = np.array([[1, 0, 1], [1, 0, 1], [0, 1, 0]])
    return Interpretation(predictions, truth, NAMES, "multi", view=Pictures(), threshold=(0.5, 0.5, 0.65))


def test_pictures_are_ranked(single):
    assert single.most_correct().index.tolist() == [0, 2, 1]
    assert single.most_wrong().index.tolist() == [3, 5, 4]
    assert single.most_wrong("cat").index.tolist() == [3, 4]
    assert single.most_uncertain(count=2).index.tolist() == [4, 1]
    assert single.most_correct("ant", count=1).index.tolist() == [0]
    np.testing.assert_allclose(single.losses, -np.log([0.9, 0.6, 0.7, 0.05, 0.4, 0.1]))


def test_top_losses_give_prediction_and_truth(single):
    first = single.top_losses(2).iloc[0]
    assert first[["file", "class", "prediction", "truth"]].tolist() == ["p3.jpg", "cat", "bee", "cat"]
    assert first["probability_of_truth"] == 0.05 and first["loss"] == pytest.approx(-np.log(0.05))


def test_tags_are_ranked_each_by_its_threshold(tags):
    wrong = tags.most_wrong()
    assert list(zip(wrong.index, wrong["class"], strict=True)) == [(1, "ant"), (2, "cat"), (0, "cat")]
    assert wrong["prediction"].tolist() == ["cat", "bee cat", "ant"] and wrong["truth"][2] == "bee"
    assert tags.most_correct("bee").index.tolist() == [2, 0, 1]
    assert tags.most_uncertain(count=2)["class"].tolist() in (["ant", "cat"], ["cat", "ant"], ["cat", "cat"])
    assert tags.top_losses(1)[["class", "truth"]].to_numpy().tolist() == [["ant", "ant cat"]]
    assert tags.per_class(resamples=0)["threshold"].tolist() == [0.5, 0.5, 0.65]
    with pytest.raises(ValueError, match="per_class"):
        tags.confusion()


def test_confusion_is_ordered_and_drawn(single):
    frame = single.confusion()
    assert frame.loc["cat", "bee"] == 1 and frame.loc["ant", "ant"] == 2 and frame.to_numpy().sum() == 6
    assert single.confusion(ordered=False).index.tolist() == list(NAMES)
    labels = [label.get_text() for label in single.plot_confusion().get_yticklabels()]
    assert labels == frame.index.tolist()


def test_calibration_is_told_and_drawn_and_mended(single, tags):
    assert f"{single.calibration_error():.3f}" in single.plot_calibration().get_title(loc="left")
    for report in (single, tags):
        cooler = report.calibrated(2.0)
        assert cooler.predictions.max() < report.predictions.max()
        assert cooler.most_wrong().index.tolist() == report.most_wrong().index.tolist()
        assert report.calibrated().losses.mean() <= report.losses.mean()


def test_pictures_are_drawn_with_what_the_network_looked_for(single):
    looked = []
    report = Interpretation(
        single.predictions, single.targets, NAMES, "single", view=Pictures(),
        heat=lambda pixels, index: (looked.append((pixels[0, 0, 0], index)), np.eye(8))[1],
    )  # fmt: skip
    axes = report.plot_top_losses(2, grad_cam=True)
    assert looked == [(30, 1), (50, 1)] and len(axes.images) == 4
    assert any("bee, truly cat" in text.get_text() for text in axes.texts)
    with pytest.raises(ValueError, match="interpret"):
        single.plot_top_losses(grad_cam=True)
    with pytest.raises(ValueError, match="no pictures"):
        single.plot_pictures(single.most_wrong("bee"))


def test_predictions_alone_are_enough_for_frames(single):
    bare = Interpretation(single.predictions, single.targets, NAMES, "single")
    assert bare.most_wrong()["file"].tolist() == ["3", "5", "4"]
    with pytest.raises(ValueError, match="pictures"):
        bare.plot_top_losses()


def test_tags_are_drawn(tags):
    texts = [text.get_text() for text in tags.plot_pictures(tags.most_wrong()).texts]
    assert any(text.startswith("ant: true") for text in texts) and any("cat: not true" in text for text in texts)


def test_what_is_no_classification_is_told(single):
    with pytest.raises(ValueError, match="regression"):
        Interpretation(single.predictions, single.targets, NAMES, "regression", view=Pictures())
    with pytest.raises(ValueError, match="softmax"):
        Interpretation(3 * single.predictions, single.targets, NAMES, "single", view=Pictures())
    assert "50.0% of pictures" in repr(single)
