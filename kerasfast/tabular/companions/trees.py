"""Boosted trees whose levels each ask one question of all rows, so that they are few arrays and a few Keras layers."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np

RATE = 0.15
DEPTH = 6
TREES = 1200  # of all parts of the rows together, at most
PATIENCE = 30  # trees that may bring nothing before it ends
BINS = 64  # between which a column is cut
ROWS = 20_000  # drawn for the questions of a tree; its leaves are filled by all
SHARE = 0.8  # of the rows, drawn for the questions of a tree where they are fewer
COLUMNS = 32  # at most, drawn for the questions of a tree
PRIOR = 3.0  # rows without a slope that each leaf begins with
SKETCHED = 3  # outputs beyond which questions are chosen by random projections of their slopes
_LEAST = 1e-6


@dataclass(frozen=True)
class Trees:
    """Trees in the order in which they were grown; their sum is the output before the activation.

    Attributes:
        start: (outputs,) what the leaves are added to.
        columns: (trees, depth) which column each level asks about.
        thresholds: (trees, depth): is it greater?
        leaves: (trees, 2**depth, outputs); the first question decides on the highest bit.
    """

    start: np.ndarray
    columns: np.ndarray
    thresholds: np.ndarray
    leaves: np.ndarray

    @property
    def arrays(self) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """The attributes in order."""
        return self.start, self.columns, self.thresholds, self.leaves

    @classmethod
    def mean(cls, several: Sequence["Trees"]) -> "Trees":
        """Return trees whose outputs are the mean of those of several."""
        parts = zip(*(trees.arrays for trees in several), strict=True)
        starts, columns, thresholds, leaves = parts
        leaves = np.concatenate(leaves) / np.float32(len(several))
        return cls(np.mean(starts, axis=0), np.concatenate(columns), np.concatenate(thresholds), leaves)

    def outputs(self, values: np.ndarray) -> np.ndarray:
        """Return the outputs (n, outputs) of values (n, columns), before the activation."""
        found = np.tile(self.start, (len(values), 1))
        for columns, thresholds, leaves in zip(self.columns, self.thresholds, self.leaves, strict=True):
            found += leaves[_leaf(values[:, columns] > thresholds)]
        return found


@dataclass(frozen=True)
class Loss:
    """Squared errors for "linear", cross-entropy for "softmax" and "sigmoid"; of outputs before the activation."""

    activation: str

    def start(self, targets: np.ndarray, weights: np.ndarray) -> np.ndarray:
        """Return the outputs (outputs,) that fit all rows best."""
        mean = np.average(targets, axis=0, weights=weights)
        if self.activation == "linear":
            return mean
        odds = np.clip(mean, _LEAST, 1 - _LEAST)
        return np.log(odds) - (np.log1p(-odds) if self.activation == "sigmoid" else 0)

    def answers(self, outputs: np.ndarray) -> np.ndarray:
        """Return what the activation makes of outputs (n, outputs)."""
        if self.activation == "linear":
            return outputs
        if self.activation == "sigmoid":
            return 0.5 + 0.5 * np.tanh(outputs / 2)
        powers = np.exp(outputs - outputs.max(axis=1, keepdims=True))
        return powers / powers.sum(axis=1, keepdims=True)

    def losses(self, targets: np.ndarray, answers: np.ndarray) -> np.ndarray:
        """Return the loss (n,) of answers (n, outputs)."""
        if self.activation == "linear":
            return np.square(answers - targets).sum(axis=1)
        found = -targets * np.log(np.maximum(answers, _LEAST))
        if self.activation == "sigmoid":
            found -= (1 - targets) * np.log(np.maximum(1 - answers, _LEAST))
        return found.sum(axis=1)

    def slopes(self, targets: np.ndarray, outputs: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return by how much each output (n, outputs) should grow, and the curvature there."""
        answers = self.answers(outputs)
        curvature = (
            np.ones_like(answers) if self.activation == "linear" else np.maximum(answers * (1 - answers), _LEAST)
        )
        return targets - answers, curvature


