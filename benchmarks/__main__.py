"""Runs the benchmarks: ``python -m benchmarks [table ...]``; none named means all.

A benchmark is a module here with a function ``main() -> bool``: it prints its table and says
whether every bound was kept.
"""

import sys
from importlib import import_module
from pathlib import Path


def names() -> list[str]:
    """Return the tables that can be asked for."""
    modules = sorted(path.stem for path in Path(__file__).parent.glob("*.py"))
    return [name for name in modules if not name.startswith("_")]


def main(wanted: list[str]) -> int:
    """Run what is wanted; return the exit code."""
    if unknown := sorted(set(wanted) - set(names())):
        print(f"unknown: {', '.join(unknown)}; there are: {', '.join(names())}", file=sys.stderr)
        return 2
    kept = []
    for name in wanted or names():
        print(f"\n# {name}\n")
        kept.append(import_module(f"benchmarks.{name}").main())
    return 0 if all(kept) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
