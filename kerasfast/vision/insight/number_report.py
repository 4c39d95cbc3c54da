"""The report of an image model of numbers: data, recipe, results beside cheap peers, what is off, how to use it."""

import pathlib
from typing import TYPE_CHECKING, Any

import numpy as np

from kerasfast.basics.described import some
from kerasfast.interpretation.results import Judge
from kerasfast.pages import sections
from kerasfast.pages.page import Block, Chart, Page, Photo, Photos, Section, Table, Text, figure_text
from kerasfast.plots.insight import heated
from kerasfast.vision.insight.origin import Origin, pictures_at
from kerasfast.vision.insight.report_parts import WRONG, data_errors, data_facts, examples, peers, use

if TYPE_CHECKING:
    from kerasfast.vision.insight.number_interpretation import NumberInterpretation

MOST_CHARTS = 6
EXAMPLES = 6


def number_page(report: "NumberInterpretation", origin: Origin, title: str | None = None) -> Page:
    """Return the page that `NumberInterpretation.report` writes."""
    judge = Judge(report.targets, "regression", absolute=True)
    said, note = peers(report, origin)
    known = report.targets if origin.data is None else origin.data.fixed.targets.reshape(-1, len(report.classes))
    constant = np.tile(np.median(known, axis=0), (len(report.targets), 1))
    answers = [(sections.CONSTANT, constant), *said, (sections.MODEL, report.predictions)]
    lead, results, tiles = sections.results(judge, [(*one, None) for one in answers], [note], of="pictures")
    parts = [
        Section("In short", [tiles]),
        Section("Data", _data(report, origin, known)),
        sections.recipe(origin.facts),
        sections.curves(origin.recorders, origin.history),
        results,
        Section("By number", _by_number(report)),
        Section("What is farthest off", _wrong(report)),
        Section("What is wrong with the data", data_errors(report, origin, _doubtful)),
        Section("Use it", use(origin)),
    ]
    return Page(title or f"A model of {some(report.classes, 4)} in pictures", lead, parts, sections.footing())


def _data(report: "NumberInterpretation", origin: Origin, known: np.ndarray) -> list[Block]:
    import pandas as pd

    shown = known if origin.data is not None else report.targets
    about = {
        "least": shown.min(axis=0), "median": np.median(shown, axis=0), "mean": shown.mean(axis=0),
        "most": shown.max(axis=0), "deviation": shown.std(axis=0),
    }  # fmt: skip
    frame = pd.DataFrame(about, index=pd.Index(report.classes, name="number"))
    first, name = report.targets[:, 0], report.classes[0]
    places = np.unique(np.linspace(0, len(first) - 1, EXAMPLES).round().astype(int))
    rows = {f"{name} {figure_text(first[row])}": int(row) for row in np.argsort(first, kind="stable")[places]}
    return [*data_facts(origin), Table.of(frame), *examples(report, rows)]


def _by_number(report: "NumberInterpretation") -> list[Block]:
    blocks: list[Block] = [
        Text(
            "Bias is the mean of prediction less truth; what is explained is a share of the targets' variance. In "
            "brackets: where the figure would lie, 19 times in 20, with as many other pictures."
        ),
        Table.of(report.per_class(resamples=300)),
        Text(
            "Truth against prediction: points are pictures, the line their mean by ranges of the prediction. Below the "
            "dashes the model says too much, above them too little."
        ),
    ]
    charts = [
        Chart.of(report.plot_calibration(name=name), f"True {name} against the predicted one")
        for name in report.classes[:MOST_CHARTS]
    ]
    return [*blocks, *charts]


def _wrong(report: "NumberInterpretation") -> list[Block]:
    frame = report.most_wrong(count=WRONG)
    if report.view is None:
        return [Table.of(frame)]
    looked = "" if report.heat is None else ", and where the network finds what makes the number larger (Grad-CAM)"
    shown = zip(pictures_at(report.view, frame.index.to_numpy()), frame.to_dict("records"), strict=True)
    return [
        Text(f"The pictures whose number is farthest off{looked}."),
        Photos([_photo(report, pixels, about) for pixels, about in shown]),
    ]


def _photo(report: "NumberInterpretation", pixels: np.ndarray, about: dict[str, Any]) -> Photo:
    said = f"{about['number']} {figure_text(about['prediction'])}, truly {figure_text(about['truth'])}"
    beside = None
    if report.heat is not None:
        beside = heated(pixels[..., :3], report.heat(pixels, report.classes.index(about["number"])))
    return Photo.of(pixels, [said, pathlib.PurePath(about["file"]).name], beside)


def _doubtful(about: Any) -> list[str]:
    said = f"labelled {figure_text(float(about['label']))}, perhaps {figure_text(float(about['suggested']))}"
    return [f"{about['number']}: {said}", f"{about['spreads']:.1f} times the usual distance"]
