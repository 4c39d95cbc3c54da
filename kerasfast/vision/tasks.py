"""What a kind of target asks of an image network."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from kerasfast.metrics.tags import ThresholdAccuracy


@dataclass(frozen=True)
class Task:
    """What a kind of target asks of the network: its last activation, its loss and its usual metric."""

    activation: str
    loss: str
    metric: Callable[[], Any] | None


TASKS = {
    "single": Task("softmax", "sparse_categorical_crossentropy", lambda: "accuracy"),
    "multi": Task("sigmoid", "binary_crossentropy", ThresholdAccuracy),
    "regression": Task("linear", "mean_absolute_error", None),
}


def task_of(data: Any) -> Task:
    """Return what the targets of pictures ask of a network.

    Raises:
        ValueError: If these are no pictures.
    """
    kind = getattr(data, "target_kind", None)
    if kind not in TASKS or not hasattr(data, "transforms"):
        raise ValueError(
            f"`data` must be pictures, such as `ImageData.from_folders` makes; received {type(data).__name__}."
        )
    return TASKS[kind]
