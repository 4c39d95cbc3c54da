"""Fits that survive a kill: their state after each epoch, in a file of their own, and back from there.

What decides the epochs that follow is in variables (weights, BatchNormalization's statistics, the optimizer's slots,
the seeds of dropout) and in the number of epochs trained (the order and the augmentation of the samples); rates follow
from the plan and the optimizer's count of steps. All of it is kept, so that a fit that goes on ends as one that was
never stopped.
"""

import hashlib
import json
import pathlib
import time
import zipfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import keras
import numpy as np

from kerasfast.basics.files import atomic_path
from kerasfast.keras_internals import inner_optimizer
from kerasfast.training.averaging import WeightAverage
from kerasfast.training.callbacks import Recorder
from kerasfast.training.divergence import StopOnDivergence
from kerasfast.training.keeping.saved_weights import check_name
from kerasfast.training.keeping.savers import Best, BestSaver
from kerasfast.training.training_plans import Plan
from kerasfast.training.training_stage import Stage

SHARE = 0.03  # of the training time that writing may take
SUFFIX = ".resume.npz"
_FORMAT = 1
_RECORD = "record"


@dataclass
class FitCheckpoint:
    """The file of one fit.

    Args:
        file: Where it is kept.
        model: The whole network.
        stage: What is trained, which may be a part of it.
        plan: What the fit follows.
        recorder: Of the fit.
        savers: Of the fit; of a `BestSaver` the best value is kept.
    """

    file: pathlib.Path
    model: keras.Model
    stage: Stage
    plan: Plan
    recorder: Recorder
    savers: Sequence[keras.callbacks.Callback] = ()

    def begin(self) -> tuple[int, bool]:
        """Go back to where the file left off, or write it where there is none; return (epochs done, whether finished).

        Raises:
            ValueError: If the file is of a fit with other settings, or is damaged.
        """
        strategy = self.stage.model.distribute_strategy
        if strategy.num_replicas_in_sync > 1:
            raise ValueError(
                "`resume` is for a single device; with several replicas use `keras.callbacks.BackupAndRestore`."
            )
        if any(isinstance(saver, WeightAverage) for saver in self.savers):
            raise ValueError("`resume` keeps no averages of weights; leave out `resume` or the `WeightAverage`.")
        if not self.file.is_file():
            self.file.parent.mkdir(parents=True, exist_ok=True)
            self.write()
            return 0, False
        try:
            with np.load(self.file, allow_pickle=False) as stored:
                return self._restore(stored)
        except (OSError, EOFError, KeyError, TypeError, zipfile.BadZipFile) as error:
            raise ValueError(f"{self.file} cannot be read ({error}); delete it to train from the beginning.") from error

    def write(self, *, finished: bool = False) -> None:
        """Write the present state, whole or not at all."""
        record = {
            "format": _FORMAT,
            "settings": self._settings(),
            "epochs": self.stage.epochs,
            "done": len(self.recorder.epochs),
            "finished": finished,
            "logs": self.recorder.epochs,
            "best": [None if saver.best is None else asdict(saver.best) for saver in self._best_savers()],
        }
        arrays = {f"v{i}": _raw(variable) for i, variable in enumerate(self._variables())}
        arrays |= {f"r{i}": part for i, part in enumerate(self.recorder.parts())}
        arrays[_RECORD] = np.frombuffer(json.dumps(record).encode(), np.uint8)
        with atomic_path(self.file) as unfinished:
            np.savez(unfinished, **arrays)

    def _restore(self, stored: Any) -> tuple[int, bool]:
        record = json.loads(stored[_RECORD].tobytes())
        self._check(record)
        variables = self._variables()
        values = [stored[f"v{i}"] for i in range(len(variables))]
        parts = [stored[f"r{i}"] for i in range(3)]
        for variable, value in zip(variables, values, strict=True):
            variable.assign(value.view(_raw(variable).dtype) if value.dtype.kind == "V" else value)
        self.stage.epochs = record["epochs"]
        self.recorder.restore(parts, record["logs"])
        for saver, best in zip(self._best_savers(), record["best"], strict=True):
            saver.best = None if best is None else Best(**best | {"score": tuple(best["score"])})
        return record["done"], record["finished"]

    def _check(self, record: dict[str, Any]) -> None:
        if record["format"] != _FORMAT:
            raise ValueError(f"{self.file} is of format {record['format']}; this version reads {_FORMAT}. Delete it.")
        own, saved = self._settings(), record["settings"]
        changed = [
            f"{name}: {saved.get(name)} before, {value} now" for name, value in own.items() if saved.get(name) != value
        ]
        if changed:
            raise ValueError(
                f"{self.file} is of a fit with other settings ({'; '.join(changed)}). Delete it to train anew, or pass "
                "another name, such as `resume='second'`."
            )

    def _settings(self) -> dict[str, Any]:
        """Return what makes a fit the same fit."""
        plan, optimizer = self.plan, self.stage.model.optimizer
        batch = keras.tree.map_structure(lambda spec: str(spec.shape), self.stage.train_batches().element_spec)
        return {
            "epochs": plan.epochs,
            "steps": len(plan.learning_rates),
            "learning rates": np.max(plan.learning_rates, axis=0).tolist(),
            "schedule": _digest(plan.learning_rates, plan.momentum, plan.weight_decays),
            "trainable layer groups": str(self.stage.groups.trainable),
            "optimizer": type(inner_optimizer(optimizer)).__name__,
            "batches": str(batch),
            "variables": len(self._variables()),
        }

    def _variables(self) -> list[keras.Variable]:
        """Return all that training changes, each once; metrics begin anew in each epoch."""
        found = {}
        for model in (self.model, self.stage.model):
            metrics = {id(variable) for variable in model.metrics_variables}
            found |= {id(variable): variable for variable in model.variables if id(variable) not in metrics}
        return [*found.values(), *self.stage.model.optimizer.variables]

    def _best_savers(self) -> list[BestSaver]:
        return [saver for saver in self.savers if isinstance(saver, BestSaver)]


