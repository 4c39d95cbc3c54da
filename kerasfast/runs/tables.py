"""A model of a table's column from beginning to end: what `kerasfast tabular` does."""

import dataclasses
import pathlib
from typing import Any

import keras
import numpy as np
import pandas as pd

from kerasfast.basics.arguments import whole
from kerasfast.basics.files import atomic_path
from kerasfast.runs import report
from kerasfast.runs.evaluation import evaluate_rows
from kerasfast.runs.progress import Progress
from kerasfast.runs.settings import check_out
from kerasfast.tabular.data import TableData
from kerasfast.tabular.encoding.encoder import TableEncoder
from kerasfast.tabular.encoding.guess import ColumnGuess, guess_columns
from kerasfast.tabular.features.dates import as_dates
from kerasfast.tabular.learner import TableLearner

HELD_OUT = 0.2
RATES = (1e-4, 1e-2)
CAUTION = 4  # see `training.py`
_IN_WORDS = {"single": "a class", "multi": "labels of 0 and 1", "regression": "a number"}
HIDDEN, DROPOUT, EMBEDDING_DROPOUT = (200, 100), 0.05, 0.04


@dataclasses.dataclass(frozen=True)
class TableSettings:
    """What `train_table` does.

    Args:
        target: The column to predict.
        date: The latest fifth by this column is held out to judge by; None takes a fifth at random.
        id: A name for each row: not learned from, kept in the submission.
        log: Learn the logarithm of a positive number.
        epochs: Of training.
        batch_size: Rows per step.
        seed: Of split, order and new weights.
        out: Folder of all results; made as needed.

    Raises:
        ValueError: For a value out of range.
    """

    target: str
    date: str | None = None
    id: str | None = None
    log: bool = False
    epochs: int = 10
    batch_size: int = 128
    seed: int = 42
    out: pathlib.Path = pathlib.Path("kerasfast-run")

    def __post_init__(self):
        for name, least in (("epochs", 1), ("batch_size", 2), ("seed", 0)):
            whole(name, getattr(self, name), least=least)
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
    settings.out.mkdir(parents=True, exist_ok=True)
    with progress.stage("columns", f"{len(frame)} rows, {len(frame.columns)} columns"):
        columns = _columns(frame, settings)
        print(columns)
    with progress.stage("data", "learning the levels and the spread of every column from the training rows"):
        data, valid = _data(frame, columns, settings)
        kind = _IN_WORDS[data.target_kind]
        print(f"{len(frame) - len(valid)} rows to train on, {len(valid)} to judge by; the target is {kind}.")
    learn = TableLearner.entity_embeddings(
        data, HIDDEN, dropout=DROPOUT, embedding_dropout=EMBEDDING_DROPOUT, path=settings.out
    )
    rate = _train(learn, settings, progress, files)
    predictor = learn.predictor
    with progress.stage("validation", "the held-out rows, against the best constant answer"):
        scores = evaluate_rows(predictor, valid)
        files["importance"] = _importance(learn, settings)
    with progress.stage("model", "writing all that predicting needs to one file"):
        files["model"] = predictor.save(settings.out / "model.kerasfast")
        if test is not None:
            files["submission"] = _submission(predictor.predict(test), test, settings)
    with progress.stage("report", "results beside cheap peers, mistakes and groups of rows, as one page"):
        facts = {"rate": f"{rate:.2g}", "epochs": str(settings.epochs), "seed": str(settings.seed)}
        files["report"] = learn.interpret().report(settings.out / "report.html", model=files["model"], facts=facts)
    summary = {**scores, "columns": dataclasses.asdict(columns), "rate": rate, "seconds": progress.totals()}
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
    else:
        order = np.random.default_rng(settings.seed).permutation(len(frame))
    held = np.sort(order[len(frame) - max(1, int(HELD_OUT * len(frame))) :])
    rest = np.setdiff1d(np.arange(len(frame)), held)
    data = TableData.from_frame(
        frame.iloc[rest],
        settings.target,
        encoder=TableEncoder(columns.categorical, columns.continuous, dates=columns.dates),
        log=settings.log,
        valid=frame.iloc[held],
        batch_size=min(settings.batch_size, len(rest)),
        seed=settings.seed,
        path=settings.out,
    )
    return data, frame.iloc[held]


def _train(learn: TableLearner, settings: TableSettings, progress: Progress, files: dict[str, pathlib.Path]) -> float:
    with progress.stage("finder", "the learning rate grows until the loss explodes"):
        search = learn.lr_find(trials=False)
        rate = float(np.clip(search.suggestion / CAUTION, *RATES))
        files["learning rate finder"] = report.plot_finder(search, settings.out)
    with progress.stage("training", f"{settings.epochs} epochs in one cycle, rate {rate:.2g}"):
        learn.fit(rate, 1, cycle_len=settings.epochs, best_save_name="best", restore_best=True)
        files["history"] = report.write_history({"training": learn.recorder}, settings.out)
        files["losses and rates"] = report.plot_training({"training": learn.recorder}, settings.out)
    return rate


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
