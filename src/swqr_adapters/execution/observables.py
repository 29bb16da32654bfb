"""The observables of an estimator's pub, as real sums of Pauli strings."""

import math
from collections.abc import Iterator, Mapping, Sequence
from itertools import product
from typing import Any, Final

import numpy as np
from attrs import frozen

from .errors import ProgramError

__all__ = ["Observables", "measurement_bases", "read_observables"]

#: What a letter stands for: Paulis with coefficients.
_LETTERS: Final[Mapping[str, tuple[tuple[str, float], ...]]] = {
    **{letter: ((letter, 1.0),) for letter in "IXYZ"},
    "0": (("I", 0.5), ("Z", 0.5)),
    "1": (("I", 0.5), ("Z", -0.5)),
    "+": (("I", 0.5), ("X", 0.5)),
    "-": (("I", 0.5), ("X", -0.5)),
    "r": (("I", 0.5), ("Y", 0.5)),
    "l": (("I", 0.5), ("Y", -0.5)),
}
_PAULIS: Final = frozenset("IXYZ")
_MAX_PROJECTORS: Final = 16  # letters in one string: 65,536 Paulis
_MAX_GROUPED: Final = 2000  # strings; beyond that their grouping is only estimated


@frozen(eq=False)
class Observables:
    """An array of observables.

    Attributes:
        shape: The array's shape.
        terms: For each element, in C order, Pauli strings with real coefficients.
    """

    shape: tuple[int, ...]
    terms: tuple[Mapping[str, float], ...]


def read_observables(given: object, num_qubits: int, where: str) -> Observables:
    """Return a pub's observables.

    Args:
        given: A string, a map from strings to coefficients, an operator (``SparsePauliOp``,
            ``Pauli``), an ``ObservablesArray``, or nested lists of any of these. Strings are made
            of ``IXYZ`` and of the projectors ``01+-rl``; the last letter is qubit 0.
        num_qubits: How wide the circuit is.
        where: How to call the pub in a message.

    Raises:
        ProgramError: A width differs from the circuit's (code 1501), or an observable is malformed
            (code 1002).
    """
    terms: list[Mapping[str, float]] = []
    shape = _walk(_plain(given), terms, num_qubits, where)
    return Observables(shape, tuple(terms))


def _plain(value: Any) -> Any:
    """Return lists for arrays of observables."""
    if type(value).__name__ == "ObservablesArray" or isinstance(value, np.ndarray):
        return value.tolist()
    return value


def _walk(
    value: Any, terms: list[Mapping[str, float]], num_qubits: int, where: str
) -> tuple[int, ...]:
    value = _plain(value)
    if not isinstance(value, list | tuple):
        terms.append(_observable(value, num_qubits, where))
        return ()
    shapes = {_walk(item, terms, num_qubits, where) for item in value}
    if len(shapes) > 1:
        raise ProgramError(
            f"The observables of {where} are nested unevenly.",
            1002,
            "Give lists of equal length at every level.",
        )
    return (len(value), *(next(iter(shapes)) if shapes else ()))


def _observable(value: Any, num_qubits: int, where: str) -> Mapping[str, float]:
    found: dict[str, float] = {}
    for label, coefficient in _pairs(value, where):
        if len(label) != num_qubits:
            raise ProgramError(
                f"The observable {_short(label)!r} of {where} has {len(label)} letters, its "
                f"circuit has {num_qubits} qubits.",
                1501,
                "Apply the circuit's layout: observable.apply_layout(circuit.layout).",
            )
        number = _real(coefficient, label, where)
        for pauli, factor in _expand(label, where):
            found[pauli] = found.get(pauli, 0.0) + number * factor
    return found


def _pairs(value: Any, where: str) -> Iterator[tuple[str, Any]]:
    if isinstance(value, str):
        yield value, 1.0
    elif isinstance(value, Mapping):
        for label, coefficient in value.items():
            yield str(label), coefficient
    elif hasattr(value, "to_list"):  # SparsePauliOp, SparseObservable
        yield from value.to_list()
    elif hasattr(value, "to_label"):  # Pauli, whose phase is in front of its letters
        letters = value.to_label().lstrip("-i")
        yield letters, (-1j) ** int(value.phase)
    else:
        raise ProgramError(
            f"An observable of {where} is a {type(value).__name__}.",
            1002,
            "Give Pauli strings, or maps from Pauli strings to coefficients.",
        )


def _real(value: Any, label: str, where: str) -> float:
    try:
        number = complex(value)
    except (TypeError, ValueError):
        number = complex(math.nan)
    if number.imag != 0 or not math.isfinite(number.real):
        raise ProgramError(
            f"The coefficient of {_short(label)!r} in an observable of {where} is {value!r}.",
            1002,
            "An observable is Hermitian: its coefficients are finite real numbers.",
        )
    return number.real


def _expand(label: str, where: str) -> Sequence[tuple[str, float]]:
    if _PAULIS.issuperset(label):
        return ((label, 1.0),)
    unknown = set(label).difference(_LETTERS)
    if unknown:
        raise ProgramError(
            f"The observable {_short(label)!r} of {where} has the letter {min(unknown)!r}.",
            1002,
            f"Its letters may be {''.join(_LETTERS)}.",
        )
    projectors = sum(letter not in _PAULIS for letter in label)
    if projectors > _MAX_PROJECTORS:
        raise ProgramError(
            f"The observable {_short(label)!r} of {where} has {projectors} projectors; "
            f"{_MAX_PROJECTORS} are the limit.",
            1520,
            "Use fewer projectors in one string.",
        )
    return [
        ("".join(letter for letter, _ in choice), math.prod(factor for _, factor in choice))
        for choice in product(*(_LETTERS[letter] for letter in label))
    ]


def _short(label: str) -> str:
    return label if len(label) <= 40 else f"{label[:37]}..."  # noqa: PLR2004 - a line of text


def measurement_bases(paulis: Sequence[str]) -> int:
    """Return how many different measurements some strings need.

    Strings that agree on every qubit that both look at are measured together.
    """
    bases: list[dict[int, str]] = []
    for label in sorted(set(paulis), key=lambda text: (text.count("I"), text))[:_MAX_GROUPED]:
        letters = {i: letter for i, letter in enumerate(label) if letter != "I"}
        if not letters:
            continue
        for basis in bases:
            if all(basis.get(i, letter) == letter for i, letter in letters.items()):
                basis.update(letters)
                break
        else:
            bases.append(letters)
    return max(1, len(bases))
