"""Notices that training diverges, says so during the epoch, and brings back the last good weights."""

import math

import keras
import numpy as np
import tensorflow as tf

from kerasfast.basics.bars import say
from kerasfast.keras_internals import counted_by_layers
from kerasfast.training.replicas import is_chief

FEWEST_STEPS = 10  # of an epoch before its mean loss is compared
HIGH, HOPELESS = 4.0, 100.0  # times the loss at the start


class StopOnDivergence(keras.callbacks.Callback):
    """Stop where the loss or a weight is no finite number, or the loss is a hundred times what it was at the start.

    The last good weights come back at once, before they are validated or saved: those from before the first epoch
    whose loss was four times that at the start. Such a loss is said, once, and training goes on; where the last epoch's
    is still so high, the weights come back at the end (cross-entropy never grows a hundredfold).

    Attributes:
        diverged: Whether the fit was stopped, or ended so.
        good_epoch: Epoch at whose end the last good weights were reached; -1 for those from before the fit.
        within: The epoch within which a fit goes on, whose weights at its beginning are not known.
        start_loss: Loss at the first steps that the model was ever trained for; set it where that was in another fit.
    """

    def __init__(self):
        super().__init__()
        self.start_loss: float | None = None
        self.diverged = False
        self.within: int | None = None
        self.good_epoch, self._back_to = -1, ""
        self._own_start: float | None = None
        self._first: float | None = None
        self._high = self._warned = False

    @property
    def start_losses(self) -> tuple[float | None, float | None]:
        """The losses to compare with: at the start of all fits and of this one; None before they are known."""
        return self.start_loss, self._own_start

    @start_losses.setter
    def start_losses(self, losses: tuple[float | None, float | None]) -> None:
        self.start_loss, self._own_start = losses

    def on_epoch_begin(self, epoch: int, logs=None) -> None:
        self._epoch = epoch
        if not self._high:
            self.good_epoch, self._back_to = epoch - 1, "where it was gone on with" if epoch == self.within else ""
            self._variables = [*self.model.trainable_variables, *counted_by_layers(self.model)]
            self._good = [np.array(keras.ops.convert_to_numpy(variable)) for variable in self._variables]

    def on_train_batch_end(self, batch: int, logs=None) -> None:
        loss = (logs or {}).get("loss", 0.0)
        if self.diverged:
            return
        self._first = loss if self._first is None else self._first
        if not math.isfinite(loss):
            self._stop(f"the loss is {loss}")
        elif batch + 1 >= min(FEWEST_STEPS, self.params.get("steps") or FEWEST_STEPS):
            self._compare(loss)
        if not self.diverged and batch + 1 >= (self.params.get("steps") or math.inf):
            self._check_weights()

    def on_test_begin(self, logs=None) -> None:
        if not self.diverged and not self.params.get("steps"):
            self._check_weights()

    def on_train_end(self, logs=None) -> None:
        if self._high and not self.diverged:
            self.diverged = True
            self._put_back()
            self._say(f"At the end the loss was far above its start. {self._back}")

    def _compare(self, loss: float) -> None:
        if self._own_start is None:
            # The mean of these steps may hold a rise already; where the model trained before, its start then tells.
            self._own_start = loss if self.start_loss is None else self._first
            self.start_loss = loss if self.start_loss is None else self.start_loss
        start = max(self._own_start, self.start_loss)
        self._high = 0 < HIGH * start < loss
        if 0 < HOPELESS * start < loss:
            self._stop(f"the loss is {loss:.4g}, at the start it was {start:.4g}")
        elif self._high and not self._warned:
            self._warned = True
            self._say(f"Epoch {self._epoch}: the loss has risen to {loss:.4g} from {start:.4g} at the start")

    def _check_weights(self) -> None:
        finite = [tf.reduce_all(tf.math.is_finite(tf.convert_to_tensor(variable))) for variable in self._variables]
        if not bool(tf.reduce_all(finite)):
            self._stop("a weight is no finite number any more")

    def _stop(self, reason: str) -> None:
        self.diverged = self.model.stop_training = True
        self._put_back()
        self._say(f"Training stopped in epoch {self._epoch}: {reason}. {self._back}")

    @property
    def _back(self) -> str:
        which = "that epoch" if self.good_epoch == self._epoch - 1 else f"epoch {self.good_epoch + 1}"
        return f"The weights from {self._back_to or f'before {which}'} are back"

    def _put_back(self) -> None:
        for variable, value in zip(self._variables, self._good, strict=True):
            variable.assign(value)

    def _say(self, what: str) -> None:
        if is_chief(self.model.distribute_strategy):
            say(f"{what}; try lower learning rates (see `lr_find`).")
