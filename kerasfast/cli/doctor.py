"""`kerasfast doctor`: what this machine has for training."""

import argparse

from kerasfast.cli.options import Commands, answer, command
from kerasfast.quiet import quiet_start


def add(commands: Commands) -> None:
    """Add the command."""
    about = "say which versions, devices, pretrained weights and extras this machine has"
    command(commands, "doctor", about, run)


def run(options: argparse.Namespace) -> int:
    """Run the command."""
    from kerasfast import doctor

    with quiet_start():
        findings = doctor.examine()
    answer(options, findings, doctor.report(findings))
    return 0
