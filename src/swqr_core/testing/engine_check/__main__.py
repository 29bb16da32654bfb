"""``python -m swqr_core.testing.engine_check``."""

import sys

from .command import main

if __name__ == "__main__":
    sys.exit(main())
