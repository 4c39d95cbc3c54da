"""Optimizers for layer groups: any plain Keras optimizer, with a rate and a weight decay per group."""

import keras

from kerasfast.optimizing.control import GroupControl, control_of, ensure_built
from kerasfast.optimizing.graph_values import value_of
from kerasfast.optimizing.rates import Rates, per_group


def grouped(
    optimizer: type[keras.optimizers.Optimizer] | keras.optimizers.Optimizer,
    groups,
    *,
    learning_rates: Rates | None = None,
    weight_decays: Rates | None = None,
    **arguments,
) -> keras.optimizers.Optimizer:
    """Return a plain Keras optimizer that gives each layer group its own rate and weight decay.

    It equals, to float32 rounding, one independent optimizer per group, except that norm clipping sees the whole model.
    Assigning `optimizer.learning_rate` (as `ReduceLROnPlateau` does) scales every group in proportion.

    Args:
        optimizer: An optimizer class (built-in or your own), or an instance: a new one, or one that was loaded with its
            model, whose slots go on (give the result to `compile`) and which needs its rates again, as a saved model
            holds only the largest.
        groups: `LayerGroups` of the model that will be trained.
        learning_rates: One rate, or one per group; the optimizer's own by default.
        weight_decays: One decoupled weight decay (as in AdamW, times the group's rate), or one per group.
        **arguments: What the optimizer class takes besides, such as `momentum=0.9`.

    Returns:
        The optimizer, for `model.compile`.

    Raises:
        ValueError: If the number of values is neither one nor the number of groups, the instance has groups already, or
            it has trained and no rates are given.

    Example:
        >>> model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(4), keras.layers.Dense(1)])
        >>> groups = kf.LayerGroups.split(model, [1])
        >>> optimizer = grouped(keras.optimizers.SGD, groups, learning_rates=[1e-3, 1e-2], momentum=0.9)
        >>> model.compile(optimizer, loss="mse")
        >>> round(float(optimizer.learning_rate), 4)      # the largest
        0.01
    """
    if not hasattr(groups, "all_variables"):
        raise ValueError(
            f"`groups` must be `LayerGroups`, such as `LayerGroups.split` makes; received {groups!r:.100}."
        )
    made = isinstance(optimizer, keras.optimizers.Optimizer)
    if not made and not (isinstance(optimizer, type) and issubclass(optimizer, keras.optimizers.Optimizer)):
        raise ValueError(
            f"`optimizer` must be an optimizer or a class, such as `keras.optimizers.SGD`; received {optimizer!r:.100}."
        )
    if learning_rates is not None:
        learning_rates = per_group("learning_rates", learning_rates, len(groups))
    if weight_decays is not None:
        weight_decays = per_group("weight_decays", weight_decays, len(groups))
    if isinstance(optimizer, type):
        optimizer = optimizer(**arguments)
    elif arguments:
        raise ValueError(
            f"{sorted(arguments)} go with an optimizer class; received an instance of {type(optimizer).__name__}."
        )
    if control_of(optimizer) is not None:
        raise ValueError(f"This {type(optimizer).__name__} has layer groups already; make another, or load it anew.")
    updates = int(value_of(optimizer.iterations)) if optimizer.built else 0
    if updates and learning_rates is None and len(groups) > 1:
        raise ValueError(
            f"This {type(optimizer).__name__} has made {updates} updates, and of the rates of its groups a saved model "
            "holds only the largest. Pass `learning_rates`, one or one per group."
        )
    optimizer, _ = ensure_built(optimizer, groups.all_variables)
    control = GroupControl(optimizer, groups.variables, fuse=True)
    control.set_rates(learning_rates, weight_decays)
    return optimizer