@dataclass
class Grower:
    """Grows trees one by one on rows that it keeps the outputs of.

    Args:
        values: (n, columns), finite.
        targets: (n, outputs): probabilities, or standardised numbers for "linear".
        activation: "linear", "softmax" or "sigmoid".
        weights: (n,) of the rows.
        seed: Of the rows drawn for the questions of each tree.
    """

    values: np.ndarray
    targets: np.ndarray
    activation: str
    weights: np.ndarray
    seed: int = 0
    _edges: list[np.ndarray] = field(init=False)
    _bins: np.ndarray = field(init=False)

    def __post_init__(self) -> None:
        random = np.random.default_rng(self.seed)
        sample = random.permutation(len(self.values))[: 4 * ROWS]
        self._edges = [edges(column) for column in self.values[sample].T]
        self._bins = np.stack(
            [np.searchsorted(cuts, column) for cuts, column in zip(self._edges, self.values.T, strict=True)]
        ).astype(np.uint8)

    def trees(self, most: int) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
        """Yield (columns, thresholds, leaves) of up to so many trees, none where no column varies."""
        random, loss = np.random.default_rng([self.seed, 1]), Loss(self.activation)
        outputs = np.tile(loss.start(self.targets, self.weights), (len(self.targets), 1)).astype(np.float32)
        cuts = np.array([len(one) for one in self._edges])
        for _ in range(most if cuts.any() else 0):
            slopes, curvature = loss.slopes(self.targets, outputs)
            slopes, curvature = slopes * self.weights[:, None], curvature * self.weights[:, None]
            drawn = random.permutation(len(outputs))[: min(ROWS, round(SHARE * len(outputs)))]
            sketch, curved = _sketched(slopes[drawn], random), curvature[drawn].mean(axis=1)
            questions = self._questions(drawn, sketch, curved, cuts, random)
            leaf = _leaf(np.stack([self._bins[column] > place for column, place in questions], axis=1))
            leaves = _filled(leaf, slopes, curvature)
            outputs += leaves[leaf]
            thresholds = [self._edges[column][place] for column, place in questions]
            yield np.array([column for column, _ in questions]), np.array(thresholds, np.float32), leaves

    def _questions(
        self,
        drawn: np.ndarray,
        slopes: np.ndarray,
        curvature: np.ndarray,
        cuts: np.ndarray,
        random: np.random.Generator,
    ) -> list[tuple[int, int]]:
        """Return (column, number of its edge) of each level: the one that lowers the loss of all leaves most."""
        some = np.sort(random.permutation(np.flatnonzero(cuts))[:COLUMNS])
        columns, width = len(some), int(cuts.max()) + 1
        places = self._bins[np.ix_(some, drawn)] + width * np.arange(columns)[:, None]
        allowed = np.arange(width - 1) < cuts[some][:, None]
        sums_of = [np.tile(numbers.astype(float), columns) for numbers in (curvature, *slopes.T)]
        node, least, found = np.zeros(len(drawn), np.int64), PRIOR * curvature.mean(), []
        for level in range(DEPTH):
            index, size = (places + node * (columns * width)).ravel(), 2**level * columns * width
            sums = [np.bincount(index, one, size).reshape(-1, columns, width).cumsum(axis=2) for one in sums_of]
            below, total = sums[0][:, :, :-1], sums[0][:, :, -1:]
            gain = 0
            for part in sums[1:]:
                left, right = part[:, :, :-1], part[:, :, -1:] - part[:, :, :-1]
                gain = gain + left * left / (below + least) + right * right / (total - below + least)
            best, place = divmod(int(np.where(allowed, gain.sum(axis=0), -np.inf).argmax()), width - 1)
            found.append((int(some[best]), place))
            node = 2 * node + (self._bins[some[best], drawn] > place)
        return found


def edges(column: np.ndarray) -> np.ndarray:
    """Return where to cut a column: between its different values, or between quantiles where these are many."""
    values, counts = np.unique(column, return_counts=True)
    if len(values) > BINS:
        ends = np.searchsorted(counts.cumsum(), np.arange(1, BINS) / BINS * len(column))
        ends = np.unique(np.minimum(ends, len(values) - 2))
        return ((values[ends] + values[ends + 1]) / 2).astype(np.float32)
    return ((values[1:] + values[:-1]) / 2).astype(np.float32)


def grown(
    values: np.ndarray,
    targets: np.ndarray,
    activation: str,
    weights: np.ndarray,
    *,
    held: tuple[np.ndarray, np.ndarray, np.ndarray] | None = None,
    most: int = TREES,
    seed: int = 0,
) -> Trees:
    """Grow trees, for as long as rows that were held out gain by them where there are such rows.

    Args:
        values, targets, activation, weights, seed: As in `Grower`.
        held: Values, targets and weights of further rows.
        most: At most so many trees.
    """
    loss, grower = Loss(activation), Grower(values, targets, activation, weights, seed)
    start, found, best = loss.start(targets, weights).astype(np.float32), [], 0
    if held is not None:
        outputs = np.tile(start, (len(held[0]), 1))
        lowest = np.average(loss.losses(held[1], loss.answers(outputs)), weights=held[2])
    for columns, thresholds, leaves in grower.trees(most):
        found.append((columns, thresholds, leaves))
        if held is None:
            best = len(found)
            continue
        outputs += leaves[_leaf(held[0][:, columns] > thresholds)]
        now = np.average(loss.losses(held[1], loss.answers(outputs)), weights=held[2])
        if now < lowest:
            lowest, best = now, len(found)
        elif len(found) - best >= PATIENCE:
            break
    if not best:
        depth, width = DEPTH, targets.shape[1]
        empty = np.zeros((0, depth), int), np.zeros((0, depth), np.float32), np.zeros((0, 2**depth, width), np.float32)
        return Trees(start, *empty)
    return Trees(start, *(np.stack(part) for part in zip(*found[:best], strict=True)))


def _leaf(answers: np.ndarray) -> np.ndarray:
    """Return the leaf (n,) of answers (n, depth)."""
    return answers @ (2 ** np.arange(answers.shape[1])[::-1])


def _filled(leaf: np.ndarray, slopes: np.ndarray, curvature: np.ndarray) -> np.ndarray:
    """Return what each leaf adds to the outputs, (2**depth, outputs)."""
    count = lambda numbers: np.stack([np.bincount(leaf, one, 2**DEPTH) for one in numbers.T], axis=1)
    steps = count(slopes) / (count(curvature) + PRIOR * curvature.mean(axis=0))
    return (RATE * steps).astype(np.float32)


def _sketched(slopes: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Return slopes (n, outputs) or few random projections of them."""
    outputs = slopes.shape[1]
    return slopes if outputs <= SKETCHED else slopes @ random.normal(size=(outputs, SKETCHED)) / SKETCHED**0.5
