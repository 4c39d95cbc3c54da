"""`kerasfast doctor`: what this machine has for training, and what kerasfast keeps on its disk."""

import argparse
import pathlib
import time
from typing import Any

from kerasfast.basics.quiet import quiet_start
from kerasfast.cli.options import Commands, answer, command

EXAMPLES = """
kerasfast doctor
kerasfast doctor --clean data/dogscats
kerasfast doctor --clean data --keep
"""
MORE = (
    "With --clean: small copies of pictures, stored activations and files that killed runs left below a folder, which "
    "are made anew when they are needed. Models are never touched."
)


def add(commands: Commands) -> None:
    """Add the command."""
    about = "say which versions, devices, pretrained weights and extras this machine has, or free caches"
    doctor = command(commands, "doctor", about, run, more=MORE, examples=EXAMPLES)
    doctor.add_argument("--clean", metavar="DIR", help="show the caches below a folder, and remove them")
    doctor.add_argument("--keep", action="store_true", help="with --clean: show them, but remove nothing")


def run(options: argparse.Namespace) -> int:
    """Run the command."""
    if options.keep and not options.clean:
        raise ValueError("--keep goes with --clean DIR.")
    if options.clean:
        return _clean(options)
    from kerasfast import doctor

    with quiet_start():
        findings = doctor.examine()
    answer(options, findings, doctor.report(findings))
    return 0


def _clean(options: argparse.Namespace) -> int:
    from kerasfast.basics.caches import kept_below

    folder = pathlib.Path(options.clean).expanduser()
    if not folder.is_dir():
        raise FileNotFoundError(f"There is no folder {folder}.")
    kept = kept_below(folder)
    if not options.keep:
        for one in kept:
            one.remove()
    result = [{"path": str(one.path), "what": one.what, "bytes": one.size} for one in kept]
    answer(options, {"removed": not options.keep, "caches": result}, _text(kept, options.keep))
    return 0


def _text(kept: list[Any], only_shown: bool) -> str:
    if not kept:
        return "There are no caches."
    lines = [
        f"{one.size / 2**20:10.1f} MiB  {one.what:12} {time.strftime('%Y-%m-%d', time.localtime(one.used))}  {one.path}"
        for one in kept
    ]
    total = sum(one.size for one in kept) / 2**20
    return "\n".join([*lines, f"{total:10.1f} MiB  {'in all; nothing was removed' if only_shown else 'freed'}"])
