"""Keras callbacks that save each cycle and the best epoch."""

import math
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import keras
import numpy as np

from kerasfast.training.callbacks import table_columns


class CycleSaver(keras.callbacks.Callback):
    """Call `save(cycle)` at the end of each cycle; not after an epoch whose loss is no number.

    Args:
        ends: Number of epochs after which each cycle ends.
        save: Called with the index of the cycle.
        sound: Asked before saving whether the weights are worth it; always by default.

    Example:
        >>> model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
        >>> model.compile(keras.optimizers.SGD(0.1), loss="mse")
        >>> rows = np.ones((8, 2)), np.ones((8, 1))
        >>> saver = CycleSaver([1, 3], lambda cycle: print("cycle", cycle))
        >>> _ = model.fit(*rows, epochs=3, callbacks=[saver], verbose=0)
        cycle 0
        cycle 1
    """

    def __init__(self, ends: list[int], save: Callable[[int], None], *, sound: Callable[[], bool] = lambda: True):
        super().__init__()
        self._ends, self._save, self._sound = [int(end) for end in ends], save, sound

    def on_epoch_end(self, epoch: int, logs=None) -> None:
        if epoch + 1 in self._ends and _is_sound(logs) and self._sound():
            self._save(self._ends.index(epoch + 1))


@dataclass
class Best:
    """The best epoch so far.

    Attributes:
        column: The column of the epoch table that decides.
        value: Its value.
        score: What is compared: lower is better.
        epoch: Its number in this fit, None for one of an earlier fit.
    """

    column: str
    value: float
    score: tuple[float, ...]
    epoch: int | None


class BestSaver(keras.callbacks.Callback):
    """Call `save()` after each epoch that beats all before it.

    The metric decides (validation where there is one), equal values by the lower loss; without metrics the loss. An
    epoch whose loss is no number is never the best.

    Args:
        save: Called without arguments.
        lower_is_better: Whether small values of the metric are good; without metrics of no account.
        metric: Name of the metric in the epoch table; its first one by default.
        sound: Asked before saving whether the weights are worth it; always by default.

    Attributes:
        best: The best epoch so far, None before the first. One of an earlier fit may be put here, for epochs to beat.

    Example:
        >>> model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
        >>> model.compile(keras.optimizers.SGD(0.1), loss="mse")
        >>> rows = np.ones((8, 2)), np.ones((8, 1))
        >>> saver = BestSaver(lambda: print("better"), lower_is_better=True)
        >>> _ = model.fit(*rows, epochs=2, callbacks=[saver], verbose=0)
        better
        better
    """

    def __init__(
        self,
        save: Callable[[], Any],
        *,
        lower_is_better: bool,
        metric: str | None = None,
        sound: Callable[[], bool] = lambda: True,
    ):
        super().__init__()
        self._save, self._sign, self._metric, self._sound = save, 1.0 if lower_is_better else -1.0, metric, sound
        self.best: Best | None = None

    def on_epoch_end(self, epoch: int, logs=None) -> None:
        columns = table_columns(logs or {})
        losses = [name for name in ("val_loss", "trn_loss") if name in columns]
        metrics = [name for name in columns if name not in losses]
        column = self._column(metrics) if metrics else losses[0]
        loss = columns[losses[0]] if losses else math.inf
        score = (self._sign * columns[column], loss) if metrics else (loss,)
        worth = _is_sound(logs) and not any(math.isnan(value) for value in score) and self._sound()
        if worth and (self.best is None or score < self.best.score):
            self._save()
            self.best = Best(column, columns[column], score, epoch)

    def kept_state(self) -> tuple[Any, dict[str, np.ndarray]]:
        """Return what a fit that goes on later needs: a record that JSON can hold, and arrays."""
        return None if self.best is None else asdict(self.best), {}

    def restore_state(self, record: Any, arrays: Mapping[str, np.ndarray]) -> None:
        """Take up what `kept_state` returned."""
        self.best = None if record is None else Best(**record | {"score": tuple(record["score"])})

    def _column(self, names: list[str]) -> str:
        if self._metric is None:
            return names[0]
        found = [name for name in names if name == self._metric or name.endswith(f"_{self._metric}")]
        if not found:
            raise ValueError(f"No metric is called {self._metric!r}; the epoch has {', '.join(names)}.")
        return self._metric if self._metric in found else found[0]


def _is_sound(logs: dict[str, float] | None) -> bool:
    return math.isfinite((logs or {}).get("loss", 0.0))
