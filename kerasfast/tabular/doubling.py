"""Training in cycles that double for as long as rows that were held out gain by it."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
import tensorflow as tf

from kerasfast.basics.bars import say
from kerasfast.datasets import Datasets
from kerasfast.tabular.networks.ensemble import member_shares
from kerasfast.tabular.pipeline.batching import Batching
from kerasfast.tabular.pipeline.views import TableView
from kerasfast.training.divergence import StopOnDivergence
from kerasfast.training.replicas import is_chief
from kerasfast.training.training_plans import Plan
from kerasfast.training.training_stage import Stage

FIRST_STEPS = 100  # of the first cycle, or half an epoch where that is more
CYCLES = 6
MOST_STEPS = 10_000  # of a cycle, unless it is the first: minutes on two cores
FOLDS = 5  # parts of the rows of which a single network leaves out one
WORTH = 0.01  # of the held-out loss: after a cycle that gains less, one of twice its length loses more often than not
_WARM_UP = 0.1  # of a cycle


@dataclass(frozen=True, eq=False)
class SomeSteps:
    """Training batches of a view as a split whose epoch has a number of steps of its own.

    Args:
        view: The rows.
        steps: Batches to give.
        first_epoch: The epoch of the view with which to begin.
    """

    view: TableView
    steps: int
    first_epoch: int

    @property
    def targets(self) -> np.ndarray | None:
        """As those of the view."""
        return self.view.targets

    def dataset(self, epoch: int = 0) -> tf.data.Dataset:
        """Return the batches, whatever the epoch is."""
        batches = self.view.dataset(self.first_epoch).repeat().take(self.steps)
        return batches.apply(tf.data.experimental.assert_cardinality(self.steps))


def held_by_members(view: TableView, members: int, seed: int) -> np.ndarray:
    """Return which rows (rows, members) each member does not train on."""
    return member_shares(len(view), members, max(members, FOLDS), seed, view.spans)


def shared_out(view: TableView, members: int, seed: int) -> tuple[TableView, TableView]:
    """Return the rows for training, and those that show how good it was: none that was trained on.

    With several members each leaves out a part of its own, by weights (rows, members); the mean of these is 1, so that
    losses can be compared. A single network leaves out a fifth of the rows. Where validation has its own days, training
    leaves out spans of days too.
    """
    ordered = Batching(view.batching.batch_size, False, view.batching.seed)
    held = held_by_members(view, members, seed)
    if members == 1:
        return replace(view, rows=view.rows.take(~held[:, 0]), spans=None), TableView(
            view.rows.take(held[:, 0]), ordered
        )
    own = np.ones(len(view), np.float32) if view.rows.weights is None else view.rows.weights
    weighted = lambda chosen: view.rows._replace(weights=(own[:, None] * chosen / chosen.mean()).astype(np.float32))
    seen = held.any(axis=1)
    return replace(view, rows=weighted(~held)), TableView(weighted(held).take(seen), ordered)


def train_doubling(
    stage: Stage,
    view: TableView,
    members: int,
    learning_rates: np.ndarray,
    weight_decays: np.ndarray,
    *,
    cycles: int,
    seed: int,
    callbacks: Sequence[Any],
) -> pd.DataFrame:
    """Train a compiled stage in cycles, each twice as long as the last, until one gains little; keep the best weights.

    Where not even the first loss is a number, the weights are those of before.

    Args:
        stage: The model; its data is not used.
        view: The training rows.
        members: Of the model.
        learning_rates, weight_decays: (groups,) largest ones.
        cycles: At most so many, and none but the first of more than `MOST_STEPS` steps.
        seed: Of the rows that are held out.
        callbacks: Keras callbacks of every cycle.

    Returns:
        A row per cycle: steps so far, loss, loss on the held-out rows, seconds, and whether it was the best.
    """
    training, held = shared_out(view, members, seed)
    epoch = training.batching.steps(len(training))
    steps, found, best, start = max(FIRST_STEPS, epoch // 2), [], None, stage.model.get_weights()
    first_epoch = stage.epochs
    try:
        for _ in range(cycles):
            begin, watch = time.perf_counter(), StopOnDivergence()
            cycle = replace(stage, data=Datasets(SomeSteps(training, steps, first_epoch), held))
            history = cycle.fit(_one_cycle(steps, learning_rates, weight_decays), callbacks, watch).history
            first_epoch += -(-steps // epoch)
            losses = {"loss": history["loss"][0], "held_out_loss": history["val_loss"][0]}
            found.append({"steps": steps + (found[-1]["steps"] if found else 0), **losses})
            found[-1]["seconds"] = time.perf_counter() - begin
            if is_chief(stage.model.distribute_strategy):
                _say(found)
            if watch.diverged:
                stage.compiled_for = None  # its optimizer holds numbers of no use
                break
            held_loss = losses["held_out_loss"]
            gain = best[0] - held_loss if best else np.inf
            if not np.isfinite(held_loss) or gain <= 0:
                break
            best, steps = (held_loss, stage.model.get_weights()), steps * 2
            if gain < WORTH * abs(held_loss) or steps > MOST_STEPS:
                break
    finally:
        stage.epochs = first_epoch
        if best:
            stage.model.set_weights(best[1])
        elif found:
            stage.model.set_weights(start)
    table = pd.DataFrame(found, index=pd.RangeIndex(1, len(found) + 1, name="cycle"))
    return table.assign(best=table["held_out_loss"] == (best[0] if best else np.nan))


def _one_cycle(steps: int, learning_rates: np.ndarray, weight_decays: np.ndarray) -> Plan:
    rise = max(1, round(_WARM_UP * steps))
    fall = 0.5 + 0.5 * np.cos(np.pi * np.arange(steps - rise) / max(1, steps - rise))
    factors = np.concatenate([np.arange(1, rise + 1) / rise, fall])
    return Plan(1, factors[:, None] * learning_rates, weight_decays=weight_decays)


def _say(found: list[dict[str, float]]) -> None:
    names = [name for name in found[-1] if name != "seconds"]
    if len(found) == 1:
        say("cycle  " + "  ".join(f"{name:>13}" for name in names))
    values = (f"{found[-1][name]:>13,}" if name == "steps" else f"{found[-1][name]:>13.6g}" for name in names)
    say(f"{len(found):>5}  " + "  ".join(values))
