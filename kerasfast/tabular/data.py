"""Table data: training, validation and test rows for an embedding model, from frames, arrays, or files of any size."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from kerasfast.basics import arguments
from kerasfast.basics.described import Described, some
from kerasfast.tabular.column_kinds import check_frame, single_column
from kerasfast.tabular.encoding.answers import with_answers, with_numbers
from kerasfast.tabular.encoding.encoder import TableEncoder
from kerasfast.tabular.encoding.guess import ColumnGuess, chosen_encoder
from kerasfast.tabular.encoding.targets import Target, TargetStatistics
from kerasfast.tabular.pipeline.arrays import array_cardinalities, array_target, encoded_rows
from kerasfast.tabular.pipeline.batching import Batching
from kerasfast.tabular.pipeline.csv_files import read_csv
from kerasfast.tabular.pipeline.learning import FrameParts, encode_frame, encode_test_rows, learn_rows
from kerasfast.tabular.pipeline.rows import Rows
from kerasfast.tabular.pipeline.splits import choose_split, chosen_rows, one_way, spans_of_time, with_all_classes
from kerasfast.tabular.pipeline.table_files import FileParts, Files
from kerasfast.tabular.pipeline.views import StreamView, TableView, streamed_views

View = TableView | StreamView


@dataclass(frozen=True, eq=False, repr=False)
class TableData(Described):
    """What a `TableLearner` is trained on. Make one with `from_frame`, `from_files` or `from_arrays`.

    The encoder and the classes are learned from the training rows alone. While training, a share of the codes (the
    encoder's `unknown_rate`) is hidden at random, so that levels never seen before are predicted sensibly.

    Attributes:
        train, valid, test: Views with `dataset(epoch)` and `targets`; valid and test may be None.
        target: What is predicted.
        cardinalities: Number of codes of each categorical column.
        value_names: The continuous columns and their missing-value flags.
        encoder: From columns to arrays; None for data from arrays.
        path: Folder in which the learner keeps `models/`.

    Example:
        >>> sales = pd.DataFrame({"Store": ["north", "south"] * 10, "Sales": range(20)})
        >>> data = TableData.from_frame(sales, "Sales", categorical=["Store"])
        >>> len(data.train), len(data.valid), data.cardinalities
        (16, 4, {'Store': 3})
    """

    train: View
    valid: View | None
    test: View | None
    target: Target
    cardinalities: Mapping[str, int]
    value_names: Sequence[str]
    encoder: TableEncoder | None = None
    path: str | os.PathLike = "."

    def __post_init__(self) -> None:
        arguments.path("path", self.path)

    def _facts(self) -> dict[str, str]:
        counts = {name: len(getattr(self, name) or ()) for name in ("train", "valid", "test")}
        return {
            "rows": ", ".join(f"{count} {name}" for name, count in counts.items() if count),
            "target": f"{some(self.target.names)} ({self.target_kind})",
            "categorical": some([f"{name} {count}" for name, count in self.cardinalities.items()]) or "none",
            "continuous": some(list(self.value_names)) or "none",
            "path": str(self.path),
        }

    @property
    def target_kind(self) -> str:
        """`"single"` (one class a row), `"multi"` (labels) or `"regression"` (numbers)."""
        return self.target.kind

    @classmethod
    def from_frame(
        cls,
        frame: pd.DataFrame,
        target: str | Sequence[str],
        *,
        columns: ColumnGuess | None = None,
        categorical: Sequence[str] = (),
        continuous: Sequence[str] = (),
        dates: Sequence[str] = (),
        target_kind: str | None = None,
        log: bool = False,
        valid: pd.DataFrame | None = None,
        valid_indices: Sequence[int] | None = None,
        valid_fraction: float | None = None,
        valid_dates: tuple[str, Any, Any] | None = None,
        test: pd.DataFrame | None = None,
        weights: str | None = None,
        encoder: TableEncoder | None = None,
        batch_size: int | None = None,
        seed: int = 42,
        path: str | os.PathLike = ".",
    ) -> "TableData":
        """Take the rows of a frame, which is not changed.

        Args:
            frame: Training rows, and validation rows unless they are in `valid`.
            target: The column to predict, or several.
            columns: A guess by `guess_columns`, edited. Without it, and with no column named below, the columns are
                guessed, and the guess is printed.
            categorical, continuous: The columns to predict from.
            dates: Columns of dates, to predict from by their calendar parts (see `TableEncoder`).
            target_kind: "regression", "single" (one class a row) or "multi" (a 0/1 column per label). By default one
                column of text, categories or booleans, or of two whole numbers, is "single", several columns of 0 and 1
                are "multi", all else is a regression.
            log: Learn the logarithm of the target; predictions of frames come back in its own units.
            valid: A frame with the validation rows.
            valid_indices: Row numbers for validation.
            valid_fraction: Share of the rows for validation; 0.2 where nothing is said, 0 for none.
            valid_dates: (column, first day, last day), both days included.
            test: A frame with rows to predict.
            weights: Column with the weight of each row in the loss.
            encoder: A `TableEncoder`, which is fitted on the training rows unless it is fitted already; it brings the
                columns, in place of `categorical`, `continuous` and `dates`.
            batch_size: Rows per training batch; by default a 32nd of the training rows, from 32 to 256.
            seed: Of the split, the order and the masking.
            path: Folder in which the learner keeps `models/`.

        Raises:
            ValueError: Naming the column, where the table cannot be used.

        Example:

            data = TableData.from_frame(passengers, "survived")
        """
        one_way(valid=valid, valid_indices=valid_indices, valid_fraction=valid_fraction, valid_dates=valid_dates)
        for name, rows in (("frame", frame), ("valid", valid), ("test", test)):
            if rows is not None or name == "frame":
                check_frame(name, rows)
        statistics = TargetStatistics(target, target_kind, log)
        if target_kind != "single":
            frame, valid, test = (
                None if one is None else with_numbers(one, statistics.names) for one in (frame, valid, test)
            )
        if weights is not None:
            single_column(frame, weights)
        listed, unused = (categorical, continuous, dates), [] if weights is None else [weights]
        encoder = chosen_encoder(frame, statistics.names, columns, listed, encoder, unused)
        split = None
        if valid is None:
            split = choose_split(len(frame), valid_indices, valid_fraction, valid_dates, seed)
            if statistics.has_classes(frame):
                split = with_all_classes(split, frame, statistics.names[0])
        encode, _ = learn_rows(FrameParts(frame), split, encoder, statistics, weights)
        _say_question(statistics)
        training, held = encode_frame(frame, encode, split)
        if valid is not None:
            held = encode_frame(valid, encode, None)[0]
        unlabelled = None if test is None else encode_test_rows(test, encode)
        rows, spans = [training, held, unlabelled], spans_of_time(frame, split)
        return cls._of_rows(rows, encode.target, batch_size, seed, encoder, path=path, spans=spans)

    @classmethod
    def from_csv(
        cls,
        file: str | os.PathLike,
        target: str | Sequence[str],
        *,
        columns: ColumnGuess | None = None,
        categorical: Sequence[str] = (),
        continuous: Sequence[str] = (),
        dates: Sequence[str] = (),
        target_kind: str | None = None,
        log: bool = False,
        valid: str | os.PathLike | None = None,
        valid_indices: Sequence[int] | None = None,
        valid_fraction: float | None = None,
        valid_dates: tuple[str, Any, Any] | None = None,
        test: str | os.PathLike | None = None,
        weights: str | None = None,
        encoder: TableEncoder | None = None,
        batch_size: int | None = None,
        seed: int = 42,
        path: str | os.PathLike = ".",
    ) -> "TableData":
        """Take the rows of a file of separated values whose first line names the columns.

        Semicolons, tabs, bars, decimal commas and other encodings than UTF-8 are recognised, and said. Rows without a
        target are left out, which is said too, unless `valid_indices` counts rows. A file of yet another form is read
        by `pandas.read_csv` with its options, for `from_frame`.

        Args:
            file: Training rows, and validation rows unless they are in `valid`.
            valid, test: Files with the validation rows, and with rows to predict.
            target, columns, ...: As in `from_frame`.

        Raises:
            FileNotFoundError: If a file is not there.
            ValueError: Naming the column, where the table cannot be used.

        Example:

            data = TableData.from_csv("adult.csv", "income")
        """
        frame = read_csv(file, valid_dates)
        valid, test = (None if one is None else read_csv(one, valid_dates) for one in (valid, test))
        targets = [target] if isinstance(target, str) else arguments.names("target", target)
        if valid_indices is None:
            frame = with_answers(frame, targets)
        if valid is not None:
            valid = with_answers(valid, targets)
        return cls.from_frame(
            frame, target, columns=columns, categorical=categorical, continuous=continuous, dates=dates,
            target_kind=target_kind, log=log, valid=valid, valid_indices=valid_indices, valid_fraction=valid_fraction,
            valid_dates=valid_dates, test=test, weights=weights, encoder=encoder, batch_size=batch_size, seed=seed,
            path=path,
        )  # fmt: skip

    @classmethod
    def from_files(
        cls,
        files: Files,
        target: str | Sequence[str],
        *,
        categorical: Sequence[str] = (),
        continuous: Sequence[str] = (),
        dates: Sequence[str] = (),
        target_kind: str | None = None,
        log: bool = False,
        valid: Files | None = None,
        valid_indices: Sequence[int] | None = None,
        valid_fraction: float | None = None,
        valid_dates: tuple[str, Any, Any] | None = None,
        test: Files | None = None,
        weights: str | None = None,
        encoder: TableEncoder | None = None,
        batch_size: int | None = None,
        shuffle_rows: int = 2**18,
        seed: int = 42,
        path: str | os.PathLike = ".",
    ) -> "TableData":
        """Stream the rows of parquet or feather files that need not fit into memory.

        One pass over the files learns the encoder and checks every row. Each epoch reads the row groups in an order of
        its own and shuffles `shuffle_rows` encoded rows at a time, which bounds the memory: some 4 bytes a column and
        row, three times over, and one row group as the file stores it.

        Args:
            files: `.parquet`, `.pq` or `.feather` files, or a folder of them.
            valid, test: Files with the validation rows, and with rows to predict.
            shuffle_rows: Rows to shuffle together.
            target, categorical, ...: As in `from_frame`; `valid_indices` count the rows over all files. The columns
                must be named.

        Raises:
            ValueError: Naming the column, where the table cannot be used.
            ImportError: If pyarrow is not installed.
        """
        one_way(valid=valid, valid_indices=valid_indices, valid_fraction=valid_fraction, valid_dates=valid_dates)
        statistics = TargetStatistics(target, target_kind, log)
        encoder = chosen_encoder(None, statistics.names, None, (categorical, continuous, dates), encoder)
        columns = [*encoder.columns, *statistics.names, *([weights] if weights else [])]
        source = FileParts(files, [*columns, *(valid_dates or ())[:1]])
        split = choose_split(source.rows, valid_indices, valid_fraction, valid_dates, seed) if valid is None else None
        encode, count = learn_rows(source, split, encoder, statistics, weights)
        _say_question(statistics)
        views = streamed_views(
            source, encode, Batching.pair(encoder, batch_size, seed, count), count, split, valid, test, shuffle_rows
        )
        return cls(*views, encode.target, encoder.cardinalities, encoder.value_names, encoder, path)

    @classmethod
    def from_arrays(
        cls,
        codes: np.ndarray | None,
        values: np.ndarray | None,
        targets: np.ndarray,
        *,
        valid: tuple | None = None,
        valid_indices: Sequence[int] | None = None,
        valid_fraction: float | None = None,
        test: tuple | None = None,
        cardinalities: Sequence[int] | Mapping[str, int] | None = None,
        target_kind: str = "regression",
        weights: np.ndarray | None = None,
        batch_size: int | None = None,
        seed: int = 42,
        path: str | os.PathLike = ".",
    ) -> "TableData":
        """Take arrays that are encoded already; nothing is masked.

        Args:
            codes: (rows, categorical columns) whole numbers from 0, None for no such columns.
            values: (rows, continuous columns), finite, None for no such columns.
            targets: (rows,) or (rows, outputs) numbers; class numbers (rows,) for "single"; 0/1 (rows, labels) for
                "multi".
            valid: (codes, values, targets) of the validation rows.
            valid_indices, valid_fraction: As in `from_frame`.
            test: (codes, values) to predict.
            cardinalities: Number of codes of each column; by default one more than the largest code.
            target_kind: "regression", "single" or "multi".
            weights: (rows,) weight of each training row.
            batch_size, seed, path: As in `from_frame`.

        Raises:
            ValueError: If the arrays do not fit each other.
        """
        one_way(valid=valid, valid_indices=valid_indices, valid_fraction=valid_fraction)
        rows = encoded_rows("training", codes, values, targets, target_kind, weights)
        if valid is None:
            split = choose_split(rows.count, valid_indices, valid_fraction, None, seed)
            chosen = chosen_rows(pd.DataFrame(index=pd.RangeIndex(rows.count)), split)
            held = rows.take(chosen)._replace(weights=None) if chosen.any() else None
            rows = rows.take(~chosen)
        else:
            held = encoded_rows("validation", *valid, target_kind)
        unlabelled = None if test is None else encoded_rows("test", *test)
        views = [rows, held, unlabelled]
        target, cardinalities = array_target(views, target_kind), array_cardinalities(views, cardinalities)
        return cls._of_rows(views, target, batch_size, seed, cardinalities=cardinalities, path=path)

    @classmethod
    def _of_rows(
        cls,
        views: Sequence[Rows | None],
        target: Target,
        batch_size: int,
        seed: int,
        encoder: TableEncoder | None = None,
        *,
        cardinalities: Mapping[str, int] | None = None,
        path: str | os.PathLike = ".",
        spans: np.ndarray | None = None,
    ) -> "TableData":
        shuffled, ordered = Batching.pair(encoder, batch_size, seed, views[0].count)
        train, *others = (rows and TableView(rows, ordered) for rows in views)
        train = TableView(train.rows, shuffled, spans)
        if encoder is not None:
            return cls(train, *others, target, encoder.cardinalities, encoder.value_names, encoder, path)
        names = [f"value_{position}" for position in range(views[0].values.shape[1])]
        return cls(train, *others, target, cardinalities, names, None, path)


def _say_question(statistics: TargetStatistics) -> None:
    """Say once that numbers were taken for answers."""
    if statistics.question:
        no, yes = statistics.target().classes
        print(
            f"target {statistics.names[0]!r} is {no} or {yes}: a yes/no question, answered by probabilities; "
            "target_kind='regression' predicts numbers"
        )
