"""What the course's learner can do besides `fit`: its inner fit, first weights by data, half precision."""

from typing import TYPE_CHECKING, Any

import keras
import numpy as np

from kerasfast.fastai.layer_optimizer import LayerOptimizer
from kerasfast.fastai.lsuv_initializer import apply_lsuv_init

UNSUPPORTED = {
    "norm_wds": "scale `wds` yourself",
    "wds_sched_mult": "weight decay follows the rate by itself",
    "data_list": "call `set_data` between two fits",
    "cut": "give the phases the epochs that you want",
}


class FurtherTraining:
    """Methods of a learner."""

    if TYPE_CHECKING:  # at run time an annotation would make them assignable
        model: keras.Model
        data: Any
        core: Any
        fit: Any

    def fit_gen(
        self, model: keras.Model, data: Any, layer_opt: LayerOptimizer, n_cycle: int, **schedule: Any
    ) -> list[float] | tuple:
        """Train as `fit` does, at the rates and weight decays of `learn.get_layer_opt(lrs, wds)`.

        Args:
            model: The learner's model.
            data: The learner's data.
            layer_opt: Rates and weight decays, one per layer group.
            n_cycle: Cycles; epochs without `cycle_len`.
            **schedule: As in `fit`.

        Returns:
            What `fit` returns.

        Raises:
            ValueError: If model or data are not the learner's.
        """
        if model is not self.model or data is not self.data:
            raise ValueError(
                "`fit_gen` trains the learner's own model on its own data: write `learn.fit_gen(learn.model, "
                "learn.data, learn.get_layer_opt(lrs, wds), ...)`; for other data call `learn.set_data(data)` before."
            )
        decays = layer_opt.wds if np.any(layer_opt.wds) else None
        return self.fit(layer_opt.lrs, n_cycle, decays, **schedule)

    def lsuv_init(
        self, needed_std: float = 1.0, std_tol: float = 0.1, max_attempts: int = 10, do_orthonorm: bool = False
    ) -> None:
        """Scale the kernels of the model by its first training batch; see `apply_lsuv_init`."""
        batch = next(iter(self._training_inputs()))
        apply_lsuv_init(self.model, batch, needed_std, std_tol, max_attempts, do_orthonorm)

    def half(self) -> None:
        """Compute in float16 from now on, with weights in float32 and a scaled loss; it pays on a GPU alone."""
        self._compute_in("mixed_float16")

    def float(self) -> None:
        """Compute in float32 again."""
        self._compute_in("float32")

    def _compute_in(self, policy: str) -> None:
        if getattr(self.core, "precompute", False):
            raise ValueError("Activations are stored in one precision; set `learn.precompute = False` before.")
        self.core.compute_in(policy)


def supported(arguments: dict[str, Any]) -> dict[str, Any]:
    """Return the arguments without those that are not there; raise where one of these asks for something."""
    for name, value in arguments.items():
        if name in UNSUPPORTED and value:
            raise ValueError(f"`{name}` is not there: {UNSUPPORTED[name]}.")
    return {name: value for name, value in arguments.items() if name not in UNSUPPORTED}
