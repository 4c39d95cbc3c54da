"""`kerasfast train`: a good image model from a folder of pictures, in a run folder."""

import argparse

from kerasfast.basics.quiet import start_tensorflow
from kerasfast.cli.options import Commands, add_labels, add_seed, answer, command, talking

EXAMPLES = """
kerasfast train dogscats --sizes 128,224 --out dogs
kerasfast train planet --csv train_v2.csv --sizes 64,128,256 --metric f2 --out planet-run
kerasfast train apples --csv weights.csv --labels grams --out apples-run
kerasfast train --resume planet-run
kerasfast predict dogs/model.kerasfast holiday/ --out predictions.csv
"""
MORE = (
    "DATA has a folder for each class, or train/<class>/ folders (perhaps valid/ and test/), or a CSV of picture names "
    "and labels beside its pictures: classes, tags or numbers. The recipe is said before it runs. The run folder gets "
    "model.kerasfast (all that `kerasfast predict` needs), report.html, history.csv, plots, weights, summary.json, and "
    "submission.csv.gz where there are test pictures. A run that was stopped at any moment goes on with --resume, to "
    "the same result. Exit status 1: the model does not clearly beat the best constant answer."
)


def add(commands: Commands) -> None:
    """Add the command."""
    about = "train an image model on a folder of pictures"
    train = command(commands, "train", about, run, more=MORE, examples=EXAMPLES)
    train.add_argument("data", metavar="DATA", nargs="?", help="the folder of the pictures; only read")
    train.add_argument("--resume", metavar="RUN", help="go on with a run that was stopped; takes no other settings")
    train.add_argument("--csv", metavar="FILE", help="the table of labels (default: look for one)")
    add_labels(train)
    train.add_argument(
        "--kind", choices=("classes", "tags", "numbers"), help="of the labels (default: what they look like)"
    )
    train.add_argument("--backbone", metavar="NAME", default="efficientnet_lite0", help="default: %(default)s")
    train.add_argument(
        "--sizes",
        type=sizes,
        default=(128,),
        metavar="PIXELS",
        help="growing sides of the pictures: 64,128,256, or rectangles, height x width: 96x128 (default: 128)",
    )
    train.add_argument(
        "--epochs", type=int, default=3, metavar="N", help="of fine-tuning at each size (default: %(default)s)"
    )
    train.add_argument(
        "--metric",
        choices=("accuracy", "f1", "f2", "mae"),
        help="default: accuracy; f2 where pictures have several tags, mae (mean absolute error) of numbers",
    )
    train.add_argument("--skip-broken", action="store_true", help="leave broken pictures out instead of stopping")
    train.add_argument(
        "--batch-size", type=int, default=32, metavar="N", help="pictures per step (default: %(default)s)"
    )
    train.add_argument("--out", metavar="RUN", default="kerasfast-run", help="the run folder (default: ./%(default)s)")
    add_seed(train, "split, shuffling, augmentation and new weights")


def sizes(text: str) -> tuple[int | tuple[int, ...], ...]:
    """Return the numbers of "64,128", and of "96x128" the pair (96, 128)."""
    parts = [tuple(int(side) for side in part.lower().split("x")) for part in text.split(",")]
    return tuple(part[0] if len(part) == 1 else part for part in parts)


def run(options: argparse.Namespace) -> int:
    """Run the command."""
    start_tensorflow(compute=True)
    from kerasfast.runs.settings import RunRecord, RunSettings
    from kerasfast.runs.training import run_training

    if (options.data is None) == (options.resume is None):
        raise ValueError("Name the folder of the pictures, or a run to go on with (`--resume RUN`).")
    if options.resume is not None:
        record = RunRecord.load(options.resume)
        if record.decided.get("finished"):
            raise ValueError(f"The run in {options.resume} is finished: its model is model.kerasfast.")
    else:
        names = ("data", "out", "csv", "labels", "kind", "backbone", "sizes", "epochs", "metric", "batch_size", "seed")
        names += ("skip_broken",)
        record = RunRecord(RunSettings(**{name: getattr(options, name) for name in names}))
        record.check_folder()
    with talking(options):
        summary = run_training(record)
    answer(options, summary)
    return 0 if summary["beats_constant"] else 1
