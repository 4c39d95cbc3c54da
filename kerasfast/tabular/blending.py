"""What an ensemble of networks is mixed with after training: a linear model and boosted trees of the same rows."""

from collections.abc import Mapping
from dataclasses import dataclass

import keras
import numpy as np

from kerasfast.tabular.companions import linear, trees
from kerasfast.tabular.companions.levels import LevelMeans, count_told, means_before, told_apart
from kerasfast.tabular.companions.shares import best_shares
from kerasfast.tabular.encoding.targets import Target
from kerasfast.tabular.networks.beside import PARTS, set_mixture
from kerasfast.tabular.networks.ensemble import NumberSpread
from kerasfast.tabular.pipeline.rows import Rows
from kerasfast.tabular.predictor import predict_rows

MANY = 5_000  # rows from which four parts are left out in turn, instead of one for each member
GROUPS = 8  # of trees that are asked together: all at once would take hundreds of megabytes
JUDGED = 20_000  # rows that decide on the shares


@dataclass(frozen=True)
class _Table:
    """Encoded rows as the companions read them.

    Attributes:
        numbers: (n, columns) drawn in and standardised.
        codes: (n, columns).
        targets: (n, outputs) probabilities, or standardised numbers.
        told: The columns of the targets whose means by level are taken.
        weights: (n,).
        cardinalities: Number of codes by column.
        activation: Of the answers.
    """

    numbers: np.ndarray
    codes: np.ndarray
    targets: np.ndarray
    told: np.ndarray
    weights: np.ndarray
    cardinalities: Mapping[str, int]
    activation: str

    def part(self, chosen: np.ndarray) -> "_Table":
        """Return some of the rows."""
        of = lambda array: array[chosen]
        return _Table(
            of(self.numbers), of(self.codes), of(self.targets), of(self.told), of(self.weights),
            self.cardinalities, self.activation,
        )  # fmt: skip

    def means(self) -> LevelMeans:
        """Return the means of the target by level."""
        return LevelMeans.of(self.codes, self.told, self.weights, self.cardinalities)

    def known(self, means: LevelMeans | None, seed: int = 0) -> np.ndarray:
        """Return what trees ask about: numbers, means by level and codes, with which they can tell single levels apart.

        Without `means` no row's own target is in them.
        """
        own = means_before(self.codes, self.told, self.weights, seed) if means is None else means.numbers(self.codes)
        return np.concatenate([self.numbers, own, self.codes], axis=1, dtype=np.float32)


@dataclass(frozen=True)
class Companions:
    """A linear model and boosted trees, for which a model has room beside its networks.

    Attributes:
        spread: Of the numbers.
        cardinalities: Number of codes by categorical column.
        target: What is predicted.
        activation: Of the answers.
    """

    spread: NumberSpread | None
    cardinalities: Mapping[str, int]
    target: Target
    activation: str

    @property
    def room(self) -> tuple[int, tuple[int, int, int]]:
        """The `companions` of `ensemble_model`."""
        return count_told(len(self.target.classes), self.activation), (GROUPS, trees.TREES // GROUPS, trees.DEPTH)

    def mix_in(
        self, model: keras.Model, members: keras.Model, rows: Rows, held: np.ndarray, seed: int
    ) -> dict[str, float]:
        """Fit both, and mix them with the networks in the shares that answer rows best which were held out.

        Args:
            model: The mean of the members, with the layers of `networks.beside`.
            members: Gives each member's answer (b, members, outputs).
            rows: Training rows.
            held: (rows, members) which rows each member did not train on.
            seed: Of all draws.

        Returns:
            The share of each part.
        """
        table, fold_of = _table(rows, self), _folds(held)
        judged = np.random.default_rng(seed).permutation(np.flatnonzero(fold_of >= 0))[:JUDGED]
        own = np.asarray(predict_rows(members, rows.take(judged)), np.float64)
        asked = held[judged][:, :, None]
        own = (own * asked).sum(axis=1) / asked.sum(axis=1)
        if self.activation == "linear":
            own = (own - self.target.scale.mean) / self.target.scale.deviation
        solved, of_linear = _linear(table, fold_of, judged, seed)
        grown, means, of_trees = _trees(table, fold_of, seed)
        answers = np.stack([own, of_linear[judged], of_trees[judged]])
        shares = best_shares(answers, table.targets[judged], self.activation, table.weights[judged])
        together = np.concatenate(means.tables) if means.tables else np.zeros((0, 1))
        set_mixture(model, shares, (solved.kernel, solved.bias, solved.terms), together, grown.arrays)
        return dict(zip(PARTS, shares.tolist(), strict=True))


def _folds(held: np.ndarray) -> np.ndarray:
    """Return the number of the part (rows,) with which each row is left out, -1 for never."""
    fold_of = np.where(held.any(axis=1), held.argmax(axis=1), -1)
    return np.where(fold_of >= 0, fold_of % 4, -1) if len(held) > MANY else fold_of


def _linear(table: _Table, fold_of: np.ndarray, judged: np.ndarray, seed: int) -> tuple[linear.LinearPart, np.ndarray]:
    """Return a linear model and answers (n, outputs), to the rows `judged` by a model that did not see them."""
    chosen = np.union1d(judged, np.random.default_rng(seed).permutation(len(fold_of))[: linear.ROWS])
    counts = list(table.cardinalities.values())
    part = table.part(chosen)
    levels = part.codes + np.append(0, np.cumsum(counts)[:-1]).astype(int) if counts else part.codes
    solved, found = linear.solved(
        part.numbers, levels, sum(counts), part.targets, part.activation, part.weights, fold_of[chosen], seed
    )
    outputs = np.zeros(table.targets.shape, np.float32)
    outputs[chosen] = found
    return solved, trees.Loss(table.activation).answers(outputs)


def _trees(table: _Table, fold_of: np.ndarray, seed: int) -> tuple[trees.Trees, LevelMeans, np.ndarray]:
    """Return the mean of the trees of all parts, means by level, and answers (n, outputs) to rows not seen by trees."""
    outputs, several, parts = np.zeros(table.targets.shape, np.float32), [], np.unique(fold_of[fold_of >= 0])
    for fold in parts:
        kept, held = table.part(fold_of != fold), table.part(fold_of == fold)
        judged = held.known(kept.means())
        grown = trees.grown(
            kept.known(None, seed), kept.targets, kept.activation, kept.weights,
            held=(judged, held.targets, held.weights), most=trees.TREES // len(parts), seed=seed + int(fold),
        )  # fmt: skip
        outputs[fold_of == fold] = grown.outputs(judged)
        several.append(grown)
    return trees.Trees.mean(several), table.means(), trees.Loss(table.activation).answers(outputs)


def _table(rows: Rows, of: Companions) -> _Table:
    """Return encoded rows as the companions read them."""
    activation, target, spread = of.activation, of.target, of.spread
    if activation == "softmax":
        targets = np.eye(len(target.classes), dtype=np.float32)[rows.targets]
    elif activation == "linear":
        targets = ((rows.targets - target.scale.mean) / target.scale.deviation).astype(np.float32)
    else:
        targets = rows.targets
    numbers = rows.values if spread is None else spread.near(rows.values)
    weights = np.ones(rows.count, np.float32) if rows.weights is None else rows.weights
    told = told_apart(targets, activation)
    return _Table(numbers, rows.codes, targets, told, weights, of.cardinalities, activation)
