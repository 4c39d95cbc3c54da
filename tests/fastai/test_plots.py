import numpy as np
import pytest
from matplotlib import pyplot as plt

from kerasfast.fastai.plots import (
    ImageModelResults,
    load_img_id,
    plot_confusion_matrix,
    plots,
    plots_from_files,
    plots_raw,
)


@pytest.fixture(autouse=True)
def closed():
    yield
    plt.close("all")


def test_pictures_in_a_grid(pictures):
    images = [np.zeros((8, 6, 3)), np.full((5, 5, 3), 1.4), np.zeros((4, 4), np.uint8)]
    assert plots(images, rows=2, titles=["a", 0.123456, 3], maintitle="all") is None  # or a cell would show it twice
    figure = plt.gcf()
    assert len(figure.axes) == 4 and figure.axes[1].get_title() == "0.123" and figure.get_suptitle() == "all"
    plots_raw(images)
    assert len(plt.gcf().axes) == 3
    plots_from_files([pictures / "test/0.jpg", pictures / "test/1.jpg"])
    assert len(plt.gcf().axes) == 2
    with pytest.raises(ValueError, match="channels last"):
        plots([np.zeros((3, 8, 8))])


def test_confusion_matrix(capsys):
    plot_confusion_matrix(np.array([[3, 1], [0, 4]]), ["cat", "dog"], normalize=True)
    assert capsys.readouterr().out.splitlines() == ["[[0.75 0.25]", " [0.   1.  ]]"]
    assert plt.gcf().axes[0].get_title(loc="left") == "Confusion matrix"


@pytest.mark.slow
def test_most_right_wrong_and_uncertain(make_data, capsys):
    data = make_data()
    blue = np.array([0.95, 0.4, 0.6, 0.99, 0.1, 0.3, 0.2, 0.45, 0.7, 0.05])  # five blue ones, five red ones
    results = ImageModelResults(data.val_ds, np.log(np.stack([blue, 1 - blue], axis=1)))
    assert results.most_by_correct(0, True).tolist() == [3, 0, 2]
    assert results.most_by_correct(0, False).tolist() == [4, 1]
    assert results.most_by_correct(1, False).tolist() == [8]
    assert results.most_by_uncertain(0).tolist() == [1, 2, 4, 0]
    assert results.plot_most_correct(0) is None  # or a cell would show it twice
    assert [ax.get_title() for ax in plt.gcf().axes] == ["0.99", "0.95", "0.6"]
    for plot, count in ((results.plot_most_incorrect, 1), (results.plot_most_uncertain, 4)):
        plot(1)
        assert len(plt.gcf().axes) == count
    results.preds[:] = data.val_y
    results.plot_most_incorrect(0)
    assert "No such pictures" in capsys.readouterr().out
    with pytest.raises(ValueError, match="for 10 pictures"):
        ImageModelResults(data.val_ds, np.zeros((5, 10, 2)))


def test_pictures_as_they_are_stored(make_data):
    data = make_data()
    image = load_img_id(data.val_ds, 0, data.path)
    assert image.shape == (32, 40, 3) and image.dtype == np.uint8
