"""`kerasfast port`: rewrite the notebooks and scripts of the course for kerasfast."""

import argparse
from dataclasses import asdict

from kerasfast.cli.options import Commands, answer, command
from kerasfast.porting.code import Finding
from kerasfast.porting.ported import Ported, port

EXAMPLES = """
kerasfast port lesson1.ipynb --dry-run
kerasfast port lesson3-rossman.ipynb
"""
MORE = (
    "Imports of fastai become those of kerasfast.fastai, and lines that today's pandas refuses what it takes. Strings, "
    "comments, magics, text and outputs stay. The file as it was is kept beside it as NAME.before.ipynb. Exit status 1 "
    "means that some places need you; they are listed."
)


def add(commands: Commands) -> None:
    """Add the command."""
    about = "rewrite notebooks (.ipynb) and scripts (.py) of the fast.ai 0.7 course for kerasfast"
    parser = command(commands, "port", about, run, more=MORE, examples=EXAMPLES)
    parser.add_argument("files", nargs="+", metavar="FILE", help="a notebook or a script")
    parser.add_argument("--dry-run", action="store_true", help="show what would change, and write nothing")


def run(options: argparse.Namespace) -> int:
    """Run the command."""
    every = [port(file) for file in options.files]
    taken = [one.copy for one in every if one.diff and one.copy.exists()]
    if taken and not options.dry_run:
        raise FileExistsError(f"{taken[0]} is there already, so nothing was written; move it away first.")
    for one in every:
        if one.diff and not options.dry_run:
            one.write()
    answer(
        options, {"files": [_result(one, options) for one in every]}, "\n".join(_text(one, options) for one in every)
    )
    return int(any(one.left for one in every))


def _result(one: Ported, options: argparse.Namespace) -> dict[str, object]:
    written = bool(one.diff) and not options.dry_run
    return {
        "path": str(one.path),
        "written": written,
        "copy": str(one.copy) if written else None,
        "changes": [asdict(finding) for finding in one.changes],
        "left": [asdict(finding) for finding in one.left],
        "diff": one.diff,
    }


def _text(one: Ported, options: argparse.Namespace) -> str:
    lines = [one.diff] if one.diff else []
    if one.left:
        lines.append(f"{one.path}: left to you:")
        lines += [f"  {_place(finding)}: {finding.code}\n      {finding.what}" for finding in one.left]
    places = f"{len(one.changes)} place{'s' * (len(one.changes) != 1)}"
    if not one.diff:
        lines.append(f"{one.path}: nothing to change.")
    elif options.dry_run:
        lines.append(f"{one.path}: {places} would change; nothing was written.")
    else:
        lines.append(f"{one.path}: {places} changed; as it was: {one.copy}")
    return "\n".join(lines)


def _place(finding: Finding) -> str:
    cell = f"cell {finding.cell}, " if finding.cell is not None else ""
    return f"{cell}line {finding.line}"
