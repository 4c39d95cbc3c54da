"""How far a fit has come, beside what its variables hold: taken from a stage, kept, and gone on with."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import keras
import numpy as np

from kerasfast.optimizing.control import control_for
from kerasfast.training.callbacks import Recorder
from kerasfast.training.training_stage import Moment, Stage


@dataclass(frozen=True)
class FitProgress:
    """How far a fit has come.

    Attributes:
        moment: Where it is.
        logs: Of the epochs behind.
        recorded: What a `Recorder` has of these epochs.
        log: What the optimizer logged in the unfinished epoch.
        counted: What the metrics have counted in the unfinished epoch.
    """

    moment: Moment
    logs: Sequence[Mapping[str, float]]
    recorded: Sequence[np.ndarray]
    log: Sequence[np.ndarray] = ()
    counted: Sequence[np.ndarray] = ()

    @classmethod
    def of(cls, stage: Stage, recorder: Recorder, moment: Moment) -> "FitProgress":
        """Return the present progress, as copies."""
        progress = cls(moment, list(recorder.epochs), recorder.parts())
        if not moment.batches:
            return progress
        counted = [np.array(keras.ops.convert_to_numpy(one)) for one in stage.model.metrics_variables]
        return cls(moment, progress.logs, progress.recorded, control_for(stage.model).read_log(), counted)

    def stored(self) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
        """Return a record that JSON can hold, and arrays by name."""
        parts = {"r": self.recorded, "l": self.log, "m": self.counted}
        arrays = {f"{name}{i}": array for name, own in parts.items() for i, array in enumerate(own)}
        # As text, for losses that are no numbers.
        return {"moment": asdict(self.moment), "logs": json.dumps(self.logs), "counts": len(self.counted)}, arrays

    @classmethod
    def read(cls, record: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> "FitProgress":
        """Return what `stored` gave."""
        moment = Moment(**record["moment"])
        recorded, log = (
            [arrays[f"{name}{i}"] for i in range(3)] if wanted else []
            for name, wanted in (("r", True), ("l", moment.batches))
        )
        counted = [arrays[f"m{i}"] for i in range(record["counts"])]
        return cls(moment, json.loads(record["logs"]), recorded, log, counted)

    def restore(self, stage: Stage, recorder: Recorder) -> None:
        """Take up what lies behind, before training goes on.

        Raises:
            ValueError: If the metrics count other things than those that were kept.
        """
        if self.moment.batches:
            shapes = [tuple(variable.shape) for variable in stage.metric_variables()]
            if shapes != [array.shape for array in self.counted]:
                raise ValueError("The metrics are others than those of the fit that is to go on.")
        recorder.restore(self.recorded, list(self.logs))


class GoOn(keras.callbacks.Callback):
    """Put back, when the epoch has begun that is gone on with, what was logged and counted in it.

    It must stand behind the `Recorder`.
    """

    def __init__(self, progress: FitProgress):
        super().__init__()
        self._progress = progress

    def on_epoch_begin(self, epoch: int, logs=None) -> None:
        moment = self._progress.moment
        if not moment.batches or epoch != moment.epochs:
            return
        control_for(self.model).continue_log(*self._progress.log)
        for variable, value in zip(self.model.metrics_variables, self._progress.counted, strict=True):
            variable.assign(value)
