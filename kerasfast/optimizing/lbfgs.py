"""Minimises a smooth convex function of many numbers by L-BFGS, in NumPy."""

from collections import deque
from collections.abc import Callable

import numpy as np

Objective = Callable[[np.ndarray], tuple[float, np.ndarray]]
MEMORY = 10
SUFFICIENT = 1e-4  # share of the decrease promised by the slope that a step must bring
SHORTEST_STEP = 1e-8


def minimize(objective: Objective, start: np.ndarray, *, tolerance: float, max_steps: int = 500) -> np.ndarray:
    """Return where a convex function has its minimum (Liu & Nocedal, 1989, with backtracking).

    Args:
        objective: Point (n,) -> value and gradient (n,), scaled so that the curvature is about 1.
        start: (n,) the first point; its type is that of the search.
        tolerance: Stop when a step lowers the value by less than this share of it.
        max_steps: The most steps.
    """
    point, (value, gradient) = start, objective(start)
    pairs: deque[tuple[np.ndarray, np.ndarray, float]] = deque(maxlen=MEMORY)
    for _ in range(max_steps):
        direction = -_times_inverse_curvature(gradient, pairs)
        slope = float(gradient @ direction)
        if slope >= 0:
            pairs.clear()
            direction, slope = -gradient, -float(gradient @ gradient)
        step = 1.0
        while True:
            new_point = point + point.dtype.type(step) * direction
            new_value, new_gradient = objective(new_point)
            if new_value <= value + SUFFICIENT * step * slope or step < SHORTEST_STEP:
                break
            step /= 2
        if not new_value < value:
            return point
        moved, bent = new_point - point, new_gradient - gradient
        product = float(moved @ bent)
        if product > 1e-10 * float(bent @ bent) > 0:
            pairs.append((moved, bent, product))
        done = value - new_value <= tolerance * abs(new_value)
        point, value, gradient = new_point, new_value, new_gradient
        if done:
            break
    return point


def _times_inverse_curvature(gradient: np.ndarray, pairs: deque) -> np.ndarray:
    """Return the inverse of the Hessian, as the last steps show it, times the gradient."""
    result, shares = gradient.copy(), []
    for moved, bent, product in reversed(pairs):
        share = float(moved @ result) / product
        shares.append(share)
        result -= share * bent
    if pairs:
        _, bent, product = pairs[-1]
        result *= product / float(bent @ bent)
    for (moved, bent, product), share in zip(pairs, reversed(shares), strict=True):
        result += (share - float(bent @ result) / product) * moved
    return result
