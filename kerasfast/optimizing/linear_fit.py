"""Solves a linear layer on stored features to convergence, with a weight decay that cross-validation chooses."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from kerasfast.optimizing.lbfgs import minimize

DECAYS = (10.0, 1.0, 0.1, 0.01, 1e-3, 1e-4, 1e-5)
"""Weight decays that are tried, from strong to weak, until one predicts held-out rows worse than the one before."""
FOLDS = 5
HELD_OUT_ROWS = 1000
"""Folds are held out until so many rows were, or all."""
ROUGH, FINE = 1e-4, 1e-5  # relative improvement of the loss at which a search ends
NEGLIGIBLE = 1e-7  # share of the largest variance below which a direction is rounding


@dataclass(frozen=True)
class LinearFit:
    """A linear layer on standardised features.

    Attributes:
        mean: (features,) mean of each feature.
        scale: (features,) what each feature is divided by.
        kernel: (features, units), for standardised features.
        bias: (units,).
        weight_decay: What cross-validation chose; half of it times the squared kernel's sum is added to the mean loss.
        tried: Weight decay -> mean loss of held-out rows.
    """

    mean: np.ndarray
    scale: np.ndarray
    kernel: np.ndarray
    bias: np.ndarray
    weight_decay: float
    tried: dict[float, float]

    def __str__(self) -> str:
        held_out = f"; the loss of held-out rows of them was {min(self.tried.values()):.4g}" if self.tried else ""
        return f"weight decay {self.weight_decay:.2g}{held_out}"

    def outputs(self, features: np.ndarray) -> np.ndarray:
        """Return the outputs (n, units) before the activation."""
        return ((features - self.mean) / self.scale) @ self.kernel + self.bias


def fit_linear(
    features: np.ndarray,
    targets: np.ndarray,
    activation: str,
    *,
    weights: np.ndarray | None = None,
    blocks: Sequence[slice] = (slice(None),),
    seed: int = 42,
) -> LinearFit:
    """Fit a linear layer by L-BFGS: cross-entropy for "softmax" and "sigmoid", squared errors for "linear".

    Args:
        features: (n, features).
        targets: (n, units) probabilities, such as one-hot rows; numbers for "linear".
        activation: "softmax", "sigmoid" or "linear".
        weights: (n,) weights of the rows; all alike by default.
        blocks: Columns of different kinds, each scaled by itself. Fitted are those of the last block alone or all,
            whichever predicts held-out rows better; the kernel is 0 for the rest.
        seed: Of the division into folds, in which classes keep their shares.

    Returns:
        The layer, fitted to all rows with the weight decay that predicted held-out rows best.
    """
    features = np.asarray(features, np.float32).reshape(len(features), -1)
    targets = np.asarray(targets, np.float32)
    parts = [_scale(features[:, block]) for block in blocks]
    mean, scale = (np.concatenate(values) for values in zip(*parts, strict=True))
    scaled = (features - mean) / scale
    centre, unit = _target_scale(targets, activation)
    weights = np.ones(len(targets), np.float32) if weights is None else np.asarray(weights, np.float32)
    best = None
    for columns in blocks[-1:] if len(blocks) == 1 else (blocks[-1], slice(None)):
        rows, basis, variances = _rotated(scaled[:, columns])
        problem = _Problem(rows, variances, (targets - centre) / unit, weights, activation)
        decay, tried = _chosen(problem, seed)
        loss = min(tried.values(), default=0.0)
        if best is None or loss < best[0]:
            best = loss, columns, basis, problem, decay, tried
    _, columns, basis, problem, decay, tried = best
    solved, bias = problem.solution(decay, FINE)
    kernel = np.zeros((features.shape[1], targets.shape[1]), np.float32)
    kernel[columns] = basis @ solved * unit
    return LinearFit(mean, scale, kernel, bias * unit + centre, decay, tried)


def out_of_fold(
    fit: LinearFit,
    features: np.ndarray,
    targets: np.ndarray,
    activation: str,
    fold_of: np.ndarray,
    *,
    weights: np.ndarray | None = None,
) -> np.ndarray:
    """Return the outputs (n, units) of each row by a layer that was fitted, as `fit` was, to the rows of other folds.

    Args:
        fit: A layer of all features, fitted to the same rows: its scales and weight decay are used again.
        features, targets, activation, weights: As in `fit_linear`.
        fold_of: (n,) the number of the fold of each row.
    """
    centre, unit = _target_scale(targets, activation)
    rows, _, variances = _rotated((features - fit.mean) / fit.scale)
    weights = np.ones(len(targets), np.float32) if weights is None else weights
    problem = _Problem(rows, variances, (targets - centre) / unit, weights, activation)
    found = np.empty(targets.shape, np.float32)
    for fold in np.unique(fold_of):
        kernel, bias = problem.part(fold_of != fold).solution(fit.weight_decay, ROUGH)
        found[fold_of == fold] = rows[fold_of == fold] @ kernel + bias
    return found * unit + centre


@dataclass(frozen=True)
class _Problem:
    """Rows along the principal axes of the features, where the search is well-conditioned, and what to fit.

    Attributes:
        rows: (n, axes).
        variances: (axes,) of the rows.
        targets: (n, units).
        weights: (n,).
        activation: As in `fit_linear`.
    """

    rows: np.ndarray
    variances: np.ndarray
    targets: np.ndarray
    weights: np.ndarray
    activation: str
    start: list[np.ndarray] = field(default_factory=list)

    def part(self, chosen: np.ndarray) -> "_Problem":
        """Return the problem of some rows."""
        return replace(
            self, rows=self.rows[chosen], targets=self.targets[chosen], weights=self.weights[chosen], start=[]
        )

    def solution(self, decay: float, tolerance: float) -> tuple[np.ndarray, np.ndarray]:
        """Return the kernel (axes, units) and the bias (units,), beginning at the solution found last."""
        units = self.targets.shape[1]
        curvature = {"linear": 1.0, "sigmoid": 0.25, "softmax": 2 * (units - 1) / units**2}[self.activation]
        variances = np.append(self.variances, 1.0)[:, None]  # the bias is the kernel of a column of ones
        decays = np.append(np.full(len(self.variances), decay), 0.0)[:, None]
        scale = (1 / np.sqrt(curvature * variances + decays)).astype(np.float32)
        decays = decays.astype(np.float32)

        def objective(point: np.ndarray) -> tuple[float, np.ndarray]:
            kernel = point.reshape(-1, units) * scale
            loss, slopes = self.loss(kernel)
            gradient = np.concatenate([self.rows.T @ slopes, slopes.sum(axis=0, keepdims=True)]) + decays * kernel
            return loss + 0.5 * float(np.sum(decays * kernel * kernel)), (gradient * scale).ravel()

        start = self.start[-1] / scale if self.start else np.zeros((len(scale), units), np.float32)
        kernel = minimize(objective, start.ravel(), tolerance=tolerance).reshape(-1, units) * scale
        self.start[:] = [kernel]
        return kernel[:-1], kernel[-1]

    def loss(self, kernel: np.ndarray) -> tuple[float, np.ndarray]:
        """Return the mean loss and its slopes (n, units) by output, of a kernel whose last row is the bias."""
        outputs = self.rows @ kernel[:-1] + kernel[-1]
        if self.activation == "linear":
            slopes = outputs - self.targets
            losses = 0.5 * np.sum(slopes**2, axis=1)
        elif self.activation == "sigmoid":
            powers = np.exp(-np.abs(outputs))
            losses = np.sum(np.maximum(outputs, 0) - outputs * self.targets + np.log1p(powers), axis=1)
            slopes = np.where(outputs >= 0, 1, powers) / (1 + powers) - self.targets
        else:
            outputs -= outputs.max(axis=1, keepdims=True)
            powers = np.exp(outputs)
            sums = powers.sum(axis=1, keepdims=True)
            losses = np.log(sums[:, 0]) - np.sum(outputs * self.targets, axis=1)
            slopes = powers / sums - self.targets
        total = float(self.weights.sum(dtype=np.float64))
        slopes *= (self.weights / total)[:, None]
        return float(np.sum(losses * self.weights, dtype=np.float64)) / total, slopes


def _scale(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the mean of each column, and what to divide it by: its deviation, raised by the mean deviation of all.

    What hardly varies in these rows may well in others, and would be blown up by its own deviation alone.
    """
    mean, deviation = values.mean(axis=0, dtype=np.float64), values.std(axis=0, dtype=np.float64)
    scale = np.hypot(deviation, deviation.mean())
    scale[scale == 0] = 1
    return mean.astype(np.float32), scale.astype(np.float32)


