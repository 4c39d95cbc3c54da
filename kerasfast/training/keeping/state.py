"""The state of a training beside the weights: taken from a stage, and put back into one."""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np

from kerasfast.optimizing.control import control_of
from kerasfast.optimizing.groups import LayerGroups
from kerasfast.training.callbacks import Recorder
from kerasfast.training.keeping.progress import FitProgress
from kerasfast.training.keeping.saved_weights import TrainingState
from kerasfast.training.lr_finder import LearningRateSearch
from kerasfast.training.training_plans import Plan
from kerasfast.training.training_stage import Stage

_SLOT = "slot_"
_SEARCH, _TRIED = ("learning_rates", "losses"), "tried_rates"
_PLAN = ("learning_rates", "momentum", "weight_decays")


@dataclass(frozen=True)
class BrokenOffFit:
    """A fit during which weights were saved: what it follows, and how far it had come."""

    plan: Plan
    progress: FitProgress


def state_of(stage: Stage, groups: LayerGroups, search: LearningRateSearch | None, recorder: Recorder) -> TrainingState:
    """Return what goes on file with a learner's weights.

    Args:
        stage: What is trained at present.
        groups: The layer groups of the whole model.
        search: The finder's last result.
        recorder: Of the present fit, where there is one.
    """
    optimizer = stage.model.optimizer if stage.model.compiled else None
    record: dict[str, Any] = {"epochs": stage.epochs, "trainable": groups.trainable, "bn_frozen": groups.bn_frozen}
    arrays = {}
    control = control_of(optimizer)
    if control is not None:
        record["optimizer"] = {
            "class": type(control.optimizer).__name__,
            "names": [variable.name for variable in optimizer.variables],
            "learning_rates": control.learning_rates.tolist(),
            "weight_decays": control.weight_decays.tolist(),
        }
        arrays |= {f"{_SLOT}{i:05d}": _saved(variable) for i, variable in enumerate(optimizer.variables)}
    if search is not None:
        record["search"] = {"diverged": search.diverged}
        arrays |= {name: getattr(search, name) for name in _SEARCH}
        arrays[_TRIED] = np.array(list(search.tried.items())).reshape(-1, 2)
    if stage.place is not None:
        plan, moment = stage.place.plan, stage.place.moment
        progress, own = FitProgress.of(stage, recorder, moment).stored()
        record["fit"] = {
            "epochs": plan.epochs,
            "cycle_ends": [int(end) for end in plan.cycle_ends],
            "progress": progress,
        }
        tables = {name: getattr(plan, name) for name in _PLAN}
        arrays |= {f"plan_{name}": table for name, table in tables.items() if table is not None}
        arrays |= {f"fit_{name}": array for name, array in own.items()}
    return TrainingState(record, arrays)


def fit_in(state: TrainingState) -> BrokenOffFit | None:
    """Return the fit during which the state was saved."""
    if "fit" not in state.record:
        return None
    record = state.record["fit"]
    tables = {name: state.arrays.get(f"plan_{name}") for name in _PLAN}
    own = {name.removeprefix("fit_"): array for name, array in state.arrays.items() if name.startswith("fit_")}
    plan = Plan(record["epochs"], cycle_ends=tuple(record["cycle_ends"]), **tables)
    return BrokenOffFit(plan, FitProgress.read(record["progress"], own))


def search_in(state: TrainingState) -> LearningRateSearch | None:
    """Return the finder's result that was saved."""
    if "search" not in state.record:
        return None
    curve = (state.arrays[name] for name in _SEARCH)
    tried = {float(rate): float(loss) for rate, loss in state.arrays.get(_TRIED, ())}
    return LearningRateSearch(*curve, state.record["search"]["diverged"], tried)


def restore_groups(groups: LayerGroups, state: TrainingState) -> None:
    """Freeze and train the layer groups that were frozen and trained; other groups than these stay as they are."""
    trainable = state.record["trainable"]
    if len(trainable) == len(groups):
        groups.bn_freeze(state.record["bn_frozen"])
        groups.train_exactly(trainable)


def restore_optimizer(stage: Stage, state: TrainingState) -> None:
    """Put rates and slots back into the optimizer of a compiled stage; warn where they do not fit.

    An optimizer of the head alone, as stored activations have it, and one of the whole network give each other the
    slots that both have.
    """
    control, saved = control_of(stage.model.optimizer), state.record["optimizer"]
    variables = stage.model.optimizer.variables
    slots = [array for name, array in sorted(state.arrays.items()) if name.startswith(_SLOT)]
    pairs = _matched(slots, saved["names"], variables)
    if type(control.optimizer).__name__ != saved["class"] or pairs is None:
        warnings.warn(
            f"The saved state is of an {saved['class']} with {len(slots)} variables, the learner's optimizer is an "
            f"{type(control.optimizer).__name__} with {len(variables)}; it begins anew.",
            stacklevel=3,
        )
        return
    if len(saved["learning_rates"]) == control.size:
        control.set_rates(np.array(saved["learning_rates"]), np.array(saved["weight_decays"]))
    for slot, variable in pairs:
        variable.assign(slot)


def _matched(
    slots: Sequence[np.ndarray], names: Sequence[str], variables: Sequence[keras.Variable]
) -> list[tuple[np.ndarray, keras.Variable]] | None:
    """Return saved slots with the variables they belong to, by position or else by name; None where they do not fit."""
    if len(slots) == len(variables):
        # Automatic names (`dense_7`) depend on what was built before in the same process.
        pairs = list(zip(slots, variables, strict=True))
    else:
        places = {variable.name: variable for variable in variables}
        pairs = [(slot, places[name]) for slot, name in zip(slots, names, strict=True) if name in places]
    fits = all(tuple(slot.shape) == tuple(variable.shape) for slot, variable in pairs)
    return pairs if fits and len(pairs) == min(len(slots), len(variables)) else None


def _saved(variable: keras.Variable) -> np.ndarray:
    value = keras.ops.convert_to_numpy(variable)
    # HDF5 knows no bfloat16.
    return value if value.dtype.kind in "fiub" else value.astype(np.float32)
