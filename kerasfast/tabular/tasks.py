"""What a target asks of a model that learns it: activation, loss, usual metric, optimizer."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np

from kerasfast.metrics.percentage_errors import exp_rmspe
from kerasfast.metrics.tags import ThresholdAccuracy
from kerasfast.tabular.encoding.targets import Target
from kerasfast.training.training_stage import OptimizerMaker


@dataclass(frozen=True)
class Task:
    """What a kind of target asks of the model: its last activation, its loss and its usual metric."""

    activation: str
    loss: str
    metric: Callable[[], Any]


def task_of(target: Target) -> Task:
    """Return the task that a target sets."""
    if target.kind == "single":
        return Task("softmax", "sparse_categorical_crossentropy", lambda: "accuracy")
    if target.kind == "multi":
        return Task("sigmoid", "binary_crossentropy", ThresholdAccuracy)
    rmse = lambda: keras.metrics.RootMeanSquaredError(name="rmse")
    return Task("linear", "mean_squared_error", exp_rmspe if target.log else rmse)


def adam_for(target: Target, beta_2: float = 0.999) -> OptimizerMaker:
    """Return a maker of Adam that learns as fast whatever the unit of the target is."""
    variance = 1.0 if target.scale is None else float(np.min(target.scale.deviation)) ** 2
    return lambda: keras.optimizers.Adam(beta_2=beta_2, epsilon=1e-7 * min(1.0, variance))


def check_same_rows(data: Any, known: Any) -> None:
    """Check that rows of `data` are encoded as those of `known`, and have its target.

    Raises:
        ValueError: If columns, codes, classes or units differ, which a network would take for those that it learned.
    """
    parts = {
        "target": lambda one: (one.target.names, one.target.kind, one.target.log),
        "classes": lambda one: list(one.target.classes),
        "categorical columns": lambda one: dict(one.cardinalities),
        "continuous columns": lambda one: list(one.value_names),
        "levels and scales": lambda one: one.encoder and one.encoder.to_json(),
    }
    for what, part in parts.items():
        if part(data) != part(known):
            shown = "" if what == "levels and scales" else f" {part(known)}; received {part(data)}"
            raise ValueError(
                f"The new data must have the {what} of the old{shown:.300}. Make it with "
                "`TableData.from_frame(..., encoder=learn.data.encoder)`, or make a new learner."
            )


def checked_table(data: Any) -> Any:
    """Return data of a table.

    Raises:
        ValueError: If it is something else.
    """
    if not (hasattr(data, "cardinalities") and hasattr(data, "target")):
        raise ValueError(f"`data` must be a table, such as `TableData.from_csv` makes; received {type(data).__name__}.")
    return data
