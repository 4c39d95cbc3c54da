"""`kerasfast tabular`: a good model of a table's column, in a run folder."""

import argparse

from kerasfast.basics.quiet import start_tensorflow
from kerasfast.cli.models import read_table
from kerasfast.cli.options import Commands, add_seed, answer, command, talking

EXAMPLES = """
kerasfast tabular houses.csv --target price --log --out houses
kerasfast tabular sales.csv --target Sales --date Date --id Id --test test.csv
kerasfast predict houses/model.kerasfast new_houses.csv --out prices.csv
"""
MORE = (
    "Columns are sorted into categories, numbers, dates and what is left out, and the guess is said before training: "
    "eight networks in one, in cycles that double for as long as training rows that are held out gain. "
    "The run folder gets model.kerasfast (all that `kerasfast predict` needs), report.html, history.csv, "
    "importance.csv, plots, summary.json, and submission.csv where there is a test table. Exit status 1: no better "
    "than the best constant answer."
)


def add(commands: Commands) -> None:
    """Add the command."""
    tabular = command(commands, "tabular", "train a model of a table's column", run, more=MORE, examples=EXAMPLES)
    tabular.add_argument("file", metavar="FILE", help="a table: .csv, .csv.gz, .parquet or .feather")
    tabular.add_argument("--target", required=True, metavar="COLUMN", help="what to predict")
    tabular.add_argument("--date", metavar="COLUMN", help="the latest fifth by this column is held out to judge by")
    tabular.add_argument("--id", metavar="COLUMN", help="a name for each row: not learned from, kept in the submission")
    tabular.add_argument("--test", metavar="FILE", help="a table of rows to predict")
    tabular.add_argument("--log", action="store_true", help="learn the logarithm of a positive number")
    tabular.add_argument(
        "--batch-size", type=int, metavar="N", help="rows per step (default: what suits the number of rows)"
    )
    tabular.add_argument(
        "--out", metavar="RUN", default="kerasfast-run", help="the run folder (default: ./%(default)s)"
    )
    add_seed(tabular, "split, order and new weights")


def run(options: argparse.Namespace) -> int:
    """Run the command."""
    start_tensorflow(compute=True)
    from kerasfast.runs.tables import TableSettings, train_table

    names = ("target", "date", "id", "log", "batch_size", "seed", "out")
    settings = TableSettings(**{name: getattr(options, name) for name in names})
    with talking(options):
        test = None if options.test is None else read_table(options.test)
        summary = train_table(read_table(options.file), settings, test)
    answer(options, summary)
    return 0 if summary["beats_constant"] else 1
