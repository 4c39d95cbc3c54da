"""The command `kerasfast`: `demo` trains, tunes and submits; `doctor` says what this machine has."""

import argparse
import contextlib
import os
import sys
import tempfile
import traceback
from collections.abc import Iterator, Sequence

from kerasfast.version import __version__

# Everything heavy is imported inside the commands, so that `--help` answers at once.

DEFAULT_OUT = "kerasfast-demo"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return the exit status: 0 done, 1 the result is no good, 2 an error to act on."""
    options = _parser().parse_args(arguments)
    try:
        return options.run(options)
    except KeyboardInterrupt:
        print("\nkerasfast: stopped.", file=sys.stderr)
        return 130
    except _reported_errors() as error:
        if options.debug:
            traceback.print_exc()
        else:
            print(f"\nkerasfast {options.command}: {error}", file=sys.stderr)
        return 2


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="kerasfast", description="Practical deep learning for Keras 3 on TensorFlow.")
    parser.add_argument("--version", action="version", version=f"kerasfast {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="command")
    _add_demo(commands)
    _add_doctor(commands)
    for command in commands.choices.values():
        command.add_argument("--debug", action="store_true", help="show the traceback of an error")
    return parser


def _add_demo(commands) -> None:
    about = "train an image classifier from beginning to end, on drawn pictures or on your own"
    demo = commands.add_parser("demo", help=about, description=f"{about[0].upper()}{about[1:]}. Needs no network.")
    demo.add_argument(
        "--data", metavar="DIR", help="your pictures: train/<class>/ folders, or a CSV of labels beside its pictures"
    )
    demo.add_argument("--out", metavar="DIR", default=DEFAULT_OUT, help="where results go (default: ./%(default)s)")
    demo.add_argument("--backbone", metavar="NAME", default="efficientnet_lite0", help="default: %(default)s")
    demo.add_argument("--size", type=int, default=128, help="side of the pictures in pixels (default: %(default)s)")
    demo.add_argument(
        "--batch-size", type=int, default=32, metavar="N", help="pictures per step (default: %(default)s)"
    )
    demo.add_argument("--n-train", type=int, default=1000, metavar="N", help="pictures to draw (default: %(default)s)")
    demo.add_argument("--seed", type=int, default=42, help="repeats a run (default: %(default)s)")
    demo.set_defaults(run=_demo)


def _add_doctor(commands) -> None:
    about = "say which versions, devices, pretrained weights and extras this machine has"
    doctor = commands.add_parser("doctor", help=about, description=f"{about[0].upper()}{about[1:]}.")
    doctor.add_argument("--json", action="store_true", help="print it as JSON")
    doctor.set_defaults(run=_doctor)


def _demo(options: argparse.Namespace) -> int:
    with quiet_start():
        from kerasfast.demo.run import Settings, run_demo

        _wake_tensorflow()
    settings = Settings(
        out=options.out,
        data=options.data,
        backbone=options.backbone,
        size=options.size,
        batch_size=options.batch_size,
        n_train=options.n_train,
        seed=options.seed,
    )
    return 0 if run_demo(settings)["beats_constant"] else 1


def _doctor(options: argparse.Namespace) -> int:
    from kerasfast import doctor

    with quiet_start():
        findings = doctor.examine()
    if options.json:
        import json

        print(json.dumps(findings, indent=2))
    else:
        print(doctor.report(findings))
    return 0


def _wake_tensorflow() -> None:
    """Find the devices and compute once: what TensorFlow has to say about them it says now."""
    import tensorflow as tf

    tf.config.list_physical_devices()
    tf.zeros([1])


@contextlib.contextmanager
def quiet_start() -> Iterator[None]:
    """Keep TensorFlow's C++ start-up notes from the terminal, unless TF_CPP_MIN_LOG_LEVEL is set or the start fails."""
    if "TF_CPP_MIN_LOG_LEVEL" in os.environ:
        yield
        return
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "2"
    # The first notes come before the level is read, straight to the file descriptor.
    sys.stderr.flush()
    terminal = os.dup(2)
    with tempfile.TemporaryFile() as notes:
        os.dup2(notes.fileno(), 2)
        try:
            yield
        except BaseException:
            os.dup2(terminal, 2)
            notes.seek(0)
            os.write(2, notes.read())
            raise
        finally:
            os.dup2(terminal, 2)
            os.close(terminal)


def _reported_errors() -> tuple[type[Exception], ...]:
    """Return the errors whose message says what to do, so that a traceback would only hide it."""
    from kerasfast.vision.networks.applications import WeightsError

    return (ValueError, OSError, WeightsError)
