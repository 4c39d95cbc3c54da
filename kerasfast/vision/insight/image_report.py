"""The report of an image model: data, recipe, curves, results beside cheap peers, what is wrong, how to use it."""

import os
import pathlib
import shlex
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from kerasfast.interpretation.peers import linear_peer
from kerasfast.interpretation.results import Judge, constant_answer
from kerasfast.metrics.tags import best_constant, best_threshold
from kerasfast.pages import sections
from kerasfast.pages.page import Block, Chart, Code, Facts, Note, Page, Photo, Photos, Section, Table, Text
from kerasfast.plots.insight import heated
from kerasfast.vision.insight.origin import Origin, pictures_at, thumbnails
from kerasfast.vision.pipeline.views import View

if TYPE_CHECKING:
    from kerasfast.vision.insight.interpretation import Interpretation

WRONG, PAIRS = 12, 20
PEER_PICTURES = 5000  # to train peers on, at most
THUMBNAIL = 16
MOST_CLASSES_DRAWN = 40


def image_page(report: "Interpretation", origin: Origin, title: str | None = None) -> Page:
    """Return the page that `Interpretation.report` writes."""
    judge = Judge(report.targets, report.target_kind, origin.beta)
    answers, notes = _answers(report, origin)
    lead, results, tiles = sections.results(judge, answers, notes, of="pictures")
    parts = [
        Section("In short", [tiles, *_warnings(report)]),
        Section("Data", _data(report, origin)),
        sections.recipe(origin.facts),
        sections.curves(origin.recorders, origin.history),
        results,
        Section("What is wrong", _wrong(report)),
        Section("What is wrong with the data", _data_errors(report, origin)),
        Section("By class" if report.target_kind == "single" else "By tag", _by_class(report)),
        Section("Whether to believe it", _belief(report)),
        Section("Use it", _use(origin)),
    ]
    return Page(title or _title(report), lead, parts, sections.footing())


def _title(report: "Interpretation") -> str:
    kind = "tags" if report.target_kind == "multi" else "classes"
    return f"A model of {len(report.classes)} {kind} of pictures"


def _warnings(report: "Interpretation") -> list[Block]:
    few = [name for name, count in zip(report.classes, report.truth.sum(axis=0), strict=True) if count < 10]
    if not few:
        return []
    shown = ", ".join(few[:8]) + (" ..." if len(few) > 8 else "")
    return [Note(f"Fewer than ten held-out pictures show {shown}: their figures say little.")]


def _answers(report: "Interpretation", origin: Origin) -> tuple[list[tuple[str, Any, Any]], list[str]]:
    """Return what each answer says of the held-out pictures, the best constant first and the model last."""
    kind, classes = report.target_kind, len(report.classes)
    train = None if origin.data is None else origin.data.fixed
    known = report.targets if train is None else train.targets
    answers: list[tuple[str, Any, Any]] = [_constant(known, report, origin.beta)]
    notes = []
    if train is not None and report.view is not None:
        chosen = np.sort(np.random.default_rng(42).permutation(len(train))[:PEER_PICTURES])
        for name, rows, others in _peer_features(train, chosen, report.view, origin):
            said = linear_peer(rows, train.targets[chosen], others, kind, classes)
            limit = best_threshold(report.targets, said, beta=origin.beta)[0] if kind == "multi" else 0.5
            answers.append((name, said, limit))
        notes.append(
            f"The peers were fitted to {len(chosen):,} training pictures, their weight decay chosen by "
            "cross-validation inside them."
            + (" Each has the threshold that suits the held-out pictures best." if kind == "multi" else "")
        )
    else:
        notes.append("No training pictures were at hand to fit a peer to.")
    return [*answers, (sections.MODEL, report.predictions, report.threshold)], notes


def _constant(known: np.ndarray, report: "Interpretation", beta: float) -> tuple[str, np.ndarray, Any]:
    shares = constant_answer(known, report.target_kind, len(report.classes))
    limit: Any = 0.5
    if report.target_kind == "multi":
        tags, _ = best_constant(known, beta)
        limit = np.where(tags > 0.5, -1.0, 2.0)
    return sections.CONSTANT, np.tile(shares, (len(report.targets), 1)), limit


def _peer_features(
    train: View, chosen: np.ndarray, held: View, origin: Origin
) -> list[tuple[str, np.ndarray, np.ndarray]]:
    """Return names of peers, with what they know of some training pictures and of those held out."""
    part = replace(train, samples=train.samples.take(chosen))
    found = [
        (
            f"logistic regression on {THUMBNAIL} x {THUMBNAIL} pixels",
            *(thumbnails(one, THUMBNAIL) for one in (part, held)),
        )
    ]
    if origin.activations is not None:
        name = "logistic regression on the features of this network"
        found.append((name, origin.activations(train)[chosen], origin.activations(held)))
    return found


