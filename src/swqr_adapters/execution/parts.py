"""Cut a circuit into parts that know nothing of each other.

Qubits belong together if an operation ties them, or a classical bit that one writes and another's
steering reads. Parts are independent, noise included, since every error acts on its own gate's
qubits; so each is simulated by itself and the whole costs the sum, not the product.
"""

from collections.abc import Iterable, Sequence
from enum import Enum
from typing import Final

from attrs import frozen

from .steps import DYNAMIC, Step

__all__ = ["Kind", "Part", "prune", "split"]


class Kind(Enum):
    """How a part must be simulated."""

    LONE = "lone"  # one qubit, measured at most at its end
    STATIC = "static"  # measured at its end only
    SHOTS = "shots"  # measured on the way: shot by shot
    DYNAMIC = "dynamic"  # steered by classical values


@frozen(kw_only=True, eq=False)
class Part:
    """Some qubits and bits, and all that happens to them.

    Attributes:
        kind: How it must be simulated.
        qubits: The device's qubits, ascending.
        clbits: The circuit's classical bits, ascending.
        steps: What happens, in order; for static kinds without the measurements.
        measures: The (qubit, bit) pairs of the final measurements, in order.
        has_reset: Whether a qubit is reset after something happened to it.
    """

    kind: Kind
    qubits: tuple[int, ...]
    clbits: tuple[int, ...]
    steps: tuple[Step, ...]
    measures: tuple[tuple[int, int], ...]
    has_reset: bool


#: Steps that leave an untouched qubit as it is: relaxation is towards zero.
_IDLE: Final = frozenset({"delay", "reset", "id"})


def prune(
    steps: Sequence[Step],
    *,
    read: frozenset[int] = frozenset(),
    observed: Iterable[int] = (),
    ideal: bool,
) -> list[Step]:
    """Return the steps that matter for what is looked at, in order.

    Args:
        steps: All steps.
        read: The classical bits that somebody looks at in the end.
        observed: Qubits that somebody observes in the end.
        ideal: Whether waiting is free of errors.
    """
    needed = read.union(*(step.clbits for step in steps if step.name in DYNAMIC))
    live = set(observed)
    kept = [step for step in reversed(steps) if _matters(step, live, needed, ideal=ideal)]
    kept.reverse()
    touched: set[int] = set()
    result = []
    for step in kept:
        if step.name in _IDLE and step.qubits[0] not in touched:
            continue
        touched.update(step.qubits)
        result.append(step)
    return result


def _matters(step: Step, live: set[int], needed: frozenset[int], *, ideal: bool) -> bool:
    """Return whether a step reaches what is looked at; going backwards, *live* does."""
    name = step.name
    if name in DYNAMIC:
        live.update(step.qubits)
        return True
    if name == "measure":
        if step.clbits[0] in needed:
            live.add(step.qubits[0])
        return step.qubits[0] in live
    if live.isdisjoint(step.qubits) or (ideal and name in {"delay", "id"}):
        return False
    if name == "reset":
        live.discard(step.qubits[0])
    else:
        live.update(step.qubits)
    return True


def split(steps: Sequence[Step], *, variables: bool = False) -> list[Part]:
    """Return the independent parts, ordered by their lowest qubit or, without qubits, bit.

    Args:
        steps: What :func:`prune` left.
        variables: Whether the circuit has real-time variables; they tie all steered steps.
    """
    parents: dict[int, int] = {}

    def find(node: int) -> int:
        root = node
        while (parent := parents.setdefault(root, root)) != root:
            root = parent
        while parents[node] != root:
            parents[node], node = root, parents[node]
        return root

    first_dynamic: int | None = None
    homes = []
    for step in steps:
        # Classical bits are numbered -1, -2, ... so that they do not meet the qubits.
        nodes = (*step.qubits, *(~bit for bit in step.clbits))
        if step.name in DYNAMIC and variables:
            if first_dynamic is None:
                first_dynamic = -(2**62)  # stands for all variables
            nodes = (*nodes, first_dynamic)
        if not nodes:
            continue
        root = find(nodes[0])
        for node in nodes[1:]:
            parents[find(node)] = root
        homes.append((step, nodes[0]))
    groups: dict[int, list[Step]] = {}
    for step, node in homes:
        groups.setdefault(find(node), []).append(step)
    found = [_part(group) for group in groups.values()]
    return sorted(found, key=lambda part: (not part.qubits, part.qubits or part.clbits))


def _part(steps: list[Step]) -> Part:
    qubits = tuple(sorted({qubit for step in steps for qubit in step.qubits}))
    clbits = tuple(sorted({bit for step in steps for bit in step.clbits}))
    measured: set[int] = set()
    measures: list[tuple[int, int]] = []
    dynamic = midway = has_reset = False
    for step in steps:
        midway = midway or not measured.isdisjoint(step.qubits)
        if step.name in DYNAMIC:
            dynamic = True
        elif step.name == "measure":
            measured.add(step.qubits[0])
            measures.append((step.qubits[0], step.clbits[0]))
        elif step.name == "reset":
            has_reset = True
    if dynamic or midway:
        kind = Kind.DYNAMIC if dynamic else Kind.SHOTS
    else:
        kind = Kind.LONE if len(qubits) == 1 else Kind.STATIC
        steps = [step for step in steps if step.name != "measure"]
    return Part(
        kind=kind,
        qubits=qubits,
        clbits=clbits,
        steps=tuple(steps),
        measures=tuple(measures),
        has_reset=has_reset,
    )
