"""Every plot draws what it was given, on the axes it was given, and files appear whole."""

import subprocess
import sys

import numpy as np
import pytest
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from PIL import Image

from kerasfast.plots import curves as plots
from kerasfast.plots import pictures as picture_plots

CLASSES = ["clear", "road", "water"]


@pytest.fixture
def images(rng) -> np.ndarray:
    return rng.integers(0, 256, (3, 8, 10, 3), dtype=np.uint8)


def captions(ax) -> list[tuple[str, str]]:
    return [(text.get_text(), to_hex(text.get_color())) for text in ax.texts]


def curve(ax, label) -> np.ndarray:
    return next(line for line in ax.lines if line.get_label() == label).get_xydata()


def test_plots_draw_on_given_axes_and_need_no_pyplot(images):
    given = Figure().subplots()
    assert plots.plot_losses([1, 0.5], ax=given) is given
    assert plots.plot_images(images, ax=given) is given
    draw = "import sys; from kerasfast.plots import curves as plots; plots.plot_losses([1, 2])"
    code = f"{draw}; sys.exit('matplotlib.pyplot' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_lr_finder_skips_both_ends_and_marks_the_suggestion():
    rates, losses = np.geomspace(1e-5, 1, 100), np.linspace(1, 0.5, 100)
    ax = plots.plot_lr_finder(rates, losses, suggestion=0.01)
    np.testing.assert_allclose(curve(ax, "each step"), np.stack([rates, losses], axis=1)[10:95])
    assert ax.get_xscale() == "log"
    assert curve(ax, "suggested 0.01")[0, 0] == 0.01


def test_lr_finder_draws_tiny_runs_and_the_head_of_several_groups():
    rates = np.geomspace([1e-6, 1e-5], [1e-2, 1e-1], 6)
    ax = plots.plot_lr_finder(rates, [1, 0.9, 0.8, np.nan, 0.9, np.inf])
    np.testing.assert_allclose(curve(ax, "each step")[:, 0], rates[[0, 1, 2, 4], 1])


def test_lr_finder_smooths_noise_without_lag(rng):
    truth = np.abs(np.linspace(-1, 1, 401))
    ax = plots.plot_lr_finder(np.geomspace(1e-5, 1, 401), truth + rng.normal(0, 0.05, 401), skip_start=0, skip_end=0)
    smooth = curve(ax, "smoothed")[:, 1]
    assert abs(int(smooth.argmin()) - 200) < 12
    assert np.abs(smooth - truth)[30:150].max() < 0.05


def test_lr_finder_keeps_an_explosion_from_flattening_the_curve():
    losses = np.concatenate([np.linspace(1, 0.5, 90), np.geomspace(0.5, 1000, 10)])
    ax = plots.plot_lr_finder(np.geomspace(1e-5, 1, 100), losses, skip_end=0)
    assert ax.get_ylim()[1] < 2


def test_losses_count_epochs_when_they_know_the_steps():
    ax = plots.plot_losses(np.linspace(1, 0.2, 20), [0.6, 0.3], 10)
    np.testing.assert_allclose(curve(ax, "validation"), [[1, 0.6], [2, 0.3]])
    assert curve(ax, "training")[-1, 0] == 2
    assert ax.get_xlabel() == "epoch"


def test_rates_draw_one_line_per_group_and_momentum():
    rates = np.linspace(0.1, 1, 20)[:, None] * [0.01, 0.1, 1]
    ax = plots.plot_rates(rates, np.full(20, 0.9), group_names=["early", "late", "head"])
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["early", "late", "head", "momentum"]
    np.testing.assert_allclose(curve(ax, "late")[:, 1], rates[:, 1])
    assert ax.get_yscale() == "log"
    assert plots.plot_rates(rates[:, 2]).get_yscale() == "linear"


def test_predictions_are_green_when_right_red_when_wrong_grey_when_missed(images):
    truth = [[1, 0, 1], [0, 0, 0], [1, 1, 1]]
    probabilities = np.array([[0.9, 0.7, 0.1], [0.2, 0.3, 0.4], [0.9, 0.6, 0.55]])
    drawn = captions(plots.plot_predictions(images, truth, probabilities, CLASSES))
    assert drawn[:3] == [
        ("✓ clear 0.90", picture_plots.GREEN),
        ("✗ road 0.70", picture_plots.RED),
        ("– water 0.10", picture_plots.GREY),
    ]
    assert [text for text, _ in drawn[3:]] == ["✓ clear 0.90", "✓ road 0.60", "✓ water 0.55"]


