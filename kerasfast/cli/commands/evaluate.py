"""`kerasfast evaluate`: how good a trained model is on labelled pictures or rows."""

import argparse
from typing import Any

from kerasfast.basics.quiet import start_tensorflow
from kerasfast.cli.models import IMAGE, add_model, open_model, read_table
from kerasfast.cli.options import Commands, add_labels, answer, command, talking

EXAMPLES = """
kerasfast evaluate pets.kerasfast dogscats
kerasfast evaluate planet.kerasfast planet --csv train_v2.csv --json
kerasfast evaluate sales.kerasfast last_month.csv
"""
MORE = (
    "Pictures: of the folder DATA/valid where there is one, else of all class folders in DATA; of a CSV, all rows that "
    "it lists. Rows: of a table with the target column. Exit status 1: no better than the best constant answer."
)


def add(commands: Commands) -> None:
    """Add the command."""
    about = "judge a model on labelled pictures, or on rows whose answer is known"
    evaluate = command(commands, "evaluate", about, run, more=MORE, examples=EXAMPLES)
    add_model(evaluate)
    evaluate.add_argument("data", metavar="DATA", help="a folder of pictures, or a table")
    evaluate.add_argument("--csv", metavar="FILE", help="the table of labels of the pictures")
    add_labels(evaluate)
    evaluate.add_argument("--skip-broken", action="store_true", help="leave broken pictures out instead of stopping")


def run(options: argparse.Namespace) -> int:
    """Run the command."""
    start_tensorflow(compute=True)
    with talking(options):
        kind, predictor = open_model(options.model)
        if kind == IMAGE:
            from kerasfast.runs.evaluation import evaluate_pictures

            scores = evaluate_pictures(
                predictor, options.data, options.csv, labels=options.labels, skip_broken=options.skip_broken
            )
        else:
            from kerasfast.runs.evaluation import evaluate_rows

            scores = evaluate_rows(predictor, read_table(options.data))
    answer(options, scores, _text(scores))
    return 0 if scores["beats_constant"] else 1


def _text(scores: dict[str, Any]) -> str:
    lines = [f"{scores['metric']} on {scores['rows']} {scores['of']}"]
    lines += [f"  {'best constant answer':24} {scores['constant']:.4f}", f"  {'this model':24} {scores['score']:.4f}"]
    classes = scores.get("per_class", {})
    if classes:
        lines += ["", f"  {'class':24} {'rows':>6} {'right':>7}"]
        lines += [f"  {name:24} {row['rows']:6d} {row['right']:7.4f}" for name, row in classes.items()]
    return "\n".join(lines)
