"""The parser of all commands, and what becomes of their errors."""

import argparse
import contextlib
import re
import sys
import traceback
import warnings
from collections.abc import Iterator, Sequence

from kerasfast.cli.commands import demo, doctor, evaluate, export, kaggle, port, predict, report, serve, tabular, train
from kerasfast.version import __version__

# Everything heavy is imported inside the commands, so that `--help` answers at once.

COMMANDS = (train, predict, evaluate, report, export, serve, tabular, kaggle, port, demo, doctor)
ABOUT = "Practical deep learning for Keras 3 on TensorFlow: train, use, judge and ship models."
STATUS = (
    "exit status: 0 done, 1 done but no good (the command's --help says when), 2 an error that you can act on, "
    "130 stopped by Ctrl-C"
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return the exit status: 0 done, 1 the result is no good, 2 an error to act on."""
    options = _parser().parse_args(arguments)
    try:
        with _warnings_in_words(options.command):
            return options.run(options)
    except KeyboardInterrupt:
        print("\nkerasfast: stopped.", file=sys.stderr)
        return 130
    except BrokenPipeError:  # of `kerasfast predict ... | head`
        sys.stderr.close()
        return 0
    except _reported_errors() as error:
        if options.debug:
            traceback.print_exc()
        else:
            print(f"\nkerasfast {options.command}: {_in_terms_of_options(str(error))}", file=sys.stderr)
        return 2


@contextlib.contextmanager
def _warnings_in_words(command: str) -> Iterator[None]:
    """Print warnings as sentences, without the place in the code; of letters that plots lack one for all."""
    said = set()

    def show(message: Warning | str, *_: object, **__: object) -> None:
        text = str(message)
        if text.startswith("Glyph "):
            text = "the font of the plots lacks some letters of these names, and shows boxes in their place."
        if text not in said:
            said.add(text)
            print(f"kerasfast {command}: {text}", file=sys.stderr)

    with warnings.catch_warnings():
        warnings.showwarning = show
        yield


def _in_terms_of_options(message: str) -> str:
    """Return what an error says to a user of the library in the words of the command line."""
    message = re.sub(r"^\[Errno \d+\] ", "", message).replace("(learners take it as `path=`)", "(`--out`)")
    return message.replace('pass on_error="skip"', "add --skip-broken")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="kerasfast", description=ABOUT, epilog=STATUS)
    parser.add_argument("--version", action="version", version=f"kerasfast {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="command")
    for module in COMMANDS:
        module.add(commands)
    return parser


def _reported_errors() -> tuple[type[Exception], ...]:
    """Return the errors whose message says what to do, so that a traceback would only hide it."""
    from kerasfast.vision.networks.applications import WeightsError

    return (ValueError, OSError, ImportError, WeightsError)