def test_predictions_without_truth_or_probabilities_are_listed_plainly(images):
    chosen = np.eye(3, dtype=bool)
    assert captions(plots.plot_predictions(images, None, chosen, CLASSES)) == [(n, picture_plots.INK) for n in CLASSES]
    single = plots.plot_predictions(images, np.eye(3), np.eye(3) * 0.4, CLASSES, threshold=None)
    assert [text for text, _ in captions(single)] == [f"✓ {name} 0.40" for name in CLASSES]


def test_long_lists_of_tags_end_with_their_number(images):
    names = [f"tag{i}" for i in range(12)]
    drawn = captions(plots.plot_predictions(images[:1], None, np.ones((1, 12), bool), names))
    assert drawn[-1][0] == "and 5 more" and len(drawn) == 8


def test_captions_stay_below_their_own_picture(images):
    ax = plots.plot_images(images, ["one", "a title of many words that needs three or more lines", "three"], columns=1)
    pictures = [image.get_extent() for image in ax.images]
    for text in ax.texts:
        assert not any(min(top, bottom) < text.get_position()[1] < max(top, bottom) for _, _, bottom, top in pictures)
    assert len(ax.images) == 3


@pytest.mark.parametrize("change", [lambda x: x / 255, lambda x: x.astype("float32"), lambda x: x[..., 0], lambda x: x])
def test_pictures_of_any_range_are_shown(images, change):
    shown = plots.plot_images(change(images)).images[0].get_array()
    expected = np.repeat(images[0, ..., :1], 3, axis=-1) if change(images).ndim == 3 else images[0]
    np.testing.assert_allclose(shown, expected / 255, atol=1e-6)


def test_confusion_matrix_writes_counts():
    ax = plots.plot_confusion_matrix([[5, 1, 0], [0, 7, 0], [2, 0, 0]], CLASSES)
    assert {(text.get_position(), text.get_text()) for text in ax.texts} == {
        ((0, 0), "5"), ((1, 0), "1"), ((1, 1), "7"), ((0, 2), "2"),
    }  # fmt: skip
    np.testing.assert_allclose(ax.images[0].get_array()[0], [5 / 6, 1 / 6, 0])


def test_figures_are_written_whole_into_new_folders(tmp_path):
    path = plots.save_figure(plots.plot_losses([2, 1]), tmp_path / "new" / "loss.png")
    assert Image.open(path).size == (840, 504)
    plots.save_figure(plots.plot_losses([2, 1]).figure, path)
    assert [entry.name for entry in path.parent.iterdir()] == ["loss.png"]
    with pytest.raises(ValueError, match="png.*received"):
        plots.save_figure(plots.plot_losses([2, 1]), tmp_path / "loss.text")


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda x: plots.plot_lr_finder([1, 2], [1]), "received 2 and 1"),
        (lambda x: plots.plot_lr_finder([0, 1], [1, 1]), "above 0"),
        (lambda x: plots.plot_lr_finder([1, 2, 3], [1, 1, 1], skip_start=2), "1 of 3 are left"),
        (lambda x: plots.plot_losses([1, 2], [1]), "steps_per_epoch"),
        (lambda x: plots.plot_losses([]), "at least one step"),
        (lambda x: plots.plot_rates([1, 2], [1]), "momentums"),
        (lambda x: plots.plot_rates([1, 2], group_names=["a", "b"]), "group_names"),
        (lambda x: plots.plot_images(x, ["one"]), "received 1 and 3"),
        (lambda x: plots.plot_images(x, rows=1, columns=2), "hold 2 pictures; received 3"),
        (lambda x: plots.plot_images(x[:0]), "images"),
        (lambda x: plots.plot_images(x / 127.5 - 1), "preprocessing"),
        (lambda x: plots.plot_predictions(x, None, np.zeros((3, 2)), CLASSES), r"\(3, 3\); received \(3, 2\)"),
        (lambda x: plots.plot_confusion_matrix(np.zeros((2, 2)), CLASSES), r"received \(2, 2\)"),
    ],
)
def test_wrong_arguments_are_named(images, call, message):
    with pytest.raises(ValueError, match=message):
        call(images)
