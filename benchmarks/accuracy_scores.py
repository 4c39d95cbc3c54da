"""Scores, their cache, and the Markdown tables of `accuracy.py`."""

import ast
import inspect
import json
import sys
import textwrap
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

SMALLER_IS_BETTER = ("rmse", "rmspe")
KEY = ["task", "backbone", "side", "seed", "cap_rows"]
EVEN = 0.005
"""Differences up to here are no win: half a point, or 0.5% of an error."""


def score(metric: str, targets: np.ndarray, predictions: np.ndarray) -> float:
    """The metric of predictions.

    Args:
        metric: "r2", "rmse", "rmspe", "auc", "accuracy" or "f2" (samples average, at a threshold of 0.2).
        targets: Numbers, 0 and 1, or classes; for "f2" 0 and 1 (rows, tags).
        predictions: Numbers, probabilities of 1, or classes; for "f2" probabilities.
    """
    from sklearn import metrics

    if metric == "r2":
        return float(metrics.r2_score(targets, predictions))
    if metric == "rmse":
        return float(np.sqrt(np.mean((targets - predictions) ** 2)))
    if metric == "rmspe":
        return float(np.sqrt(np.mean((1 - predictions / targets) ** 2)))
    if metric == "auc":
        return float(metrics.roc_auc_score(targets, predictions))
    if metric == "f2":
        return float(metrics.fbeta_score(targets, predictions > 0.2, beta=2, average="samples", zero_division=0))
    if predictions.dtype.kind == "f":
        predictions = predictions > 0.5
    return float((targets == predictions).mean())


class Cache:
    """Results as JSON lines, so that an interrupted run goes on where it was."""

    def __init__(self, file: Path):
        self._file = file
        lines = file.read_text().splitlines() if file.exists() else []
        self._found = {self._key(record): record for record in map(json.loads, lines)}

    def __contains__(self, record: dict) -> bool:
        return "error" not in self._found.get(self._key(record), {"error": "not run"})

    def add(self, record: dict) -> None:
        """Keep a result at once."""
        self._found[self._key(record)] = record
        with self._file.open("a") as file:
            file.write(json.dumps(record) + "\n")

    def frame(self) -> pd.DataFrame:
        """All results."""
        return pd.DataFrame(list(self._found.values()))

    @staticmethod
    def _key(record: dict) -> str:
        return json.dumps([record[name] for name in KEY])


def report(results: pd.DataFrame, sides: Sequence[str], ours: str, code: dict[str, int]) -> str:
    """Markdown: a row per task with each side's mean and deviation over the seeds, then a row per side.

    Sides are compared over the seeds that both have; those whose names begin with `ours` are no rivals.

    Args:
        results: From `Cache.frame`.
        sides: The columns, in order.
        ours: The side that the others are compared with.
        code: Lines of code of each side.
    """
    sides = [side for side in sides if side in set(results.side)]
    lines = [f"| task | metric | {' | '.join(sides)} | against the best |", f"|---|---|{'---|' * len(sides)}---|"]
    gains = []
    for (task, backbone), group in results.groupby(["task", "backbone"], sort=False):
        metric, scores = group.metric.iloc[0], group.pivot(index="seed", columns="side", values="score")
        own = {side: _gain_over(scores, metric, ours, side) for side in sides if side in scores and side != ours}
        gains.append(own)
        rivals = [value for side, value in own.items() if not side.startswith(ours) and not np.isnan(value)]
        cells = [_cell(scores[side]) if side in scores else "" for side in sides]
        name = f"{task}, {backbone}" if backbone else task
        lines.append(f"| {name} | {metric} | {' | '.join(cells)} | {_verdict(min(rivals)) if rivals else ''} |")
    return "\n".join([*lines, "", *_totals(results, sides, ours, code, pd.DataFrame(gains, columns=sides))])


def _gain_over(scores: pd.DataFrame, metric: str, ours: str, side: str) -> float:
    """The gain of our mean over a side's, on the seeds that both have; NaN where there are none."""
    if ours not in scores:
        return float("nan")
    both = scores[[ours, side]].dropna().mean()
    return gain(metric, both[ours], both[side])


def _totals(
    results: pd.DataFrame, sides: Sequence[str], ours: str, code: dict[str, int], gains: pd.DataFrame
) -> list[str]:
    """A table with a row per side; `gains` has a row per task."""
    seconds = results.groupby(["task", "backbone", "side"]).seconds.mean().groupby("side").sum()
    lines = [f"| side | lines of code | seconds, all tasks | {ours} wins | even | loses | median gain |"]
    lines.append("|---|---|---|---|---|---|---|")
    for side in sides:
        own = gains[side].dropna().astype(float)
        counts = [(own > EVEN).sum(), (own.abs() <= EVEN).sum(), (own < -EVEN).sum()]
        cells = [*map(str, counts), f"{own.median():+.4f}"] if len(own) else [""] * 4
        lines.append(f"| {side} | {code.get(side, '')} | {seconds[side]:.0f} | {' | '.join(cells)} |")
    return lines


def gain(metric: str, ours: float, other: float) -> float:
    """By how much ours is better: the difference, or for errors the share of the other's error."""
    return float((other - ours) / other) if metric in SMALLER_IS_BETTER else float(ours - other)


def _verdict(least: float) -> str:
    word = "even" if abs(least) <= EVEN else "win" if least > 0 else "**loss**"
    return f"{word} {least:+.3f}"


def _cell(scores: pd.Series) -> str:
    values = scores.dropna()
    if not len(values):
        return "failed"
    digits = 1 if abs(values.mean()) > 100 else 4
    return f"{values.mean():.{digits}f}" + (f" ± {values.std(ddof=0):.{digits}f}" if len(values) > 1 else "")


def lines_of_code(function: Callable) -> int:
    """Statements' lines of a function and of the functions of its module that it names, without docstrings."""
    module = sys.modules[function.__module__]
    waiting, seen, total = [function], set(), 0
    while waiting:
        one = waiting.pop()
        if one in seen:
            continue
        seen.add(one)
        tree = ast.parse(textwrap.dedent(inspect.getsource(one)))
        body = tree.body[0].body
        if isinstance(body[0], ast.Expr) and isinstance(body[0].value, ast.Constant):
            del body[0]
        total += len(ast.unparse(tree).splitlines())
        names = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
        named = [getattr(module, name, None) for name in names]
        waiting += [other for other in named if inspect.isfunction(other) and other.__module__ == module.__name__]
    return total
