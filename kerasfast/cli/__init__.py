"""The command `kerasfast`: train, use, judge and ship models from a terminal."""

from kerasfast.cli.command_line import main
from kerasfast.quiet import quiet_start

__all__ = ["main", "quiet_start"]
