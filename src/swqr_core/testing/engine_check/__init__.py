"""Checks the lifecycle tables exhaustively, and the engine for all histories up to a bound.

``python -m swqr_core.testing.engine_check --bound N`` tries every sequence of at most N inputs on
a cloud of one backend, two sessions and three jobs: opening, submitting, ending, cancelling,
draining, taking the backend out of service, and waiting for whatever happens by itself. After each
input the engine's view, and all that will happen by itself, are compared with the model of
``swqr_core.testing.model``. Histories that lead to the same state are followed once, whatever
their sessions and jobs are called.
"""

from .command import main
from .search import Found, check_engine
from .tables import Tables, check_tables

__all__ = ["Found", "Tables", "check_engine", "check_tables", "main"]
