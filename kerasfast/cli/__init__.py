"""The command `kerasfast`: train, use, judge and ship models from a terminal."""

from kerasfast.basics.quiet import quiet_start
from kerasfast.cli.command_line import main

__all__ = ["main", "quiet_start"]
