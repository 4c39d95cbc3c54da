"""What reports of pictures share, whatever is predicted: peers, data, doubtful pictures, how to use the model."""

import os
import pathlib
import shlex
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from kerasfast.interpretation.peers import linear_peer
from kerasfast.pages.page import Block, Code, Facts, Note, Photo, Photos, Text
from kerasfast.vision.insight.origin import Origin, pictures_at, thumbnails
from kerasfast.vision.pipeline.views import View

if TYPE_CHECKING:
    from kerasfast.vision.insight.interpretation import Interpretation

WRONG = 12
PEER_PICTURES = 5000  # to train peers on, at most
THUMBNAIL = 16


def peers(report: "Interpretation", origin: Origin) -> tuple[list[tuple[str, np.ndarray]], str]:
    """Return what peers say of the held-out pictures, (name, predictions) each, and a sentence about them."""
    if origin.data is None or report.view is None:
        return [], "No training pictures were at hand to fit a peer to."
    train, kind = origin.data.fixed, report.target_kind
    chosen = np.sort(np.random.default_rng(42).permutation(len(train))[:PEER_PICTURES])
    said = [
        (name, linear_peer(rows, train.targets[chosen], others, kind, len(report.classes)))
        for name, rows, others in _peer_features(train, chosen, report.view, origin)
    ]
    note = (
        f"The peers were fitted to {len(chosen):,} training pictures, their weight decay chosen by cross-validation "
        "inside them."
    )
    return said, note


def _peer_features(
    train: View, chosen: np.ndarray, held: View, origin: Origin
) -> list[tuple[str, np.ndarray, np.ndarray]]:
    """Return names of peers, with what they know of some training pictures and of those held out."""
    part = replace(train, samples=train.samples.take(chosen))
    method = "ridge regression" if origin.data.target_kind == "regression" else "logistic regression"
    pixels = (thumbnails(one, THUMBNAIL) for one in (part, held))
    found = [(f"{method} on {THUMBNAIL} x {THUMBNAIL} pixels", *pixels)]
    if origin.activations is not None:
        name = f"{method} on the features of this network"
        found.append((name, origin.activations(train)[chosen], origin.activations(held)))
    return found


def data_facts(origin: Origin) -> list[Block]:
    """Return how many pictures there are, and of what size."""
    data = origin.data
    if data is None:
        return []
    splits = {name: len(samples) for name, samples in data.source.splits().items()}
    names = {"train": "training", "valid": "validation", "test": "test"}
    facts = {"pictures": ", ".join(f"{count:,} {names[name]}" for name, count in splits.items())}
    if data.source.skipped:
        facts["left out"] = f"{len(data.source.skipped)} that cannot be read"
    return [Facts({**facts, "folder": pathlib.Path(data.source.root).name, "size": f"{data.size} pixels"})]


def examples(report: "Interpretation", rows: dict[str, int]) -> list[Block]:
    """Return held-out pictures by what to call them."""
    if report.view is None or not rows:
        return []
    pictures = pictures_at(report.view, list(rows.values()))
    return [Photos([Photo.of(pixels, [name]) for name, pixels in zip(rows, pictures, strict=True)])]


def data_errors(report: "Interpretation", origin: Origin, doubtful: Callable[[Any], Sequence[str]]) -> list[Block]:
    """Return pictures with doubtful labels, and those that are in both sets.

    Args:
        report, origin: As they are.
        doubtful: Lines about a row of `label_errors`.
    """
    if origin.data is None or origin.activations is None or report.view is None:
        return []
    errors, views = report.label_errors(), {"train": origin.data.fixed, "valid": origin.data.valid}
    share = len(errors) / sum(map(len, views.values()))
    blocks: list[Block] = [
        Text(
            f"Labels that are probably wrong: {len(errors):,} ({share:.1%}), by heads that did not learn from them. "
            "The most doubtful first; look before you change one."
        )
    ]
    if len(errors):
        shown = errors.head(WRONG)
        photos: dict[int, Photo] = {}
        for split, part in shown.reset_index().groupby("split"):
            pictures = zip(part.index, pictures_at(views[split], part["row"].to_numpy()), strict=True)
            for place, pixels in pictures:
                about = shown.iloc[place]
                photos[place] = Photo.of(pixels, [*doubtful(about), f"{about['split']}: {about['file']}"])
        blocks.append(Photos([photos[place] for place in sorted(photos)]))
    return [*blocks, *_twins(report, views["train"])]


def _twins(report: "Interpretation", train: View) -> list[Block]:
    twins = report.near_duplicates()
    if twins.empty:
        return [Text("No held-out picture is nearly a training picture.")]
    note = (
        f"{len(twins):,} of {len(report.view):,} held-out pictures are nearly a training picture: they make the "
        "results look better than they are. Keep copies and series together (`groups`)."
    )
    shown = twins.head(WRONG)
    both = (
        pictures_at(report.view, shown["row"].to_numpy()),
        pictures_at(train, shown["training_row"].to_numpy()),
    )
    return [Note(note), Photos([_twin(*one) for one in zip(*both, shown.to_dict("records"), strict=True)])]


def _twin(pixels: np.ndarray, other_pixels: np.ndarray, about: dict[str, Any]) -> Photo:
    other = "" if about.get("same_label", True) else ", with another label"
    lines = [f"similarity {about['similarity']:.3f}{other}", str(about["file"]), f"as {about['training_file']}"]
    return Photo.of(pixels, lines, other_pixels)


def use(origin: Origin) -> list[Block]:
    """Return how to use the model."""
    file = "model.kerasfast" if origin.file is None else os.fspath(origin.file)
    first = [] if origin.file is not None else ["learn.export('model.kerasfast')  # where the model was trained", ""]
    lines = [
        *first,
        "import kerasfast as kf",
        "",
        f"predictor = kf.ImagePredictor.load({file!r})",
        "frame = predictor.predict('pictures/', on_error='skip')  # file, prediction, a probability per class",
    ]
    shell = (
        f"kerasfast predict {shlex.quote(file)} pictures/ --out predictions.csv\nkerasfast serve {shlex.quote(file)}"
    )
    return [
        Text("In Python, with no training data and no code of the training:"),
        Code("\n".join(lines)),
        Text("In a terminal:"),
        Code(shell),
    ]
