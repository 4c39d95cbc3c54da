"""The course's LayerOptimizer: one Keras optimizer with a rate and a weight decay per layer group."""

from collections.abc import Callable
from dataclasses import dataclass

import keras
import numpy as np

from kerasfast.fastai.parts.absent import absent
from kerasfast.optimizing.control import control_of
from kerasfast.optimizing.groups import LayerGroups
from kerasfast.optimizing.optimizers import grouped
from kerasfast.optimizing.rates import Rates
from kerasfast.optimizing.torch_rules import follow_torch

__all__ = ["LayerOptimizer", "set_lrs", "set_wds"]
_REFUSED = absent({"opt_params zip_strict_": "a `LayerOptimizer` takes rates and weight decays, one or one per group"})
globals().update(_REFUSED)
__all__ += [*_REFUSED]


@dataclass(frozen=True)
class TorchLike:
    """Makes the optimizers of `opt_fn`, which follow torch's rules (see `follow_torch`); equal for equal functions."""

    opt_fn: Callable

    def __call__(self) -> keras.optimizers.Optimizer:
        return follow_torch(self.opt_fn())


class LayerOptimizer:
    """An optimizer for layer groups.

    Args:
        opt_fn: Makes the optimizer, such as `optim.Adam`.
        layer_groups: `LayerGroups` of the model, as `learn.core.groups`.
        lrs: One rate, or one per group.
        wds: One weight decay, added to the gradient as in torch, or one per group.

    Example:

        layer_opt = LayerOptimizer(optim.Adam, learn.core.groups, [1e-4, 1e-3, 1e-2], 1e-3)
        model.compile(layer_opt.opt, loss="mse")
    """

    def __init__(self, opt_fn: Callable, layer_groups: LayerGroups, lrs: Rates, wds: Rates | None = None):
        self.opt_fn, self.layer_groups = opt_fn, layer_groups
        self.opt: keras.optimizers.Optimizer = grouped(
            TorchLike(opt_fn)(), layer_groups, learning_rates=lrs, weight_decays=wds
        )

    @property
    def lrs(self) -> list[float]:
        """The rate of each group."""
        return control_of(self.opt).learning_rates.tolist()

    @property
    def wds(self) -> list[float]:
        """The weight decay of each group."""
        return control_of(self.opt).weight_decays.tolist()

    @property
    def lr(self) -> float:
        """The rate of the last group."""
        return self.lrs[-1]

    @property
    def mom(self) -> float | None:
        """The momentum, or the first beta of the Adam family."""
        return control_of(self.opt).momentum

    def set_lrs(self, lrs: Rates) -> None:
        """Use other rates from the next step on."""
        set_lrs(self.opt, lrs)

    def set_wds(self, wds: Rates) -> None:
        """Use other weight decays; before the model is compiled."""
        set_wds(self.opt, wds)


def set_lrs(opt: keras.optimizers.Optimizer, lrs: Rates) -> None:
    """Give an optimizer of layer groups other rates, one or one per group; one that has not trained yet, one rate."""
    if control_of(opt) is None and np.ndim(lrs) == 0:
        opt.learning_rate = float(lrs)
    else:
        _control(opt).set_rates(lrs)


def set_wds(opt: keras.optimizers.Optimizer, wds: Rates) -> None:
    """Give an optimizer of layer groups other weight decays, one or one per group."""
    _control(opt).set_rates(weight_decays=wds)


def _control(opt: keras.optimizers.Optimizer):
    control = control_of(opt)
    if control is None:
        raise ValueError("This optimizer has no layer groups; make it with `LayerOptimizer`.")
    return control
