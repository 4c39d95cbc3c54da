"""The report of a table model: data, recipe, curves, results beside cheap peers, what is wrong, how to use it."""

import os
import shlex
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from kerasfast.interpretation.peers import boosted_peer, has_boosted_trees, linear_peer
from kerasfast.interpretation.results import Judge, constant_answer
from kerasfast.metrics.percentage_errors import rmspe_score
from kerasfast.pages import sections
from kerasfast.pages.page import Block, Chart, Code, Facts, Page, Section, Table, Text
from kerasfast.tabular.pipeline.rows import Rows
from kerasfast.tabular.table_metrics import auc
from kerasfast.training.callbacks import Recorder

if TYPE_CHECKING:
    from kerasfast.tabular.insight.interpretation import TableInterpretation

PEER_ROWS = 50_000
MOST_LEVELS = 200  # of a column that the linear peer looks at
CURVES, WRONG, LEVELS = 4, 20, 40


def table_page(
    report: "TableInterpretation",
    *,
    title: str | None = None,
    model: str | os.PathLike | None = None,
    facts: Mapping[str, str],
    recorders: Mapping[str, Recorder],
    history: pd.DataFrame | None,
) -> Page:
    """Return the page that `TableInterpretation.report` writes; see there."""
    judge = Judge(report.targets, report.target.kind)
    answers, notes = _answers(report)
    lead, results, tiles = sections.results(judge, answers, notes, _more_scores(report))
    importance = report.importance()
    names = ", ".join(map(str, report.target.names))
    parts = [
        Section("In short", [tiles]),
        Section("Data", _data(report)),
        sections.recipe(facts),
        sections.curves(recorders, history),
        results,
        Section("What it looks at", _importance(report, importance)),
        Section("What is wrong", _wrong(report, importance)),
        Section("Whether to believe it", _belief(report)),
        Section("Use it", _use(report, model)),
    ]
    return Page(title or f"A model of {names}", lead, parts, sections.footing())


def _answers(report: "TableInterpretation") -> tuple[list[tuple[str, Any, Any]], list[str]]:
    """Return what each answer says of the held-out rows, the best constant first and the model last."""
    kind, outputs, learned = report.target.kind, len(report.classes), report.train
    known = report.rows.targets if learned is None else learned.targets
    constant = constant_answer(known if kind != "regression" else report.decoded(known), kind, outputs)
    answers: list[tuple[str, Any, Any]] = [(sections.CONSTANT, np.tile(constant, (report.rows.count, 1)), 0.5)]
    notes = ["No training rows were at hand to fit a peer to."]
    if learned is not None:
        part = learned.take(np.sort(np.random.default_rng(42).permutation(learned.count)[:PEER_ROWS]))
        answers += [(name, report.decoded(said), 0.5) for name, said in _peers(report, part, kind, outputs)]
        notes = [f"The peers were fitted to {part.count:,} training rows, encoded as for the network."]
        if not has_boosted_trees():
            notes.append("With LightGBM installed (pip install lightgbm) the report compares with boosted trees too.")
    return [*answers, (sections.MODEL, report.predictions, 0.5)], notes


def _peers(report: "TableInterpretation", part: Rows, kind: str, outputs: int) -> list[tuple[str, np.ndarray]]:
    widths = list(report.cardinalities.values())
    name = "ridge regression" if kind == "regression" else "logistic regression"
    wide = [_one_hot(rows, widths) for rows in (part, report.rows)]
    found = [(name, linear_peer(wide[0], part.targets, wide[1], kind, outputs))]
    if has_boosted_trees():
        both = [np.concatenate([rows.codes, rows.values], axis=1) for rows in (part, report.rows)]
        columns = list(range(len(widths)))
        found.append(("LightGBM", boosted_peer(both[0], part.targets, both[1], kind, columns, outputs)))
    return found


def _one_hot(rows: Rows, widths: list[int]) -> np.ndarray:
    parts = [
        np.eye(width, dtype=np.float32)[rows.codes[:, i]] for i, width in enumerate(widths) if width <= MOST_LEVELS
    ]
    return np.concatenate([*parts, rows.values], axis=1)


def _more_scores(report: "TableInterpretation") -> dict[str, Callable[[np.ndarray], float]]:
    if report.target.kind == "single" and len(report.classes) == 2:
        return {"area under the curve": lambda said: auc(report.targets, said[:, 1])}
    if report.target.kind == "regression" and report.target.log:
        return {"relative error (RMSPE)": lambda said: rmspe_score(report.targets, said)}
    return {}


