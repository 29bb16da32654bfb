"""``python -m swqr_adapters.cli`` is ``swqr``."""

from . import main

raise SystemExit(main())
