"""The course's search for a learning rate."""

from typing import TYPE_CHECKING, Any

from kerasfast.fastai.sgdr import LossRecorder, LR_Finder
from kerasfast.learner import Learner as CoreLearner
from kerasfast.optimizing.rates import Rates

FEWEST_STEPS = 100  # of the rate finder, however few batches an epoch has


class RateSearch:
    """How a learner looks for a rate, in the words of the course."""

    core: CoreLearner
    sched: LossRecorder | LR_Finder | None
    if TYPE_CHECKING:  # at run time an annotation would make it assignable
        data: Any

    def lr_find(
        self, start_lr: Rates = 1e-5, end_lr: float = 10, wds: Rates | None = None, linear: bool = False
    ) -> None:
        """Look for a rate during one epoch (100 steps at least); then `learn.sched.plot()`. Nothing else changes."""
        self._find(start_lr, end_lr, wds, linear, max(FEWEST_STEPS, len(self.data.trn_dl)))

    def lr_find2(
        self,
        start_lr: Rates = 1e-5,
        end_lr: float = 10,
        num_it: int = 100,
        wds: Rates | None = None,
        linear: bool = False,
        stop_dv: bool = True,
    ) -> None:
        """Look for a rate during `num_it` steps, with the loss of a validation batch after each of them.

        `learn.sched.plot()` draws both losses. The search ends where the loss explodes, so `stop_dv` is True.
        """
        if not stop_dv:
            raise ValueError("The search ends where the loss explodes: leave `stop_dv=False` out.")
        self._find(start_lr, end_lr, wds, linear, num_it, validate=True)

    def _find(
        self, start_lr: Rates, end_lr: float, wds: Rates | None, linear: bool, steps: int, *, validate: bool = False
    ) -> None:
        found = self.core.lr_find(start_lr, end_lr, wds, linear=linear, steps=steps, trials=False, validate=validate)
        self.sched = LR_Finder(found)