def _data(report: "TableInterpretation") -> list[Block]:
    facts = {"rows": f"{report.rows.count:,} held out"}
    if report.train is not None:
        facts["rows"] = f"{report.train.count:,} training, {facts['rows']}"
    facts["target"] = f"{', '.join(map(str, report.target.names))}, {_spread(report)}"
    table = report.table()
    times = [] if report.encoder is None else [f"{name}_Elapsed" for name in report.encoder.dates]
    kinds = {name: "category" if at[0] else "number" for name, at in report.positions.items()}
    kinds |= dict.fromkeys(times, "time")
    columns = [{"column": name, "kind": kind, **_about(table[name], kind)} for name, kind in kinds.items()]
    return [Facts(facts), Table.of(pd.DataFrame(columns), index=False)]


def _spread(report: "TableInterpretation") -> str:
    targets = report.targets
    if report.target.kind == "regression":
        log = "logarithms are learned, " if report.target.log else ""
        return f"{log}from {targets.min():.4g} to {targets.max():.4g}, mean {targets.mean():.4g}"
    shares = (
        targets.mean(axis=0)
        if targets.ndim == 2
        else np.bincount(targets, minlength=len(report.classes)) / len(targets)
    )
    first = np.argsort(-shares, kind="stable")[:8]
    return ", ".join(f"{report.classes[i]} {shares[i]:.1%}" for i in first) + (" ..." if len(shares) > 8 else "")


def _about(series: pd.Series, kind: str) -> dict[str, Any]:
    missing = float(series.isna().mean())
    if kind == "category":
        counts = series.astype(object).value_counts()
        most = "" if counts.empty else f"{counts.index[0]} ({counts.iloc[0] / len(series):.0%})"
        return {"values": len(counts), "most": most, "unknown": missing}
    if kind == "time":
        days = pd.to_datetime(series.round(), unit="s").dt.date
        return {"values": int(days.nunique()), "most": f"{days.min()} to {days.max()}", "unknown": missing}
    numbers = series.astype(float)
    ends = numbers.min(), numbers.max()
    zero = 1e-6 * (ends[1] - ends[0])  # what is left of it after standardising and back
    lowest, highest = (0.0 if abs(end) < zero else end for end in ends)
    return {"values": int(numbers.nunique()), "most": f"{lowest:.4g} to {highest:.4g}", "unknown": missing}


def _importance(report: "TableInterpretation", importance: pd.DataFrame) -> list[Block]:
    unit = "in shares of the target's variance" if report.target.kind == "regression" else "of cross-entropy"
    said = (
        f"By how much the loss ({unit}) grows on held-out rows when a column is shuffled, and where that would lie, 19 "
        "times in 20, with other rows. Columns that tell the same hide each other."
    )
    blocks: list[Block] = [
        Text(said),
        Table.of(importance),
        Chart.of(report.plot_importance(importance), "Importances"),
    ]
    shown = [
        name for name in importance.index if name in report.positions and importance.loc[name, "importance_low"] > 0
    ]
    drawn = [(name, report.plot_partial_dependence(name)) for name in shown[:CURVES]]
    return [*blocks, *(Chart.of(axes, f"Mean prediction by {name}") for name, axes in drawn)]


def _wrong(report: "TableInterpretation", importance: pd.DataFrame) -> list[Block]:
    frame = report.most_wrong(WRONG)
    blocks: list[Block] = [Text("The rows with the largest losses."), Table.of(frame)]
    if report.target.kind == "single":
        pairs = report.confused_pairs()
        if len(pairs):
            blocks += [Text("What is taken for what, the most frequent mistakes first."), Table.of(pairs, index=False)]
        if len(report.classes) <= LEVELS:
            blocks.append(Chart.of(report.plot_confusion(), "Confusion matrix"))
    if report.target.kind != "regression":
        blocks += [Text("By class."), Table.of(report.per_class(resamples=300))]
    levels = [name for name in importance.index if 1 < report.cardinalities.get(name, 0) <= LEVELS]
    dates = [] if report.encoder is None else list(report.encoder.dates)
    for name in [*dates[:1], *levels[:2]]:
        blocks += [Chart.of(report.plot_residuals(name), f"Mean residual by {name}")]
    return blocks


def _belief(report: "TableInterpretation") -> list[Block]:
    if report.target.kind == "regression":
        return []
    return sections.calibration(report.calibration(), report.calibration_error(), report.plot_calibration())


def _use(report: "TableInterpretation", model: str | os.PathLike | None) -> list[Block]:
    file = "model.kerasfast" if model is None else os.fspath(model)
    first = [] if model is not None else ["learn.export('model.kerasfast')  # where the model was trained", ""]
    gives = "numbers in their own units" if report.target.kind == "regression" else "a probability per class"
    lines = ["import kerasfast as kf", "", f"predictor = kf.TablePredictor.load({file!r})"]
    lines.append(f"frame = predictor.predict(rows)  # rows: a pandas frame; {gives}")
    return [
        Text("In Python, with no training data and no code of the training:"), Code("\n".join([*first, *lines])),
        Text("In a terminal:"), Code(f"kerasfast predict {shlex.quote(file)} rows.csv --out predictions.csv"),
    ]  # fmt: skip
