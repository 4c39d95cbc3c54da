"""Run the command line as `python -m kerasfast`."""

import sys

from kerasfast.cli import main

if __name__ == "__main__":
    sys.exit(main())
