"""What the course's learner has and this one answers with a sentence."""

from typing import Any

PRECISION = (
    "The precision is chosen when a learner is made (`ConvLearner.pretrained(..., accelerate=True)`, or "
    '`keras.mixed_precision.set_global_policy("mixed_float16")` before): `half()` and `float()` change nothing.'
)
UNSUPPORTED = {
    "norm_wds": "scale `wds` yourself",
    "wds_sched_mult": "weight decay follows the rate by itself",
    "data_list": "call `set_data` between two fits",
    "cut": "give the phases the epochs that you want",
}


class Refused:
    """Methods that say what to write instead."""

    def fit_gen(self, *arguments: Any, **others: Any) -> None:
        """Refused: it is what the course's `fit` calls."""
        raise NotImplementedError("`fit_gen` is inside the course's `fit`; write `learn.fit(lrs, n_cycle, wds, ...)`.")

    def lsuv_init(self, *arguments: Any, **others: Any) -> None:
        """Refused: layers are initialised by Keras."""
        raise NotImplementedError(
            "`lsuv_init` is not there; give the layers of your model a `kernel_initializer`, such as "
            '"he_normal", when you make them.'
        )

    def half(self) -> None:
        """Say where the precision is chosen; nothing changes."""
        print(PRECISION)

    def float(self) -> None:
        """Say where the precision is chosen; nothing changes."""
        print(PRECISION)


def supported(arguments: dict[str, Any]) -> dict[str, Any]:
    """Return the arguments without those that are not there; raise where one of these asks for something."""
    for name, value in arguments.items():
        if name in UNSUPPORTED and value:
            raise ValueError(f"`{name}` is not there: {UNSUPPORTED[name]}.")
    return {name: value for name, value in arguments.items() if name not in UNSUPPORTED}