def _target_scale(targets: np.ndarray, activation: str) -> tuple[np.ndarray, np.ndarray]:
    """Return what is subtracted from targets and what they are divided by: nothing where they are probabilities."""
    if activation != "linear":
        return np.float32(0), np.float32(1)
    unit = targets.std(axis=0)
    return targets.mean(axis=0), np.where(unit == 0, np.float32(1), unit)


def _rotated(rows: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the rows along their principal axes, the axes as columns, and the variance along each.

    A penalty on the squared kernel is the same in these coordinates, of which there are no more than rows.
    """
    wide = rows.shape[1] > len(rows)
    products = (rows @ rows.T if wide else rows.T @ rows).astype(np.float64)
    squares, axes = np.linalg.eigh(products)
    kept = squares > NEGLIGIBLE * squares[-1]
    squares, axes = squares[kept], axes[:, kept]
    if wide:
        lengths = np.sqrt(squares)
        along, axes = (axes * lengths).astype(np.float32), (rows.T @ (axes / lengths).astype(np.float32))
    else:
        axes = axes.astype(np.float32)
        along = rows @ axes
    return along, axes, squares / len(rows)


def _chosen(problem: _Problem, seed: int) -> tuple[float, dict[float, float]]:
    """Return the weight decay that predicts held-out rows best, between those that were tried, and what was tried."""
    folds = [(problem.part(~held), problem.part(held)) for held in _folds(problem, seed)]
    if not folds:
        return 1.0, {}
    tried: dict[float, float] = {}
    for decay in DECAYS:
        losses = []
        for kept, held in folds:
            kernel, bias = kept.solution(decay, ROUGH)
            losses.append((held.loss(np.vstack([kernel, bias]))[0], len(held.rows)))
        values, counts = zip(*losses, strict=True)
        tried[decay] = float(np.average(values, weights=counts))
        if tried[decay] > min(tried.values()):
            break
    return _lowest(np.log(list(tried)), np.array(list(tried.values()))), tried


def _folds(problem: _Problem, seed: int) -> Iterator[np.ndarray]:
    """Yield masks (n,) of the rows held out by each fold, in which classes keep their shares."""
    count = len(problem.rows)
    classes = problem.targets.argmax(axis=1) if problem.activation == "softmax" else np.zeros(count)
    order = np.random.default_rng(seed).permutation(count)
    order = order[np.argsort(classes[order], kind="stable")]
    fold_of = np.empty(count, int)
    fold_of[order] = np.arange(count) % FOLDS
    for fold in range(min(FOLDS, count) if count > 1 else 0):
        held = fold_of == fold
        if fold * held.sum() >= HELD_OUT_ROWS:
            return
        yield held


def _lowest(places: np.ndarray, heights: np.ndarray) -> float:
    """Return the exponential of where a parabola through the lowest point and its neighbours is lowest."""
    lowest = int(np.argmin(heights))
    if not 0 < lowest < len(heights) - 1:
        return float(np.exp(places[lowest]))
    fit = np.polynomial.Polynomial.fit(places[lowest - 1 : lowest + 2], heights[lowest - 1 : lowest + 2], 2)
    return float(np.exp(fit.deriv().roots()[0].real))
