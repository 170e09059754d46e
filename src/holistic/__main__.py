"""Runs `holistic` as `python -m holistic`."""

import sys

from holistic.cli import main

if __name__ == "__main__":
    sys.exit(main())
