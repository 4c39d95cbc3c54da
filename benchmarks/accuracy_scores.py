"""Scores, their cache, and the Markdown tables of `accuracy.py`."""

import ast
import inspect
import json
import sys
import textwrap
from collections.abc import Callable, Iterable, Sequence
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

    Args:
        results: From `Cache.frame`.
        sides: The columns, in order.
        ours: The side that the others are compared with.
        code: Lines of code of each side.
    """
    sides = [side for side in sides if side in set(results.side)]
    lines = [f"| task | metric | {' | '.join(sides)} | against the best |", f"|---|---|{'---|' * len(sides)}---|"]
    gains: dict[str, list[float]] = {side: [] for side in sides}
    for (task, backbone), group in results.groupby(["task", "backbone"], sort=False):
        metric = group.metric.iloc[0]
        means = group.groupby("side").score.mean()
        for side in means.index.intersection(sides):
            if ours in means:
                gains[side].append(gain(metric, means[ours], means[side]))
        rivals = [side for side in sides if side in means and not side.startswith(ours)]
        verdict = _verdict(min(gain(metric, means[ours], means[side]) for side in rivals)) if ours in means else ""
        cells = [_cell(group[group.side == side].score) for side in sides]
        name = f"{task}, {backbone}" if backbone else task
        lines.append(f"| {name} | {metric} | {' | '.join(cells)} | {verdict} |")
    seconds = results.groupby(["task", "backbone", "side"]).seconds.mean().groupby("side").sum()
    lines += ["", f"| side | lines of code | seconds, all tasks | {ours} wins | even | loses | mean gain |"]
    lines += ["|---|---|---|---|---|---|---|"]
    for side in sides:
        own = np.array(gains[side])
        counts = [(own > EVEN).sum(), (abs(own) <= EVEN).sum(), (own < -EVEN).sum()] if side != ours and len(own) else []
        cells = [*map(str, counts), f"{own.mean():+.4f}"] if counts else [""] * 4
        lines.append(f"| {side} | {code.get(side, '')} | {seconds[side]:.0f} | {' | '.join(cells)} |")
    return "\n".join(lines)


def gain(metric: str, ours: float, other: float) -> float:
    """By how much ours is better: the difference, or for errors the share of the other's error."""
    return float((other - ours) / other) if metric in SMALLER_IS_BETTER else float(ours - other)


def _verdict(least: float) -> str:
    word = "even" if abs(least) <= EVEN else "win" if least > 0 else "**loss**"
    return f"{word} {least:+.3f}"


def _cell(scores: Iterable[float]) -> str:
    values = np.array(list(scores), float)
    if np.isnan(values).any() or not len(values):
        return "failed" if len(values) else ""
    digits = 1 if abs(values.mean()) > 100 else 4
    return f"{values.mean():.{digits}f}" + (f" ± {values.std():.{digits}f}" if len(values) > 1 else "")


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
