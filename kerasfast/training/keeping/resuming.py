"""Fits that survive a kill: their state every few seconds, in a file of their own, and back from there.

What decides the steps that follow is in variables (weights, BatchNormalization's statistics, the optimizer's slots, the
seeds of dropout, what the metrics have counted in this epoch) and in the numbers of epochs and batches trained (the
order and the augmentation of the samples); rates follow from the plan and the optimizer's count of steps. All of it is
kept, so that a fit that goes on ends as one that was never stopped.
"""

import functools
import hashlib
import json
import pathlib
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import keras
import numpy as np

from kerasfast.basics.files import ArraysError, atomic_path, read_arrays, writable_folder
from kerasfast.keras_internals import inner_optimizer, repeatable_operations
from kerasfast.training.averaging import WeightAverage
from kerasfast.training.callbacks import Recorder
from kerasfast.training.divergence import StopOnDivergence
from kerasfast.training.keeping.progress import FitProgress, GoOn
from kerasfast.training.keeping.saved_weights import check_name
from kerasfast.training.training_plans import Plan
from kerasfast.training.training_stage import Moment, Stage

SHARE = 0.03  # of the training time that keeping the state may take
WRITTEN_PER_SECOND = 1e8  # bytes, before it is known
SUFFIX = ".resume.npz"
_FORMAT = 2
_RECORD = "record"


@dataclass
class KeptFits:
    """The fits of a learner that are kept: how many by name, and what keeping them may cost.

    Attributes:
        numbers: How many fits were finished under each name.
        trained: Seconds that they took.
        spent: Seconds of it that went into keeping their state.
    """

    numbers: dict[str, int] = field(default_factory=dict)
    trained: float = 0.0
    spent: float = 0.0

    def allows(self, cost: float, running: float) -> bool:
        """Return whether `cost` further seconds are within `SHARE`, `running` seconds into a fit."""
        return self.spent + cost <= SHARE * (self.trained + running)


