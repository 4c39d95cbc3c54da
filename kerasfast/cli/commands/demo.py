"""`kerasfast demo`: a training from beginning to end on drawn pictures, or on your own."""

import argparse

from kerasfast.basics.quiet import start_tensorflow
from kerasfast.cli.options import Commands, add_seed, answer, command, talking

EXAMPLES = """
kerasfast demo
kerasfast demo --data dogscats --size 224 --out dogs-run
"""


def add(commands: Commands) -> None:
    """Add the command."""
    about = "train an image classifier from beginning to end, on drawn pictures or on your own"
    more = "Needs no network. Exit status 1: the model does not clearly beat the best constant answer."
    demo = command(commands, "demo", about, run, more=more, examples=EXAMPLES)
    demo.add_argument(
        "--data", metavar="DIR", help="your pictures: train/<class>/ folders, or a CSV of labels beside its pictures"
    )
    demo.add_argument(
        "--out", metavar="DIR", default="kerasfast-demo", help="where results go (default: ./%(default)s)"
    )
    demo.add_argument("--backbone", metavar="NAME", default="efficientnet_lite0", help="default: %(default)s")
    demo.add_argument("--size", type=int, default=128, help="side of the pictures in pixels (default: %(default)s)")
    demo.add_argument(
        "--batch-size", type=int, default=32, metavar="N", help="pictures per step (default: %(default)s)"
    )
    demo.add_argument("--n-train", type=int, default=1000, metavar="N", help="pictures to draw (default: %(default)s)")
    add_seed(demo, "drawing, split, shuffling and augmentation")


def run(options: argparse.Namespace) -> int:
    """Run the command."""
    start_tensorflow(compute=True)
    from kerasfast.demo.run import Settings, run_demo

    settings = Settings(
        out=options.out,
        data=options.data,
        backbone=options.backbone,
        size=options.size,
        batch_size=options.batch_size,
        n_train=options.n_train,
        seed=options.seed,
    )
    with talking(options):
        summary = run_demo(settings)
    answer(options, summary)
    return 0 if summary["beats_constant"] else 1
