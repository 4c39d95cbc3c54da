"""A model of a table's column from beginning to end: what `kerasfast tabular` does."""

import dataclasses
import pathlib
from typing import Any

import keras
import numpy as np
import pandas as pd

from kerasfast.basics.arguments import whole
from kerasfast.basics.files import atomic_path, made_folder
from kerasfast.runs import report
from kerasfast.runs.evaluation import evaluate_rows
from kerasfast.runs.progress import Progress
from kerasfast.runs.settings import check_out
from kerasfast.tabular.data import TableData
from kerasfast.tabular.encoding.answers import with_answers, with_numbers
from kerasfast.tabular.encoding.encoder import TableEncoder
from kerasfast.tabular.encoding.guess import ColumnGuess, guess_columns
from kerasfast.tabular.encoding.targets import TargetStatistics
from kerasfast.tabular.features.dates import as_dates
from kerasfast.tabular.learner import TableLearner
from kerasfast.tabular.pipeline.splits import choose_split, with_all_classes

HELD_OUT = 0.2
_IN_WORDS = {"single": "a class", "multi": "labels of 0 and 1", "regression": "a number"}


@dataclasses.dataclass(frozen=True)
class TableSettings:
    """What `train_table` does.

    Args:
        target: The column to predict.
        date: The latest fifth by this column is held out to judge by; None takes a fifth at random.
        id: A name for each row: not learned from, kept in the submission.
        log: Learn the logarithm of a positive number.
        batch_size: Rows per step; None for what suits their number.
        seed: Of split, order and new weights.
        out: Folder of all results; made as needed.

    Raises:
        ValueError: For a value out of range.
    """

    target: str
    date: str | None = None
    id: str | None = None
    log: bool = False
    batch_size: int | None = None
    seed: int = 42
    out: pathlib.Path = pathlib.Path("kerasfast-run")

    def __post_init__(self):
        whole("seed", self.seed, least=0)
        if self.batch_size is not None:
            whole("batch_size", self.batch_size, least=2)
        object.__setattr__(self, "out", pathlib.Path(self.out).expanduser().resolve())
        check_out(self.out, None)


def train_table(frame: pd.DataFrame, settings: TableSettings, test: pd.DataFrame | None = None) -> dict[str, Any]:
    """Guess the columns, train, and write model, history, importances, plots and summary; return the summary.

    Args:
        frame: Rows with the target.
        settings: What to do.
        test: Rows to predict.

    Raises:
        ValueError: For columns that are not there or cannot be used.
    """
    progress, files = Progress(), {}
    keras.utils.set_random_seed(settings.seed)
    made_folder(settings.out)
    with progress.stage("columns", f"{len(frame)} rows, {len(frame.columns)} columns"):
        frame = with_answers(with_numbers(frame, [settings.target]), [settings.target])
        columns = _columns(frame, settings)
        print(columns)
    with progress.stage("data", "learning the levels and the spread of every column from the training rows"):
        data, valid = _data(frame, columns, settings)
        kind = _IN_WORDS[data.target_kind]
        print(f"{len(frame) - len(valid)} rows to train on, {len(valid)} to judge by; the target is {kind}.")
    learn = TableLearner.ensemble(data, path=settings.out)
    _train(learn, settings, progress, files)
    predictor = learn.predictor
    with progress.stage("validation", "the held-out rows, against the best constant answer"):
        scores = evaluate_rows(predictor, valid)
        files["importance"] = _importance(learn, settings)
    with progress.stage("model", "writing all that predicting needs to one file"):
        files["model"] = predictor.save(settings.out / "model.kerasfast")
        if test is not None:
            files["submission"] = _submission(predictor.predict(test), test, settings)
    with progress.stage("report", "results beside cheap peers, mistakes and groups of rows, as one page"):
        facts = {"seed": str(settings.seed)}
        files["report"] = learn.interpret().report(settings.out / "report.html", model=files["model"], facts=facts)
    summary = {**scores, "columns": dataclasses.asdict(columns), "seconds": progress.totals()}
    return report.conclude_table(summary, files, settings.out)


def _columns(frame: pd.DataFrame, settings: TableSettings) -> ColumnGuess:
    for name in filter(None, (settings.target, settings.date, settings.id)):
        if name not in frame.columns:
            raise ValueError(f"The table has no column {name!r}; it has {list(frame.columns)[:30]}.")
    guess = guess_columns(frame, settings.target, leave_out=[settings.id] if settings.id else [])
    if settings.date and settings.date not in guess.dates:
        raise ValueError(f"The column {settings.date!r} does not read as dates of one form.")
    return guess


def _data(frame: pd.DataFrame, columns: ColumnGuess, settings: TableSettings) -> tuple[TableData, pd.DataFrame]:
    """Return the data, and the rows that are held out."""
    if settings.date:
        order = np.argsort(as_dates(frame, settings.date).to_numpy(), kind="stable")
        held = np.isin(np.arange(len(frame)), order[len(frame) - max(1, int(HELD_OUT * len(frame))) :])
    else:
        split = choose_split(len(frame), None, HELD_OUT, None, settings.seed)
        if TargetStatistics(settings.target, log=settings.log).has_classes(frame):
            split = with_all_classes(split, frame, settings.target)
        held = split.mask(frame, 0)
    data = TableData.from_frame(
        frame[~held],
        settings.target,
        encoder=TableEncoder(columns.categorical, columns.continuous, dates=columns.dates),
        log=settings.log,
        valid=frame[held],
        batch_size=settings.batch_size,
        seed=settings.seed,
        path=settings.out,
    )
    return data, frame[held]


def _train(learn: TableLearner, settings: TableSettings, progress: Progress, files: dict[str, pathlib.Path]) -> None:
    with progress.stage("training", "cycles that double, for as long as held-out training rows gain"):
        learn.train(seed=settings.seed)
        files["history"] = report.write_history({"training": learn.recorder}, settings.out)
        files["losses and rates"] = report.plot_training({"training": learn.recorder}, settings.out)


def _importance(learn: TableLearner, settings: TableSettings) -> pathlib.Path:
    importance = learn.importance(seed=settings.seed)
    print("What the loss grows by when a column is shuffled:")
    print("\n".join(f"  {name:28} {value:.4g}" for name, value in importance.head(10).items()))
    path = settings.out / "importance.csv"
    with atomic_path(path) as unfinished:
        importance.rename_axis("column").rename("loss").to_csv(unfinished)
    return path


def _submission(predictions: pd.DataFrame, test: pd.DataFrame, settings: TableSettings) -> pathlib.Path:
    single = len(predictions.columns) > 1
    answers = predictions.idxmax(axis=1) if single else predictions.iloc[:, 0]
    ids = test[settings.id] if settings.id in test.columns else pd.Series(test.index, test.index)
    frame = pd.DataFrame({settings.id or "row": ids, settings.target: answers})
    path = settings.out / "submission.csv"
    with atomic_path(path) as unfinished:
        frame.to_csv(unfinished, index=False)
    return path