@dataclass
class FitCheckpoint:
    """The file of one fit.

    Args:
        file: Where it is kept.
        model: The whole network.
        stage: What is trained, which may be a part of it.
        plan: What the fit follows.
        recorder: Of the fit.
        progress: Where the fit begins, if there is no file yet.
        savers: Callbacks of the fit. Those that have a `kept_state()`, which returns a record for JSON and arrays by
            name, get it back by `restore_state(record, arrays)`.
        watch: Of the fit; it compares with the loss at its start.
        kept: What keeping may cost.

    Attributes:
        cost: Seconds that the last writing took; at first what it may take by its size.
    """

    file: pathlib.Path
    model: keras.Model
    stage: Stage
    plan: Plan
    recorder: Recorder
    progress: FitProgress
    savers: Sequence[keras.callbacks.Callback] = ()
    watch: StopOnDivergence = field(default_factory=StopOnDivergence)
    kept: KeptFits = field(default_factory=KeptFits)
    cost: float = field(default=0.0, init=False)
    _first: dict[str, np.ndarray] | None = field(default=None, init=False)

    def begin(self) -> tuple[FitProgress, bool]:
        """Go back to where the file left off, if there is one; return (progress, whether finished).

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
            writable_folder(self.file.parent)
            self.progress.restore(self.stage, self.recorder)
            self._first = self.taken(self.progress)
            self.cost += sum(array.nbytes for array in self._first.values()) / WRITTEN_PER_SECOND
            return self.progress, False
        try:
            return self._restore(read_arrays(self.file))
        except (OSError, KeyError, TypeError, ArraysError) as error:
            raise ValueError(f"{self.file} cannot be read ({error}); delete it to train from the beginning.") from error

    def now(self, moment: Moment) -> dict[str, np.ndarray]:
        """Return the present state, as copies."""
        return self.taken(FitProgress.of(self.stage, self.recorder, moment))

    def taken(self, progress: FitProgress, *, finished: bool = False) -> dict[str, np.ndarray]:
        """Return the variables of the present state, as copies, and the progress."""
        start = time.perf_counter()
        fit, arrays = progress.stored()
        kept = [callback.kept_state() for callback in self._stateful()]
        record = {
            "format": _FORMAT,
            "settings": self._settings,
            "epochs": self.stage.epochs,
            "progress": fit,
            "finished": finished,
            "callbacks": [own for own, _ in kept],
            "start losses": self.watch.start_losses,
        }
        arrays |= {f"v{i}": _raw(variable) for i, variable in enumerate(self._variables())}
        arrays |= {f"c{i}.{name}": array for i, (_, own) in enumerate(kept) for name, array in own.items()}
        arrays[_RECORD] = np.frombuffer(json.dumps(record).encode(), np.uint8)
        self._spend(time.perf_counter() - start, anew=True)
        return arrays

    def write(self, state: Mapping[str, np.ndarray]) -> None:
        """Write a state, whole or not at all."""
        start = time.perf_counter()
        with atomic_path(self.file) as unfinished:
            np.savez(unfinished, **state)
        self._first = None
        self._spend(time.perf_counter() - start)

    def write_first(self) -> None:
        """Write the state that the fit began with, if no later one was written: for going on in this process."""
        if self._first is not None:
            self.write(self._first)

    def _spend(self, seconds: float, *, anew: bool = False) -> None:
        self.cost = seconds if anew else self.cost + seconds
        self.kept.spent += seconds

    def _restore(self, stored: Any) -> tuple[FitProgress, bool]:
        record = json.loads(stored[_RECORD].tobytes())
        self._check(record)
        variables, progress = self._variables(), FitProgress.read(record["progress"], stored)
        values = [stored[f"v{i}"] for i in range(len(variables))]
        if [value.shape for value in values] != [tuple(variable.shape) for variable in variables]:
            raise ValueError(f"{self.file} is of another network. Delete it to train anew, or pass another name.")
        progress.restore(self.stage, self.recorder)
        for variable, value in zip(variables, values, strict=True):
            variable.assign(value.view(_raw(variable).dtype) if value.dtype.kind == "V" else value)
        self.stage.epochs = record["epochs"]
        self.watch.start_losses = tuple(record["start losses"])
        self.stage.start_loss = self.watch.start_loss
        for i, (callback, kept) in enumerate(zip(self._stateful(), record["callbacks"], strict=True)):
            names = [name for name in stored if name.startswith(f"c{i}.")]
            callback.restore_state(kept, {name.partition(".")[2]: stored[name] for name in names})
        return progress, record["finished"]

    def _check(self, record: dict[str, Any]) -> None:
        if record["format"] != _FORMAT:
            raise ValueError(f"{self.file} is of format {record['format']}; this version reads {_FORMAT}. Delete it.")
        own, saved = self._settings, record["settings"]
        changed = [
            f"{name}: {saved.get(name)} before, {value} now" for name, value in own.items() if saved.get(name) != value
        ]
        if changed:
            raise ValueError(
                f"{self.file} is of a fit with other settings ({'; '.join(changed)}). Delete it to train anew, or pass "
                "another name, such as `resume='second'`."
            )

    @functools.cached_property
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

    def _stateful(self) -> list[Any]:
        return [callback for callback in self.savers if hasattr(callback, "kept_state")]


def checkpoint_file(folder: pathlib.Path, name: str, number: int) -> pathlib.Path:
    """Return the file of the `number`-th fit that is kept under a name."""
    check_name(name)
    return folder / f"{name}-{number}{SUFFIX}"


def fit_from(checkpoint: FitCheckpoint) -> keras.callbacks.History:
    """Train from where the checkpoint left off to the end of its plan, and return the history of the whole fit."""
    stage, plan, recorder = checkpoint.stage, checkpoint.plan, checkpoint.recorder
    progress, finished = checkpoint.begin()
    start = progress.moment
    if finished:
        print(f"Not repeated: this fit was finished after {start.epochs} epochs; {checkpoint.file} has its result.")
        stage.settle(plan)
        return _history(stage.model, recorder)
    if start.epochs or start.batches:
        within = f" and {start.batches} batches" if start.batches else ""
        print(f"Going on after epoch {start.epochs}{within} of {plan.epochs}, from {checkpoint.file}.")
    begun = time.perf_counter()
    if start.epochs < plan.epochs:
        try:
            with CheckpointWriter(checkpoint) as writer, repeatable_operations():
                stage.fit(plan, [*checkpoint.savers, GoOn(progress), writer], checkpoint.watch, start=start)
        except BaseException:
            checkpoint.write_first()
            raise
    checkpoint.kept.trained += time.perf_counter() - begun
    if checkpoint.kept.allows(checkpoint.cost, 0.0):
        end = FitProgress.of(stage, recorder, Moment(len(recorder.epochs)))
        checkpoint.write(checkpoint.taken(end, finished=True))
    return _history(stage.model, recorder)


def _history(model: keras.Model, recorder: Recorder) -> keras.callbacks.History:
    history = keras.callbacks.History()
    history.set_model(model)
    history.on_train_begin()
    for epoch, logs in enumerate(recorder.epochs):
        history.on_epoch_end(epoch, logs)
    return history


class CheckpointWriter(keras.callbacks.Callback):
    """Write a checkpoint after batches and epochs, as often as `KeptFits` allows, in a thread of its own.

    Leaving its context waits for what is being written.

    Args:
        checkpoint: Writes.
    """

    def __init__(self, checkpoint: FitCheckpoint):
        super().__init__()
        self._checkpoint, self._begun = checkpoint, time.perf_counter()
        self._thread, self._writing = ThreadPoolExecutor(1), None

    def __enter__(self) -> "CheckpointWriter":
        return self

    def __exit__(self, *exception: object) -> None:
        self._thread.shutdown(wait=True)

    def on_train_batch_end(self, batch: int, logs=None) -> None:
        # The last batch of an epoch is followed by its end, and those behind a fit that goes on are no news.
        if batch + 1 < self.params["steps"] and not self.model.stop_training and self._is_due():
            moment = self._checkpoint.stage.place.moment
            if batch + 1 == moment.batches:
                self._write(moment)

    def on_epoch_end(self, epoch: int, logs=None) -> None:
        if self._is_due():
            self._write(Moment(epoch + 1))

    def _is_due(self) -> bool:
        if self._writing is not None:
            if not self._writing.done():
                return False
            self._writing.result()
        return self._checkpoint.kept.allows(self._checkpoint.cost, time.perf_counter() - self._begun)

    def _write(self, moment: Moment) -> None:
        state = self._checkpoint.now(moment)
        self._writing = self._thread.submit(self._checkpoint.write, state)


def _digest(*tables: np.ndarray | None) -> str:
    digest = hashlib.blake2b(digest_size=8)
    for table in tables:
        digest.update(b"none" if table is None else np.ascontiguousarray(table, np.float32).tobytes())
    return digest.hexdigest()


def _raw(variable: keras.Variable) -> np.ndarray:
    return np.asarray(keras.ops.convert_to_numpy(variable))
