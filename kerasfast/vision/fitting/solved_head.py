"""Fits the head of an image learner to stored features: a linear head is solved, any other one trained by steps."""

import math
from typing import Any

import keras
import numpy as np

from kerasfast.basics.bars import say
from kerasfast.losses import ClassLoss
from kerasfast.optimizing.linear_fit import LinearFit, fit_linear
from kerasfast.training.training_plans import one_cycle_plan
from kerasfast.training.training_stage import Stage
from kerasfast.vision.tasks import TASKS

STEPS, RATE, WEIGHT_DECAY = 600, 1e-3, 1e-2  # of a head that is not linear: one cycle of AdamW


def linear_layers(head: keras.Model) -> tuple[keras.layers.BatchNormalization | None, keras.layers.Dense] | None:
    """Return normalisation (or None) and dense layer of a linear head on pooled features; None for any other head."""
    kinds = (keras.layers.InputLayer, keras.layers.Dropout)
    layers = [layer for layer in head.layers if not isinstance(layer, kinds)]
    if len(head.input_shape) != 2 or not layers or not isinstance(layers[-1], keras.layers.Dense):
        return None
    norm, dense = layers[0] if len(layers) == 2 else None, layers[-1]
    fits = len(layers) == 1 or isinstance(norm, keras.layers.BatchNormalization)
    return (norm, dense) if fits and len(layers) < 3 and dense.use_bias else None


def solve_head(
    head: keras.Model,
    features: np.ndarray,
    targets: np.ndarray,
    kind: str,
    loss: Any = None,
    *,
    draws: np.ndarray | None = None,
    halves: bool = False,
    seed: int = 42,
) -> LinearFit | None:
    """Fit a linear head to features and write the solution into its layers, if it is one and the loss can be solved.

    Args:
        head: Features (batch, features) to predictions.
        features: (n, features).
        targets: As those of a view: class numbers, multi-hot rows or numbers.
        kind: "single", "multi" or "regression".
        loss: The usual one of the kind (also None), or a `ClassLoss`.
        draws: (n,) how much each row counts, 1 in the mean; by default all alike.
        halves: Whether the features are maxima and then averages (`concat_pool`): the head reads the averages alone
            where that predicts held-out pictures better.
        seed: See `fit_linear`.

    Returns:
        The solution; None for any other head or loss, of which nothing is changed.
    """
    layers, task = linear_layers(head), TASKS[kind]
    if layers is None or not (loss in (None, task.loss) or (isinstance(loss, ClassLoss) and kind == "single")):
        return None
    norm, dense = layers
    weights = draws
    if kind == "single":
        targets = np.eye(dense.units, dtype=np.float32)[targets]
        if isinstance(loss, ClassLoss):
            own = 1.0 if loss.class_weights is None else targets @ np.array(loss.class_weights)
            weights = own * (np.ones(len(targets)) if draws is None else draws)
            targets = targets * (1 - loss.label_smoothing) + loss.label_smoothing / dense.units
    middle = features.shape[1] // 2
    blocks = (slice(0, middle), slice(middle, None)) if halves else (slice(None),)
    targets = targets.reshape(len(targets), -1)
    fit = fit_linear(features, targets, task.activation, weights=weights, blocks=blocks, seed=seed)
    write_solution(norm, dense, fit)
    return fit


def write_solution(norm: keras.layers.BatchNormalization | None, dense: keras.layers.Dense, fit: LinearFit) -> None:
    """Write a solution into the layers of a head, which then gives `fit.outputs` before its activation.

    A normalisation takes the features' means and deviations as its moving statistics, so that its inputs go on being
    standardised while the layers below are trained; without one the dense layer's own weights do it.
    """
    mean, scale = fit.mean, fit.scale
    if norm is not None:
        norm.moving_mean.assign(mean)
        norm.moving_variance.assign(np.maximum(scale**2 - norm.epsilon, 0))
        for variable, value in ((norm.gamma, 1.0), (norm.beta, 0.0)):
            if variable is not None:
                variable.assign(np.full(variable.shape, value))
        kernel = fit.kernel * (np.sqrt(np.maximum(scale**2, norm.epsilon)) / scale)[:, None]
        bias = fit.bias
    else:
        kernel = fit.kernel / scale[:, None]
        bias = fit.bias - mean @ kernel
    dense.kernel.assign(kernel)
    dense.bias.assign(bias)


def train_head(stage: Stage) -> None:
    """Train a head of any kind on stored features, in one cycle of at least `STEPS` steps.

    Args:
        stage: Head and features; compiled.
    """
    steps = stage.steps()
    epochs = math.ceil(STEPS / steps)
    plan = one_cycle_plan(steps, epochs, div=25.0, tail=0.1, momentum=(0.95, 0.85))
    say(f"The head is not linear on features, or the loss not the usual one: it is trained for {epochs} epochs.")
    stage.fit(plan.scaled(np.array([RATE]), np.array([WEIGHT_DECAY])), [])
