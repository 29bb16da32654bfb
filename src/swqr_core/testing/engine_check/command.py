"""The command."""

import argparse
import sys
from collections.abc import Sequence

from .search import check_engine
from .tables import check_tables

__all__ = ["main"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Check the tables and the engine, and say how much was seen."""
    parser = argparse.ArgumentParser(prog="python -m swqr_core.testing.engine_check")
    parser.add_argument("--bound", type=int, default=5, help="the most inputs in a history")
    parser.add_argument("--sessions", type=int, default=2, help="the most sessions in a history")
    parser.add_argument("--jobs", type=int, default=3, help="the most jobs in a history")
    chosen = parser.parse_args(arguments)
    if chosen.bound < 1:
        parser.error("--bound must be 1 or more")
    tables = check_tables()
    say = sys.stdout.write
    say(f"tables: {tables.rows} transitions and {tables.refusals} refusals are as they should be\n")
    found = check_engine(chosen.bound, sessions=chosen.sessions, jobs=chosen.jobs)
    extent = "no history leads further" if found.complete else f"up to {found.bound} inputs"
    say(
        f"engine: {found.states} states visited, {found.inputs} inputs tried, {found.refused} "
        f"refused without a trace; {extent}\n"
    )
    return 0
