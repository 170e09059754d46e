"""What does `python -m holistic` do? The same as `holistic`."""

import sys

from holistic.cli import main

if __name__ == "__main__":
    sys.exit(main())
