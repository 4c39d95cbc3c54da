"""What the fits of a learner save under names: each cycle, and the best epoch, which a later fit has to beat."""

import pathlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import keras

from kerasfast.basics.arguments import flag
from kerasfast.basics.bars import say
from kerasfast.basics.files import writable_folder
from kerasfast.metrics.direction import lower_is_better, metric_name
from kerasfast.training.averaging import WeightAverage
from kerasfast.training.keeping.saved_weights import check_name, weights_file
from kerasfast.training.keeping.savers import Best, BestSaver, CycleSaver


@dataclass(frozen=True)
class SaveNames:
    """Names for the weights of one fit.

    Attributes:
        cycle: Of each cycle, `<cycle>_cyc_<i>`; None to save none.
        best: Of the best epoch; None to save none.
        restore_best: Whether to load the best epoch at the end.

    Raises:
        ValueError: If a name is no name of a file, or `restore_best` comes without one.
    """

    cycle: str | None = None
    best: str | None = None
    restore_best: bool = False

    def __post_init__(self):
        for name in (self.cycle, self.best):
            if name is not None:
                check_name(name)
        if flag("restore_best", self.restore_best) and self.best is None:
            raise ValueError("`restore_best` loads what `best_save_name` saves; pass such a name too.")


class FitSaving:
    """Saves what the fits of one model are asked to save, and remembers the best epoch under each name."""

    def __init__(self):
        self._best: dict[str, tuple[BestSaver, tuple[Any, ...]]] = {}

    def forget(self, name: str) -> None:
        """Forget a name, whose file is given other weights."""
        self._best.pop(name, None)

    def callbacks(
        self,
        names: SaveNames,
        save: Callable[[str], Any],
        folder: pathlib.Path,
        *,
        cycle_ends: Sequence[int],
        metrics: Sequence[Any],
        data: Any,
        sound: Callable[[], bool],
    ) -> list[keras.callbacks.Callback]:
        """Return the callbacks that save during a fit.

        Args:
            names: The names.
            save: Saves the weights under a name.
            folder: Where they are then.
            cycle_ends: Number of epochs after which each cycle ends.
            metrics: Those of the fit; the first decides which epoch is the best.
            data: What is trained and validated on: scores of other data are not compared.
            sound: Whether the weights are worth saving.

        Raises:
            ValueError: If it is not known whether small or large values of the first metric are good.
            OSError: If nothing can be written there.
        """
        found: list[keras.callbacks.Callback] = []
        if names.cycle is not None:
            found.append(CycleSaver(cycle_ends, lambda cycle: save(f"{names.cycle}_cyc_{cycle}"), sound=sound))
        if names.best is not None:
            kind = (metric_name(metrics[0]), lower_is_better(metrics[0])) if metrics else (None, True)
            saver = BestSaver(lambda: save(names.best), metric=kind[0], lower_is_better=kind[1], sound=sound)
            earlier, known = self._best.get(names.best, (None, None))
            same = known is not None and known[0] == kind and known[1] is data
            if same and earlier.best is not None and weights_file(folder, names.best).is_file():
                saver.best = replace(earlier.best, epoch=None)
            self._best[names.best] = saver, (kind, data)
            found.append(saver)
        if found:
            writable_folder(folder)
        return found

    def finish(
        self,
        names: SaveNames,
        load: Callable[[str], Any],
        *,
        epochs: Sequence[dict[str, float]],
        metrics: Sequence[Any],
        callbacks: Sequence[keras.callbacks.Callback],
        good_epoch: int | None,
        speaks: bool,
    ) -> None:
        """Load the best weights, where they are wanted, and say which epoch was best and what is loaded now.

        Args:
            names: The names.
            load: Loads the weights under a name.
            epochs: The logs of each epoch.
            metrics: Those of the fit.
            callbacks: Those of the fit.
            good_epoch: Of a fit that diverged the epoch whose weights are back, -1 for those from before it; else None.
            speaks: Whether to say anything.
        """
        best = best_epoch(epochs, metrics) if names.best is None else self._best[names.best][0].best
        restored = names.restore_best and best is not None
        if restored:
            load(names.best)
        says = any(getattr(callback, "says_what_is_loaded", False) for callback in callbacks)
        if speaks and not says and (names.best is not None or len(epochs) > 1 or good_epoch is not None):
            loaded = "its weights" if restored else what_is_loaded(epochs, callbacks, good_epoch)
            say(_sentence(names.best, best, loaded))


def best_epoch(epochs: Sequence[dict[str, float]], metrics: Sequence[Any]) -> Best | None:
    """Return the best epoch by the first metric, where its direction is known, or by the loss; None without any."""
    tracker = BestSaver(lambda: None, lower_is_better=True)
    try:
        if metrics:
            tracker = BestSaver(
                lambda: None, metric=metric_name(metrics[0]), lower_is_better=lower_is_better(metrics[0])
            )
        for epoch, logs in enumerate(epochs):
            tracker.on_epoch_end(epoch, logs)
    except ValueError:  # a metric of unknown direction or name
        tracker = BestSaver(lambda: None, lower_is_better=True)
        for epoch, logs in enumerate(epochs):
            tracker.on_epoch_end(epoch, {name: logs[name] for name in ("loss", "val_loss") if name in logs})
    return tracker.best


def what_is_loaded(
    epochs: Sequence[dict[str, float]], callbacks: Sequence[keras.callbacks.Callback], good_epoch: int | None
) -> str:
    """Return which weights a model has at the end of a fit, in words."""
    for callback in reversed(callbacks):
        stopping = isinstance(callback, keras.callbacks.EarlyStopping)
        if stopping and callback.restore_best_weights and callback.best_weights is not None:
            return f"the weights of epoch {callback.best_epoch}"
        if isinstance(callback, WeightAverage) and callback.loaded:
            return "the averages of the weights"
    if good_epoch is None:
        return f"the weights of the last epoch, {len(epochs) - 1}"
    return "the weights from before this fit" if good_epoch < 0 else f"the weights of epoch {good_epoch}"


def _sentence(name: str | None, best: Best | None, loaded: str) -> str:
    if best is None:
        return f"No epoch was worth saving{'' if name is None else f' as {name!r}'}; loaded are {loaded}."
    value = f"{best.column} {best.value:.5f}"
    if best.epoch is None:
        said = f"No epoch was better than one of an earlier fit ({value}), which {name!r} still holds"
    else:
        said = f"Epoch {best.epoch} was the best ({value}){'' if name is None else f' and is saved as {name!r}'}"
    return f"{said}; loaded are {loaded}."


class SavesWhole:
    """Stands for a part of a model that trains, and saves the whole.

    Args:
        part: What trains.
        whole: What is saved.
    """

    def __init__(self, part: keras.Model, whole: keras.Model):
        self._part, self._whole = part, whole

    def __getattr__(self, name: str) -> Any:
        return getattr(self._whole if name in ("save", "save_weights", "export") else self._part, name)


def saving_whole(callback: keras.callbacks.Callback, whole: keras.Model) -> keras.callbacks.Callback:
    """Return a callback that saves `whole`, where it is one that saves the model, whatever part of it is trained."""
    if isinstance(callback, keras.callbacks.ModelCheckpoint):
        set_model = type(callback).set_model
        callback.set_model = lambda part: set_model(callback, part if part is whole else SavesWhole(part, whole))
    return callback