def checkpoint_file(folder: pathlib.Path, name: str, number: int) -> pathlib.Path:
    """Return the file of the `number`-th fit that is kept under a name."""
    check_name(name)
    return folder / f"{name}-{number}{SUFFIX}"


def fit_from(
    checkpoint: FitCheckpoint, callbacks: Sequence[keras.callbacks.Callback], watch: StopOnDivergence
) -> keras.callbacks.History:
    """Train from where the checkpoint left off to the end of its plan, and return the history of the whole fit."""
    stage, plan = checkpoint.stage, checkpoint.plan
    done, finished = checkpoint.begin()
    if finished:
        print(f"Not repeated: this fit was finished after {done} epochs; {checkpoint.file} has its result.")
        stage.settle(plan)
        return _history(stage.model, checkpoint.recorder)
    if done:
        print(f"Going on after epoch {done} of {plan.epochs}, from {checkpoint.file}.")
    if done < plan.epochs:
        stage.fit(plan, [*callbacks, CheckpointWriter(checkpoint)], watch, done=done)
    checkpoint.write(finished=True)
    return _history(stage.model, checkpoint.recorder)


def _history(model: keras.Model, recorder: Recorder) -> keras.callbacks.History:
    history = keras.callbacks.History()
    history.set_model(model)
    history.on_train_begin()
    for epoch, logs in enumerate(recorder.epochs):
        history.on_epoch_end(epoch, logs)
    return history


class CheckpointWriter(keras.callbacks.Callback):
    """Write a checkpoint after epochs, as often as `SHARE` of the time allows."""

    def __init__(self, checkpoint: FitCheckpoint):
        super().__init__()
        self._checkpoint, self._cost, self._written = checkpoint, 0.0, time.perf_counter()

    def on_epoch_end(self, epoch: int, logs=None) -> None:
        start = time.perf_counter()
        if self._cost > SHARE * (start - self._written):
            return
        self._checkpoint.write()
        self._written = time.perf_counter()
        self._cost = self._written - start


def _digest(*tables: np.ndarray | None) -> str:
    digest = hashlib.blake2b(digest_size=8)
    for table in tables:
        digest.update(b"none" if table is None else np.ascontiguousarray(table, np.float32).tobytes())
    return digest.hexdigest()


def _raw(variable: keras.Variable) -> np.ndarray:
    return np.asarray(keras.ops.convert_to_numpy(variable))
