"""What it costs to import the core, over a bare interpreter, in units of ``import attrs``.

Whole processes are timed, interleaved, so that what the machine does meanwhile falls on all alike.
The cost of a statement is its median less the median of an interpreter that does nothing.
"""

import statistics
import subprocess
import sys
import time

ROUNDS = 30
BARE = "pass"
ATTRS = "import attrs"
# Statement -> at most this many times the cost of ``import attrs``.
BOUNDS = {
    "import swqr_core": 1.5,
    "from swqr_core import Session, Job": 2.0,
    "from swqr_core import Runtime": 5.0,
}


def seconds(statement: str) -> float:
    """Return the wall time of one fresh interpreter that runs the statement."""
    begun = time.perf_counter()
    subprocess.run([sys.executable, "-c", statement], check=True)
    return time.perf_counter() - begun


def main() -> bool:
    """Print the table; return whether every bound was kept."""
    statements = [BARE, ATTRS, *BOUNDS]
    for statement in statements:  # once unmeasured, so that every byte code file is there
        seconds(statement)
    times: dict[str, list[float]] = {statement: [] for statement in statements}
    for _ in range(ROUNDS):
        for statement in statements:
            times[statement].append(seconds(statement))
    medians = {statement: statistics.median(measured) for statement, measured in times.items()}
    unit = medians[ATTRS] - medians[BARE]
    print(f"bare interpreter {medians[BARE] * 1e3:.1f} ms, import attrs {unit * 1e3:.1f} ms more\n")
    print("| statement | ms more than bare | times `import attrs` | at most |")
    print("|---|---|---|---|")
    kept = True
    for statement, bound in BOUNDS.items():
        cost = medians[statement] - medians[BARE]
        kept = kept and cost <= bound * unit
        print(f"| `{statement}` | {cost * 1e3:.1f} | {cost / unit:.2f} | {bound} |")
    return kept
