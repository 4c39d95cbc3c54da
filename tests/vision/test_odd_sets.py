"""README's lines on sets that are too small, too plain or too lopsided: they work, or a sentence refuses them."""

import dataclasses

import numpy as np
import pandas as pd
import pytest
from PIL import Image

import kerasfast as kf
from kerasfast.vision.fitting.features import compute_features


def write(folder, count: int, side: tuple[int, int] = (20, 24), *, mode: str = "RGB", plain: bool = False) -> None:
    """Write pictures of noise, or all alike."""
    folder.mkdir(parents=True)
    random = np.random.default_rng(len(str(folder)))
    for number in range(count):
        pixels = np.full((*side, 3), 128) if plain else random.integers(0, 255, (*side, 3))
        Image.fromarray(pixels.astype(np.uint8)).convert(mode).save(folder / f"{number}.png")


def folders(root, *counts: int, **options) -> kf.ImageData:
    """Class folders without a validation set."""
    for number, count in enumerate(counts):
        write(root / "train" / f"kind{number}", count, **options)
    return kf.ImageData.from_folders(root, valid=None, transforms=kf.transforms_side_on(32, max_zoom=1.1))


def table(root, labels: list, **options) -> kf.ImageData:
    """Pictures with a table of tags or numbers."""
    write(root / "pictures", len(labels))
    pd.DataFrame({"name": [f"{row}.png" for row in range(len(labels))], "label": labels}).to_csv(root / "t.csv")
    return kf.ImageData.from_csv(
        root,
        "t.csv",
        folder="pictures",
        name_column="name",
        label_columns="label",
        transforms=kf.Transforms(32),
        **options,
    )


SETS = {
    "two classes of three pictures": lambda root: folders(root, 3, 3),
    "pictures all alike, a class with one": lambda root: folders(root, 5, 5, 1, plain=True),
    "grey, one pixel": lambda root: folders(root, 5, 5, side=(1, 1), mode="L"),
    "few tags, one in all pictures": lambda root: table(root, ["a b", "a", "a c", "a b", "a", "a b"]),
    "one number": lambda root: table(root, [2.0] * 6, target_kind="regression"),
}


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", SETS)
def test_odd_sets_are_learned(name, tmp_path, tiny_network):
    data = dataclasses.replace(SETS[name](tmp_path / "set"), path=tmp_path)
    learn = kf.ImageLearner.pretrained(kf.Backbone.from_model(tiny_network(), name="tiny"), data)
    fit = learn.fit_head()
    assert np.isfinite(fit.outputs(compute_features(learn.network.features, data.valid))).all()


@pytest.mark.parametrize(
    ("counts", "message"),
    [((1, 1), "leaves the validation set empty"), ((8,), "needs two classes or more; found only 'kind0'")],
)
def test_what_cannot_be_learned_is_refused(counts, message, tmp_path):
    with pytest.raises(ValueError, match=message):
        folders(tmp_path, *counts)
