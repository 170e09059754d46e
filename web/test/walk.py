"""Serve an audit and walk a newcomer's path through it: `python web/test/walk.py AUDIT [PNG]`."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path


def main() -> int:
    """Start the server, run the path in Chromium, stop the server; return the path's exit code."""
    serve = [sys.executable, "-m", "holistic", "serve", sys.argv[1]]
    with subprocess.Popen(serve, stdout=subprocess.PIPE, text=True) as serving:
        try:
            assert serving.stdout is not None
            address = serving.stdout.readline().strip()
            path = Path(__file__).with_name("live.mjs")
            return subprocess.run(["node", str(path), address, *sys.argv[2:]]).returncode
        finally:
            serving.terminate()


if __name__ == "__main__":
    sys.exit(main())