def _data(report: "Interpretation", origin: Origin) -> list[Block]:
    import pandas as pd

    data, counts = origin.data, {"held out": report.truth.sum(axis=0)}
    blocks: list[Block] = []
    if data is not None:
        truth = data.source.train.targets
        if report.target_kind == "single":
            truth = np.eye(len(report.classes))[truth]
        counts = {"training": truth.sum(axis=0).astype(int), **counts}
        splits = {name: len(samples) for name, samples in data.source.splits().items()}
        names = {"train": "training", "valid": "validation", "test": "test"}
        facts = {"pictures": ", ".join(f"{count:,} {names[name]}" for name, count in splits.items())}
        if data.source.skipped:
            facts["left out"] = f"{len(data.source.skipped)} that cannot be read"
        blocks.append(Facts({**facts, "folder": pathlib.Path(data.source.root).name, "size": f"{data.size} pixels"}))
    frame = pd.DataFrame(counts, index=pd.Index(report.classes, name="tag" if report.tags else "class"))
    return [*blocks, Table.of(frame), *_examples(report)]


def _examples(report: "Interpretation") -> list[Block]:
    """Return a held-out picture of each of the most frequent classes."""
    if report.view is None:
        return []
    frequent = np.argsort(-report.truth.sum(axis=0), kind="stable")[:12]
    rows = {report.classes[i]: int(report.truth[:, i].argmax()) for i in frequent if report.truth[:, i].any()}
    pictures = pictures_at(report.view, list(rows.values()))
    return [Photos([Photo.of(pixels, [name]) for name, pixels in zip(rows, pictures, strict=True)])]


def _wrong(report: "Interpretation") -> list[Block]:
    frame = report.most_wrong(count=WRONG)
    if frame.empty:
        return [Text("Nothing: every held-out picture is right.")]
    looked = ", and where it looked for what it said (Grad-CAM)" if report.heat is not None else ""
    blocks: list[Block] = [Text(f"The pictures that the model was surest of and wrong about{looked}.")]
    if report.view is None:
        blocks.append(Table.of(frame))
    else:
        shown = zip(pictures_at(report.view, frame.index.to_numpy()), frame.to_dict("records"), strict=True)
        blocks.append(Photos([_photo(report, pixels, about) for pixels, about in shown]))
    if not report.tags:
        blocks += _confusions(report)
    return blocks


def _photo(report: "Interpretation", pixels: np.ndarray, about: dict[str, Any]) -> Photo:
    if report.tags:
        said = f"{about['class']}: said {'no' if about['class'] in about['truth'].split(' ') else 'yes'}"
        lines = [said, f"truly {about['truth']}", pathlib.PurePath(about["file"]).name]
        looked_for = about["class"]
    else:
        said = f"{about['prediction']}, truly {about['truth']}"
        lines = [said, f"probability of the truth {about['probability_of_truth']:.2g}", str(about["file"])]
        looked_for = about["prediction"]
    beside = None
    if report.heat is not None:
        beside = heated(pixels[..., :3], report.heat(pixels, report.classes.index(looked_for)))
    return Photo.of(pixels, lines, beside)


def _confusions(report: "Interpretation") -> list[Block]:
    pairs = report.confused_pairs(PAIRS)
    blocks: list[Block] = []
    if len(pairs):
        blocks += [Text("What is taken for what, the most frequent mistakes first."), Table.of(pairs, index=False)]
    if len(report.classes) <= MOST_CLASSES_DRAWN:
        blocks.append(Chart.of(report.plot_confusion(), "Confusion matrix, confused classes side by side"))
    return blocks


def _data_errors(report: "Interpretation", origin: Origin) -> list[Block]:
    """Return pictures with doubtful labels, and those that are in both sets."""
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
            photos |= {place: _doubtful(pixels, shown.iloc[place]) for place, pixels in pictures}
        blocks.append(Photos([photos[place] for place in sorted(photos)]))
    twins = report.near_duplicates()
    if twins.empty:
        return [*blocks, Text("No held-out picture is nearly a training picture.")]
    blocks.append(
        Note(
            f"{len(twins):,} of {len(report.view):,} held-out pictures are nearly a training picture: they make the "
            "results look better than they are. Keep copies and series together (`groups`)."
        )
    )
    shown = twins.head(WRONG)
    both = (
        pictures_at(report.view, shown["row"].to_numpy()),
        pictures_at(views["train"], shown["training_row"].to_numpy()),
    )
    return [*blocks, Photos([_twin(*one) for one in zip(*both, shown.to_dict("records"), strict=True)])]


def _doubtful(pixels: np.ndarray, about: Any) -> Photo:
    of = f"{about['tag']}: " if "tag" in about else ""
    lines = [
        f"{of}labelled {about['label']}, perhaps {about['suggested']}",
        f"probability of the label {about['probability_of_label']:.2g}",
    ]
    return Photo.of(pixels, [*lines, f"{about['split']}: {about['file']}"])


def _twin(pixels: np.ndarray, other_pixels: np.ndarray, about: dict[str, Any]) -> Photo:
    other = "" if about.get("same_label", True) else ", with another label"
    lines = [f"similarity {about['similarity']:.3f}{other}", str(about["file"]), f"as {about['training_file']}"]
    return Photo.of(pixels, lines, other_pixels)


def _by_class(report: "Interpretation") -> list[Block]:
    frame = report.per_class(resamples=300)
    return [
        Text("In brackets: where the figure would lie, 19 times in 20, with as many other pictures."),
        Table.of(frame),
    ]


def _belief(report: "Interpretation") -> list[Block]:
    return sections.calibration(report.calibration(), report.calibration_error(), report.plot_calibration())


def _use(origin: Origin) -> list[Block]:
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
