"""What the commands share: how they present themselves, how they answer programs, and the models they open."""

import argparse
import contextlib
import json
import pathlib
import sys
from collections.abc import Callable, Iterator
from typing import Any

Commands = Any  # argparse's private class


def command(
    commands: Commands,
    name: str,
    about: str,
    run: Callable[[argparse.Namespace], int],
    *,
    more: str = "",
    examples: str = "",
) -> argparse.ArgumentParser:
    """Add a command and return its parser.

    Args:
        commands: Where to add it.
        name: Of the command.
        about: A sentence without its full stop and capital.
        run: Called with the options, returns the exit status.
        more: Further sentences for its `--help`.
        examples: Lines of a terminal.
    """
    lines = "".join(f"  {line.strip()}\n" for line in examples.strip().splitlines())
    parser = commands.add_parser(
        name,
        help=about,
        description=f"{about[0].upper()}{about[1:]}. {more}".strip(),
        epilog=f"examples:\n{lines}" if lines else None,
        formatter_class=_Teaching,
    )
    parser.add_argument("--json", action="store_true", help="print the result as JSON, and all else to standard error")
    parser.add_argument("--debug", action="store_true", help="show the traceback of an error")
    parser.set_defaults(run=run)
    return parser


def add_seed(parser: argparse.ArgumentParser, of: str) -> None:
    """Add the option `--seed`."""
    parser.add_argument(
        "--seed", type=int, default=42, metavar="N", help=f"of {of}; repeats a run (default: %(default)s)"
    )


def add_labels(parser: argparse.ArgumentParser) -> None:
    """Add the option `--labels`."""
    parser.add_argument(
        "--labels",
        type=lambda text: tuple(name.strip() for name in text.split(",")),
        metavar="COLUMN",
        help="the table's column of labels, where it has more than two; several numbers: a,b",
    )


def ready_to_write(out: str) -> None:
    """Make the folder of a file that a command will write, before the command's work.

    Raises:
        OSError: When nothing can be written there.
    """
    from kerasfast.basics.files import writable_folder

    writable_folder(pathlib.Path(out).expanduser().absolute().parent)


@contextlib.contextmanager
def talking(options: argparse.Namespace) -> Iterator[None]:
    """Let what is printed inside go to standard error where standard output is for JSON alone."""
    with contextlib.redirect_stdout(sys.stderr) if options.json else contextlib.nullcontext():
        yield


def answer(options: argparse.Namespace, result: Any, text: str | None = None) -> None:
    """Print a result: as JSON, or as text where there is some."""
    if options.json:
        print(json.dumps(result, indent=2, allow_nan=False, default=_plain))
    elif text:
        print(text)


def _plain(value: Any) -> Any:
    """Return a NumPy number or a path as JSON can hold it."""
    return value.item() if hasattr(value, "item") else str(value)


class _Teaching(argparse.RawDescriptionHelpFormatter):
    """Wraps the description, and leaves the lines of the examples as they are."""

    def _fill_text(self, text: str, width: int, indent: str) -> str:
        if text.startswith("examples:"):
            return text
        return argparse.HelpFormatter._fill_text(self, text, width, indent)
