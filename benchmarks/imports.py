"""What it costs to import the core, over a bare interpreter, in units of ``import attrs``.

Whole processes are timed, interleaved, so that what the machine does meanwhile falls on all alike.
The cost of a statement is its median less the median of an interpreter that does nothing. That is
the stricter way to read the bounds; the ratio of the whole processes is shown as well.
"""

from functools import partial

from benchmarks._measure import interleaved, process

ROUNDS = 30
BARE = "pass"
ATTRS = "import attrs"
# Statement -> at most this many times the cost of ``import attrs``.
BOUNDS = {
    "import swqr_core": 1.5,
    "from swqr_core import Session, Job": 2.0,
    "from swqr_core import Runtime": 5.0,
}


def main() -> bool:
    """Print the table; return whether every bound was kept."""
    cases = {statement: partial(process, statement) for statement in (BARE, ATTRS, *BOUNDS)}
    taken = interleaved(cases, ROUNDS)
    medians = {statement: times.median for statement, times in taken.items()}
    unit = medians[ATTRS] - medians[BARE]
    print(f"bare interpreter {medians[BARE] * 1e3:.1f} ms, import attrs {unit * 1e3:.1f} ms more\n")
    print("| statement | ms more than bare | times `import attrs` | at most | whole processes |")
    print("|---|---|---|---|---|")
    kept = True
    for statement, bound in BOUNDS.items():
        cost = medians[statement] - medians[BARE]
        kept = kept and cost <= bound * unit
        whole = medians[statement] / medians[ATTRS]
        print(f"| `{statement}` | {cost * 1e3:.1f} | {cost / unit:.2f} | {bound} | {whole:.2f} |")
    return kept
