"""Runs the benchmarks: ``python -m benchmarks [table ...]``; none named means all.

A benchmark is a module here with a function ``main() -> bool``: it prints its table and says
whether every bound was kept. Each runs in a process of its own, for what one has imported and
allocated would weigh on the next.
"""

import os
import subprocess
import sys
from importlib import import_module
from pathlib import Path

# Here bare Aer computes on one thread, as our workers do: for small circuits that is its fastest,
# by far if others use the machine. Set the variable to compare with more.
ONE_THREAD = frozenset({"bell", "local"})


def names() -> list[str]:
    """Return the tables that can be asked for."""
    modules = sorted(path.stem for path in Path(__file__).parent.glob("*.py"))
    return [name for name in modules if not name.startswith("_")]


def main(wanted: list[str]) -> int:
    """Run what is wanted; return the exit code."""
    if unknown := sorted(set(wanted) - set(names())):
        print(f"unknown: {', '.join(unknown)}; there are: {', '.join(names())}", file=sys.stderr)
        return 2
    if len(wanted) == 1:
        if wanted[0] in ONE_THREAD:
            os.environ.setdefault("OMP_NUM_THREADS", "1")
        print(f"\n# {wanted[0]}\n", flush=True)
        return 0 if import_module(f"benchmarks.{wanted[0]}").main() else 1
    commands = [[sys.executable, "-m", "benchmarks", name] for name in wanted or names()]
    return max([subprocess.run(command, check=False).returncode for command in commands])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
