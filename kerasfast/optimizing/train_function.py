"""The one owner of a model's train function and of what stands around its steps."""

from collections import deque
from collections.abc import Callable, Hashable, Iterator
from typing import Any

import keras

from kerasfast.keras_internals import all_layers, inner_optimizer, patch, trainable_by_design

Step = Callable[[Any], Any]
STEPS = ("train_step", "test_step", "predict_step")
# From the inside out: what mixes a batch, what changes it before, what answers for an empty one, what changes results.
WRAPS = ("mix", "transform", "empty", "axis")


class TrainFunction:
    """Stands in the place of a model's train function and calls the one that was traced for the model as it is now.

    Keras traces one train function per `compile` and goes on with it whatever changes. This keeps one for each set of
    trainable layers and variables, for as long as the optimizer's control asks for no more than it was traced for, and
    drops all when the model is compiled again. A function whose first call was broken off is not kept.

    Get a model's owner with `train_function_of`. Everything about its steps goes through it: nothing else assigns
    `model.train_function`, `train_step`, `test_step` or `predict_step`.
    """

    def __init__(self, model: keras.Model):
        self._model = model
        self._functions: dict[Hashable, Step] = {}
        self._wraps: dict[str, dict[str, Callable[[Step], Step]]] = {step: {} for step in STEPS}
        self._steps = {step: (step in vars(model), getattr(model, step)) for step in STEPS}
        self._unfinished: Callable[[], Any] | None = None
        self._begun_epoch: deque[Iterator | None] = deque()
        self._state = _trainable_state(model)
        self._install()
        patch(model, make_train_function=self.begin)

    @property
    def kept(self) -> int:
        """How many traced functions there are, one for each state that was trained."""
        return len(self._functions)

    def begin(self, force: bool = False) -> "TrainFunction":
        """Get ready for a fit: Keras calls this as `model.make_train_function` before it trains."""
        self.finish()
        if force:
            self.forget()
        self.sync()
        return self

    def sync(self) -> None:
        """Go over to the function for the present `trainable` flags."""
        self._install()
        self._state = _trainable_state(self._model)

    def forget(self) -> None:
        """Trace anew at the next step, during a fit too."""
        self._functions.clear()

    def forget_sizes(self) -> None:
        """Trace evaluating and predicting anew.

        A function that meets inputs of another size is traced for any size, and then adds in another order than one
        that was traced for this size alone: a run that goes on after a kill would not end with the same bits.
        """
        self._model.test_function = self._model.predict_function = None

    def wrap(self, step: str, kind: str, wrapper: Callable[[Step], Step] | None) -> None:
        """Put a function around a step of the model, past what Keras saves; the order of these calls does not matter.

        Args:
            step: "train_step", "test_step" or "predict_step".
            kind: Its place, one of `WRAPS`; a second one of the same kind takes the place of the first.
            wrapper: Makes a step of a step; None takes it away.
        """
        wraps = self._wraps[step]
        if wraps.get(kind) is wrapper:
            return
        wraps[kind] = wrapper
        was_own, wrapped = self._steps[step]
        for name in WRAPS:
            wrapped = wraps[name](wrapped) if wraps.get(name) else wrapped
        if any(wraps.values()) or was_own:
            patch(self._model, **{step: wrapped})
        else:
            object.__delattr__(self._model, step)
        self.forget()
        self.forget_sizes()

    def until_fit_ends(self, undo: Callable[[], Any]) -> None:
        """Call `undo` at the end of this fit (`finish`), at the beginning of the next one at the latest."""
        self._unfinished = undo

    def go_on(self, rest: Iterator, *, behind: int, calls: int) -> None:
        """Train the rest of an epoch: of its `calls`, `behind` do nothing, and `rest` has the others' batches."""
        self._begun_epoch = deque([None] * behind + [rest] * (calls - behind))

    def finish(self) -> None:
        """Undo what was to last until the end of the fit."""
        self._begun_epoch.clear()
        undo, self._unfinished = self._unfinished, None
        if undo is not None:
            undo()

    def __call__(self, data: Any) -> Any:
        """Train for a call's batches, as Keras calls `model.train_function`."""
        if self._begun_epoch:
            data = self._begun_epoch.popleft()
            if data is None:
                return self._model.get_metrics_result()
        traced_for = self._traced_for()
        key = self._state, traced_for, _kind_of(data)
        if key in self._functions:
            return self._functions[key](data)
        self._functions = {known: made for known, made in self._functions.items() if known[1] == traced_for}
        function = self._made()
        logs = function(data)
        self._functions[key] = function
        return logs

    def _made(self) -> Step:
        model = self._model
        try:
            type(model).make_train_function(model, force=True)
            return model.train_function
        finally:
            model.train_function = self

    def _install(self) -> None:
        """Take the place again that `compile` has emptied; what was traced before it is of no use."""
        if self._model.train_function is not self:
            self._functions.clear()
            self._model.train_function = self

    def _traced_for(self) -> Hashable:
        control = getattr(inner_optimizer(self._model.optimizer), "_kerasfast_control", None)
        return control and control.traced_for


def train_function_of(model: keras.Model) -> TrainFunction:
    """Return the owner of a model's train function."""
    if "_kerasfast_train_function" not in vars(model):
        patch(model, _kerasfast_train_function=TrainFunction(model))
    return vars(model)["_kerasfast_train_function"]


def _kind_of(data: Any) -> Hashable:
    """Return shapes and types of the batches in an iterator: a function is traced for each, as none is for all."""
    return tuple(keras.tree.flatten(getattr(data, "element_spec", None)))


def _trainable_state(model: keras.Model) -> Hashable:
    layers = tuple(layer.trainable for layer in all_layers(model))
    return layers, tuple(variable.trainable for variable in trainable_by_design(model))
