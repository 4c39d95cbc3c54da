"""What the fits of a learner save under names: each cycle, and the best epoch, which a later fit has to beat."""

import pathlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import keras

from kerasfast.basics.bars import say
from kerasfast.metrics.direction import lower_is_better, metric_name
from kerasfast.training.keeping.saved_weights import check_name, weights_file
from kerasfast.training.keeping.savers import BestSaver, CycleSaver


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
        if self.restore_best and self.best is None:
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
        return found

    def finish(self, names: SaveNames, load: Callable[[str], Any], *, speaks: bool) -> None:
        """Load the best weights, where they are wanted, and say which epoch was best and what is loaded now."""
        if names.best is None:
            return
        best = self._best[names.best][0].best
        restored = names.restore_best and best is not None
        if restored:
            load(names.best)
        if speaks:
            say(_sentence(names.best, best, "its weights" if restored else "the weights of the last epoch"))


def _sentence(name: str, best: Any, loaded: str) -> str:
    if best is None:
        return f"No epoch was worth saving as {name!r}."
    value = f"{best.column} {best.value:.5f}"
    if best.epoch is None:
        said = f"No epoch was better than one of an earlier fit ({value}), which {name!r} still holds"
    else:
        said = f"Epoch {best.epoch} was the best ({value}) and is saved as {name!r}"
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
