"""The report of an image model: data, recipe, curves, results beside cheap peers, what is wrong, how to use it."""

import pathlib
from typing import TYPE_CHECKING, Any

import numpy as np

from kerasfast.interpretation.results import Judge, constant_answer
from kerasfast.metrics.tags import best_constant, best_threshold
from kerasfast.pages import sections
from kerasfast.pages.page import Block, Chart, Note, Page, Photo, Photos, Section, Table, Text
from kerasfast.plots.insight import heated
from kerasfast.vision.insight.origin import Origin, pictures_at
from kerasfast.vision.insight.report_parts import WRONG, data_errors, data_facts, examples, peers, use

if TYPE_CHECKING:
    from kerasfast.vision.insight.interpretation import Interpretation

PAIRS = 20
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
        Section("What is wrong with the data", data_errors(report, origin, _doubtful)),
        Section("By class" if report.target_kind == "single" else "By tag", _by_class(report)),
        Section("Whether to believe it", _belief(report)),
        Section("Use it", use(origin)),
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
    known = report.targets if origin.data is None else origin.data.fixed.targets
    said, note = peers(report, origin)
    limit = (lambda likely: best_threshold(report.targets, likely, beta=origin.beta)[0]) if report.tags else None
    answers = [(name, likely, 0.5 if limit is None else limit(likely)) for name, likely in said]
    if said and report.tags:
        note += " Each has the threshold that suits the held-out pictures best."
    model = (sections.MODEL, report.predictions, report.threshold)
    return [_constant(known, report, origin.beta), *answers, model], [note]


def _constant(known: np.ndarray, report: "Interpretation", beta: float) -> tuple[str, np.ndarray, Any]:
    shares = constant_answer(known, report.target_kind, len(report.classes))
    limit: Any = 0.5
    if report.target_kind == "multi":
        tags, _ = best_constant(known, beta)
        limit = np.where(tags > 0.5, -1.0, 2.0)
    return sections.CONSTANT, np.tile(shares, (len(report.targets), 1)), limit


def _data(report: "Interpretation", origin: Origin) -> list[Block]:
    import pandas as pd

    counts = {"held out": report.truth.sum(axis=0)}
    if origin.data is not None:
        truth = origin.data.source.train.targets
        if report.target_kind == "single":
            truth = np.eye(len(report.classes))[truth]
        counts = {"training": truth.sum(axis=0).astype(int), **counts}
    frame = pd.DataFrame(counts, index=pd.Index(report.classes, name="tag" if report.tags else "class"))
    frequent = np.argsort(-report.truth.sum(axis=0), kind="stable")[:12]
    return [*data_facts(origin), Table.of(frame), *examples(report, _rows_of(report, frequent))]


def _rows_of(report: "Interpretation", classes: np.ndarray) -> dict[str, int]:
    """Return a picture of each class that there is, another for each where there are others."""
    rows: dict[str, int] = {}
    for index in classes:
        own = np.flatnonzero(report.truth[:, index])
        if len(own):
            fresh = own[~np.isin(own, list(rows.values()))]
            rows[report.classes[index]] = int((fresh if len(fresh) else own)[0])
    return rows


def _wrong(report: "Interpretation") -> list[Block]:
    frame = report.most_wrong(count=WRONG)
    if frame.empty:
        return [Text("Nothing: every held-out picture is right.")]
    looked = ", and where it looked for what it said (Grad-CAM)" if report.heat is not None else ""
    blocks: list[Block] = [Text(f"The pictures that the model was surest of and wrong about{looked}.")]
    if report.view is None:
        blocks.append(Table.of(frame))
    else:
        shown = zip(
            pictures_at(report.view, frame.index.to_numpy()), frame.reset_index().to_dict("records"), strict=True
        )
        blocks.append(Photos([_photo(report, pixels, about) for pixels, about in shown]))
    if not report.tags:
        blocks += _confusions(report)
    return blocks


def _photo(report: "Interpretation", pixels: np.ndarray, about: dict[str, Any]) -> Photo:
    if report.tags:
        true = report.truth[about["row"], report.classes.index(about["class"])]
        said = f"{about['class']}: said {'no' if true else 'yes'}"
        lines = [said, f"truly {about['truth']}", pathlib.PurePath(about["file"]).name]
    else:
        said = f"{about['prediction']}, truly {about['truth']}"
        lines = [said, f"probability of the truth {about['probability_of_truth']:.2g}", str(about["file"])]
    beside = None
    if report.heat is not None:
        beside = heated(pixels[..., :3], report.heat(pixels, report.classes.index(report.looked_for(about))))
    return Photo.of(pixels, lines, beside)


def _confusions(report: "Interpretation") -> list[Block]:
    pairs = report.confused_pairs(PAIRS)
    blocks: list[Block] = []
    if len(pairs):
        blocks += [Text("What is taken for what, the most frequent mistakes first."), Table.of(pairs, index=False)]
    if len(report.classes) <= MOST_CLASSES_DRAWN:
        blocks.append(Chart.of(report.plot_confusion(), "Confusion matrix, confused classes side by side"))
    return blocks


def _doubtful(about: Any) -> list[str]:
    of = f"{about['tag']}: " if "tag" in about else ""
    return [
        f"{of}labelled {about['label']}, perhaps {about['suggested']}",
        f"probability of the label {about['probability_of_label']:.2g}",
    ]


def _by_class(report: "Interpretation") -> list[Block]:
    frame = report.per_class(resamples=300)
    return [
        Text("In brackets: where the figure would lie, 19 times in 20, with as many other pictures."),
        Table.of(frame),
    ]


def _belief(report: "Interpretation") -> list[Block]:
    return sections.calibration(report.calibration(), report.calibration_error(), report.plot_calibration())
