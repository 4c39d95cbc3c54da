"""Where a table model is wrong, what it looks at, and whether its probabilities can be believed."""

import os
import pathlib
from collections.abc import Callable, Mapping

import numpy as np
import pandas as pd

from kerasfast.basics.arguments import choice, whole
from kerasfast.basics.bars import progress_bar
from kerasfast.basics.described import Described, some
from kerasfast.interpretation import calibration
from kerasfast.interpretation.classes import class_frame, confused_pairs, confusion_matrix
from kerasfast.tabular.encoding.encoder import TableEncoder
from kerasfast.tabular.encoding.targets import Target
from kerasfast.tabular.insight.groups_of_rows import Columns, mean_with_interval, row_groups, with_dates
from kerasfast.tabular.insight.importance import LEAST, column_positions, grid, row_losses, shuffled
from kerasfast.tabular.insight.interpretation_plots import TablePlots
from kerasfast.tabular.pipeline.rows import RowEncoder, Rows
from kerasfast.tabular.predictor import TablePredictor, predict_rows
from kerasfast.training.callbacks import Recorder

MOST_ROWS = 100_000


class TableInterpretation(Described, TablePlots):
    """Predictions of rows beside their targets, and frames and plots of what they tell.

    `learn.interpret()` makes one of the validation rows, `TableInterpretation.of_frame` of any rows with targets.

    Attributes:
        rows: Encoded rows with targets.
        predictions: (n, outputs) in the target's own units, or probabilities.
        targets: (n,) class numbers, (n, labels) of 0 and 1, or (n, outputs) numbers in their own units.
        target: What is predicted.
        losses: (n,) cross-entropy of each row; of numbers the squared error, as a share of the targets' variance.

    Args:
        rows, target: See above.
        predict: From rows to the outputs (n, outputs) of the model.
        positions: Of each column among codes and values.
        cardinalities: Number of codes of each categorical column.
        encoder: From columns to codes and values; without it rows are told by their codes and values.
        train: Rows that the model learned from; `report` fits peers to them.
        facts: What to say of model and training, by a word or two each.
        recorders: What was recorded in training, by stage.

    Raises:
        ValueError: If the rows have no targets.

    Example:

        report = learn.interpret()
        report.importance()
        report.plot_partial_dependence("Distance")
        report.residuals("State")
        report.report("report.html")
    """

    def __init__(
        self,
        rows: Rows,
        predict: Callable[[Rows], np.ndarray],
        target: Target,
        positions: Columns,
        *,
        cardinalities: Mapping[str, int],
        encoder: TableEncoder | None = None,
        train: Rows | None = None,
        facts: Mapping[str, str] | None = None,
        recorders: Mapping[str, Recorder] | None = None,
    ):
        if rows.targets is None:
            raise ValueError("The rows have no targets to compare predictions with; name rows that have.")
        self.rows, self.target, self.encoder, self.train = rows, target, encoder, train
        self.cardinalities, self.positions = dict(cardinalities), dict(positions)
        self._predict = predict
        self.facts, self.recorders = dict(facts or {}), dict(recorders or {})
        self.predictions = self.decoded(predict(rows))
        self.targets = rows.targets if target.kind == "single" else self.decoded(rows.targets)
        self._variance = np.maximum(self.targets.var(axis=0), LEAST**2) if target.kind == "regression" else None

    @classmethod
    def of_frame(
        cls, predictor: TablePredictor, frame: pd.DataFrame, *, train: pd.DataFrame | None = None, seed: int = 0
    ) -> "TableInterpretation":
        """Look at the rows of a raw table that has the target column.

        Args:
            predictor: What predicts.
            frame: Rows that it did not learn from.
            train: Rows that it learned from.
            seed: Chooses rows where there are more than 100,000.

        Raises:
            ValueError: Naming the column that is missing, or cannot be encoded.
        """
        encoder, target = predictor.encoder, predictor.target
        for rows in (frame, train):
            absent = [] if rows is None else [name for name in target.names if name not in rows.columns]
            if absent:
                raise ValueError(f"The table lacks the target {absent}; it has {list(rows.columns)[:20]}.")
        encode, random = RowEncoder(encoder, target), np.random.default_rng(seed)
        held, learned = (
            None if rows is None else encode(rows.iloc[np.sort(random.permutation(len(rows))[:MOST_ROWS])])
            for rows in (frame, train)
        )
        model = predictor.model
        return cls(
            held, lambda part: predict_rows(model, part), target,
            column_positions(encoder.cardinalities, encoder.value_names, encoder), cardinalities=encoder.cardinalities,
            encoder=encoder, train=learned, facts={"model": f"{model.name}, {model.count_params():,} parameters"},
        )  # fmt: skip

    @property
    def losses(self) -> np.ndarray:
        """(n,) cross-entropy of each row; of numbers the squared error, as a share of the targets' variance."""
        return row_losses(self.target.kind, self.predictions, self.targets, self._variance)

    @property
    def classes(self) -> list[str]:
        """What each output stands for."""
        return [str(name) for name in self.target.classes]

    def decoded(self, outputs: np.ndarray) -> np.ndarray:
        """Return outputs of the model, or targets as it learns them, in the target's own units."""
        return self.target.decode(outputs).to_numpy()

    def table(self) -> pd.DataFrame:
        """Return the columns of the rows, as exactly as codes and values tell, with the parts made of dates."""
        return self._table_of(self.rows.codes, self.rows.values)

    def most_wrong(self, count: int = 20) -> pd.DataFrame:
        """Return the rows with the largest losses: truth, prediction, loss, and the columns.

        Args:
            count: How many at most.
        """
        rows = np.argsort(-self.losses, kind="stable")[: whole("count", count)]
        said = {"truth": self._said(self.targets, rows), "prediction": self._said(self.predictions, rows)}
        if self.target.kind == "single":
            said["probability_of_truth"] = self.predictions[rows, self.targets[rows]]
        about = pd.DataFrame({**said, "loss": self.losses[rows]}, index=pd.Index(rows, name="row"))
        return about.join(self.table())

    def importance(self, *, repeats: int = 5, rows: int = 5000, seed: int = 0) -> pd.DataFrame:
        """Return by how much the loss grows when each column alone is shuffled, with an interval; the largest first.

        Columns that tell the same hide each other. The parts of a date are shuffled together.

        Args:
            repeats: Shuffles per column, averaged.
            rows: Rows to use, at most.
            seed: Of the choice of rows and of the shuffles.

        Returns:
            Frame by column with `importance`, and `importance_low` to `importance_high`: where it would lie, 19 times
            in 20, with other rows.

        Source: Breiman, "Random forests", 2001.
        """
        random = np.random.default_rng(whole("seed", seed, least=0))
        chosen = np.sort(random.permutation(self.rows.count)[: whole("rows", rows, least=2)])
        part, before = self.rows.take(chosen), self.losses[chosen]
        found = {}
        for name, (codes, values) in progress_bar(
            with_dates(self.positions, self.encoder).items(), desc="columns", leave=False, delay=2
        ):
            growth = np.zeros(len(chosen))
            for _ in range(whole("repeats", repeats)):
                predictions = self.decoded(self._predict(shuffled(part, codes, values, random)))
                growth += row_losses(self.target.kind, predictions, self.targets[chosen], self._variance) - before
            found[name] = mean_with_interval("importance", growth / repeats)
        frame = pd.DataFrame.from_dict(found, orient="index").rename_axis("column")
        return frame.sort_values("importance", ascending=False)

    def partial_dependence(
        self, column: str, output: str | None = None, *, points: int = 20, rows: int = 1000, seed: int = 0
    ) -> pd.DataFrame:
        """Return the mean prediction when all rows have the same value of a column, for several values of it.

        What other columns tell stays as it is, so that a pair of values may be one that no row has.

        Args:
            column: A categorical or continuous column.
            output: Class, label or number; by default the last class of two, else the first.
            points: Values of a number, spread evenly over its quantiles; levels, the most frequent ones.
            rows: Rows to use, at most.
            seed: Of the choice of rows.

        Returns:
            Frame with the column, `prediction`, `prediction_low` and `prediction_high` (of the mean over rows), and `n`
            rows that are nearest to the value.
        """
        codes, values = self.positions[choice("column", column, self.positions)]
        place = self.output_place(output)
        random = np.random.default_rng(whole("seed", seed, least=0))
        part = self.rows.take(np.sort(random.permutation(self.rows.count)[: whole("rows", rows, least=2)]))
        tried, counts = grid(self.rows, codes, values, whole("points", points, least=2))
        found = []
        for code_row, value_row in zip(tried.codes, tried.values, strict=True):
            changed = Rows(part.codes.copy(), part.values.copy())
            changed.codes[:, codes], changed.values[:, values] = code_row[codes], value_row[values]
            found.append(mean_with_interval("prediction", self.decoded(self._predict(changed))[:, place]))
        names = self._table_of(tried.codes, tried.values)[column]
        names = names.astype(object).where(names.notna(), "unknown") if codes else names
        return pd.DataFrame({column: names, **pd.DataFrame(found).to_dict("list"), "n": counts})

    def residuals(self, column: str, *, bins: int = 12) -> pd.DataFrame:
        """Return by how much predictions exceed the truth on average, by the levels or ranges of a column.

        Of classes: by how much the probability of the truth falls short of 1.

        Args:
            column: A categorical column, a number, or a date, whose time is cut into ranges.
            bins: Ranges of a number, with about the same number of rows each.

        Returns:
            Frame by level or range with `n`, `residual`, `residual_low` and `residual_high` (of the mean), and `size`,
            the mean without its sign.
        """
        choice("column", column, [*self.positions, *self._dates])
        name = f"{column}_Elapsed" if column in self._dates else column
        kind = "category" if self.positions[name][0] else "date" if column in self._dates else "number"
        groups = row_groups(self.table()[name], kind, whole("bins", bins, least=2))
        found, residual = {}, self._residuals
        for name in groups.categories:
            own = residual[groups == name]
            if len(own):
                size = {"size": float(np.abs(own).mean())}
                found[str(name)] = {"n": len(own), **mean_with_interval("residual", own), **size}
        return pd.DataFrame.from_dict(found, orient="index").rename_axis(column)

    def per_class(self, *, resamples: int = 500, level: float = 0.95, seed: int = 42) -> pd.DataFrame:
        """Return precision, recall, F1 and average precision by class or label, with intervals (see `class_frame`)."""
        self._need_probabilities()
        return class_frame(self.targets, self.predictions, self.classes, resamples=resamples, level=level, seed=seed)

    def confused_pairs(self, count: int = 20) -> pd.DataFrame:
        """Return what is taken for what, the most frequent mistakes first: true, predicted, n, share of the true."""
        return confused_pairs(self.confusion(), self.classes).head(whole("count", count))

    def calibration(self, *, bins: int = 10) -> pd.DataFrame:
        """Return a row per bin of probabilities: `low`, `high`, `n`, `probability` (its mean), `share` that is true.

        Of a yes/no question the probability of yes counts, of more classes that of the likeliest one.
        """
        return calibration.calibration_frame(*self._believed(), bins=bins)

    def calibration_error(self, *, bins: int = 10) -> float:
        """Return the expected calibration error: the mean distance of probability and truth over the bins."""
        return calibration.expected_calibration_error(*self._believed(), bins=bins)

    def report(
        self,
        path: str | os.PathLike = "report.html",
        *,
        title: str | None = None,
        model: str | os.PathLike | None = None,
        facts: Mapping[str, str] | None = None,
        recorders: Mapping[str, Recorder] | None = None,
        history: pd.DataFrame | None = None,
    ) -> pathlib.Path:
        """Write all of this as one page that needs no network, and return its path.

        Data, recipe, curves, results beside the best constant answer, a linear model and (where it is installed)
        LightGBM, importances, the most wrong rows, residuals, calibration, and how to use the model.

        Args:
            path: The file; its name ends in .html.
            title: Headline; the target by default.
            model: The exported file, for the lines that use it.
            facts: More to say of the training, by a word or two each.
            recorders: What was recorded, by stage; that of the learner's last fit by default.
            history: A row per epoch, where nothing was recorded in this process.

        Raises:
            ValueError: If the name does not end in .html.
        """
        from kerasfast.tabular.insight.table_report import table_page

        recorders, facts = self.recorders if recorders is None else recorders, {**self.facts, **(facts or {})}
        return table_page(self, title=title, model=model, facts=facts, recorders=recorders, history=history).write(path)

    @property
    def _dates(self) -> list[str]:
        return [] if self.encoder is None else list(self.encoder.dates)

    @property
    def _residuals(self) -> np.ndarray:
        """(n,) prediction less truth; of classes the probability of all that is not true."""
        if self.target.kind == "regression":
            return (self.predictions - self.targets).mean(axis=1)
        if self.target.kind == "multi":
            return np.abs(self.predictions - self.targets).mean(axis=1)
        return 1 - self.predictions[np.arange(self.rows.count), self.targets]

    def _table_of(self, codes: np.ndarray, values: np.ndarray) -> pd.DataFrame:
        if self.encoder is not None:
            return self.encoder.inverse_transform(codes, values)
        kept = {name: codes[:, at[0][0]] if at[0] else values[:, at[1][0]] for name, at in self.positions.items()}
        return pd.DataFrame(kept)

    def output_place(self, output: str | None = None) -> int:
        """Return the position of an output; by default of the last of two classes, else the first."""
        if output is None:
            return 1 if self.target.kind == "single" and len(self.classes) == 2 else 0
        return self.classes.index(choice("output", output, self.classes))

    def _said(self, numbers: np.ndarray, rows: np.ndarray) -> list:
        part = numbers[rows]
        if self.target.kind == "single":
            return [self.classes[index] for index in (part if part.ndim == 1 else part.argmax(axis=1))]
        if self.target.kind == "multi":
            return [" ".join(name for name, on in zip(self.classes, row > 0.5, strict=True) if on) for row in part]
        return part[:, 0].tolist() if part.shape[1] == 1 else [row.round(3).tolist() for row in part]

    def confusion(self) -> np.ndarray:
        """Return counts (true classes, predicted classes).

        Raises:
            ValueError: For labels and numbers.
        """
        if self.target.kind != "single":
            raise ValueError(f"Confusions are of one class a row; these targets are {self.target.kind!r}.")
        return confusion_matrix(self.targets, self.predictions.argmax(axis=1), len(self.classes))

    def _believed(self) -> tuple[np.ndarray, np.ndarray, str]:
        self._need_probabilities()
        if self.target.kind == "single" and len(self.classes) == 2:
            return self.targets[:, None], self.predictions[:, 1:], "multi"
        return self.targets, self.predictions, self.target.kind

    def _need_probabilities(self) -> None:
        if self.target.kind == "regression":
            raise ValueError(f"{some(self.target.names)} is a number: see `residuals` in place of classes.")

    def _facts(self) -> dict[str, str]:
        return {
            "rows": str(self.rows.count),
            "target": f"{some(self.target.names)} ({self.target.kind})",
            "loss": f"{self.losses.mean():.4g}",
        }
