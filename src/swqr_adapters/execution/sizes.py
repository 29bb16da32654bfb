"""How large an OpenQASM 3 text announces to be, looked at before the importer makes all of it.

The importer makes one object for each bit that is declared, so a line of 30 characters could fill
the machine's memory. It takes integers for sizes, and sums and products of integers. And it writes
out each gate that is defined by another one, so forty definitions that each use the one before
twice would keep it busy for good.
"""

import re
from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from swqr_adapters.codec import Budget

from .errors import ProgramError

if TYPE_CHECKING:
    from openqasm3 import ast

__all__ = ["check_definitions", "check_sizes"]

_COMMENTS: Final = re.compile(r"//[^\n]*|/\*.*?\*/", re.DOTALL)
_DECLARED: Final = re.compile(r"\b(qubit|qreg|bit|creg)\b\s*\w*\s*\[([^\]]*)\]")
_PHYSICAL: Final = re.compile(r"\$(\d+)")
_INTEGER: Final = re.compile(r"0[xX][\da-fA-F_]+|0[oO][0-7_]+|0[bB][01_]+|\d[\d_]*")
_LONGEST: Final = 20  # digits: longer ones are too large, and slow to read
_HUGE: Final = 10**_LONGEST
_QUANTUM: Final = frozenset({"qubit", "qreg"})
_MOST_WRITTEN: Final = 10_000  # takes the importer some three seconds


def check_sizes(text: str, where: str) -> None:
    """Check that a program declares no more bits than a circuit in QPY may have.

    Args:
        text: The program.
        where: How to call it in a message, for example ``pub 0``.

    Raises:
        ProgramError: It declares more (code 1520).
    """
    limits = Budget()
    # As it stands, too: what looks like a comment need not be one.
    for seen in (text, _COMMENTS.sub(" ", text)):
        declared = [(match[1] in _QUANTUM, _bound(match[2])) for match in _DECLARED.finditer(seen)]
        qubits = sum(size for quantum, size in declared if quantum)
        last = max((_integer(match[1]) for match in _PHYSICAL.finditer(seen)), default=-1)
        clbits = sum(size for quantum, size in declared if not quantum)
        for found, limit, noun in (
            (max(qubits, last + 1), limits.qubits, "qubits"),
            (clbits, limits.clbits, "classical bits"),
        ):
            if found > limit:
                raise ProgramError(
                    f"The OpenQASM program of {where} declares more than {limit} {noun}.",
                    1520,
                    "Declare only what the circuit uses.",
                )


def check_definitions(program: "ast.Program", where: str) -> None:
    """Check that the gates of a program do not stand for too much of one another.

    Args:
        program: The program, parsed.
        where: How to call it in a message, for example ``pub 0``.

    Raises:
        ProgramError: Written out, a definition uses other definitions too often (code 1520).
    """
    from openqasm3 import ast

    written: dict[str, int] = {}
    for statement in program.statements:
        if not isinstance(statement, ast.QuantumGateDefinition):
            continue
        # A name means the definition that came before.
        uses = Counter(_gates_of(statement.body))
        total = sum(count * (1 + written[name]) for name, count in uses.items() if name in written)
        if total > _MOST_WRITTEN:
            raise ProgramError(
                f"The gate {statement.name.name[:40]} that {where} defines stands for more than "
                f"{_MOST_WRITTEN} gates that it defines too.",
                1520,
                "Nest the definitions less, or send the circuit in QPY.",
            )
        written[statement.name.name] = total


def _gates_of(statements: "list[ast.QuantumStatement]") -> "Iterator[str]":
    """Yield the name of every gate that is called, inside loops and conditions too."""
    from openqasm3 import ast

    waiting: list[object] = [*statements]
    while waiting:
        found = waiting.pop()
        if isinstance(found, ast.QuantumGate):
            yield found.name.name
        elif isinstance(found, ast.QASMNode):
            for part in vars(found).values():
                waiting += part if isinstance(part, list) else [part]


def _bound(expression: str) -> int:
    """Return a number that the value of an expression does not exceed."""
    times = "*" in expression
    bound = 1 if times else 0
    for match in _INTEGER.finditer(expression):
        number = _integer(match[0])
        bound = bound * (number + 1) if times else bound + number
        if bound > _HUGE:
            break
    return bound


def _integer(text: str) -> int:
    if len(text) > _LONGEST:
        return _HUGE
    digits = text.replace("_", "")
    return int(digits, 0) if digits[1:2].isalpha() else int(digits)
