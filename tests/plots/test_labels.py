"""Names beside points never lie on each other."""

import numpy as np
import pytest

from kerasfast.plots.curves import plot_projection
from kerasfast.plots.labels import add_labels
from kerasfast.plots.pictures import new_axes


def boxes(ax):
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.text import Text

    renderer = FigureCanvasAgg(ax.figure).get_renderer()
    for text in ax.texts:
        text.update_positions(renderer)
    return [Text.get_window_extent(text, renderer) for text in ax.texts]  # without the line to the point


@pytest.mark.slow
@pytest.mark.parametrize(("count", "least"), [(30, 30), (150, 40)])
def test_names_do_not_overlap(count, least, rng):
    ax = plot_projection(rng.normal(size=(count, 4)), [f"level {index}" for index in range(count)])
    found = boxes(ax)
    assert count >= len(found) >= least
    ax.figure.draw_without_rendering()
    assert not [(i, j) for i, one in enumerate(found) for j, other in enumerate(found) if i < j and one.overlaps(other)]


def test_what_finds_no_place_is_left_out():
    ax = new_axes((1.5, 1.5))
    ax.scatter(np.full(40, 0.5), np.full(40, 0.5))
    assert 0 < add_labels(ax, np.full((40, 2), 0.5), ["a long name"] * 40) < 20
