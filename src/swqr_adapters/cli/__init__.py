"""The ``swqr`` command."""

import sys

from swqr_core.errors import MissingExtraError

__all__ = ["main"]


def main() -> int:
    """Run the command and return its exit code; without its libraries, say how to get them."""
    try:
        from .app import run
    except ImportError as error:
        if error.name is None or error.name.partition(".")[0] not in ("click", "rich"):
            raise
        sys.stderr.write(f"swqr: {MissingExtraError('the command line', 'cli')}\n")
        return 3
    return run()
