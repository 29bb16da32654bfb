"""The numbers that stand for a circuit's parameters, for all points of a sweep at once."""

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from .errors import ProgramError

if TYPE_CHECKING:
    from qiskit import QuantumCircuit

__all__ = ["Binding"]

Floats = npt.NDArray[np.float64]


class Binding:
    """The points of a sweep over one circuit.

    Attributes:
        values: The parameters' values, shape (points, parameters), columns in the order of
            ``circuit.parameters``.
    """

    def __init__(self, circuit: "QuantumCircuit", values: Floats) -> None:
        self.values = values
        self._columns = {parameter: i for i, parameter in enumerate(circuit.parameters)}

    def __len__(self) -> int:
        return len(self.values)

    def slice(self, start: int, stop: int) -> "Binding":
        """Return some consecutive points."""
        part = object.__new__(Binding)
        part.values, part._columns = self.values[start:stop], self._columns
        return part

    def rows(self, indices: Sequence[int]) -> "Binding":
        """Return the points at *indices*."""
        part = object.__new__(Binding)
        part.values, part._columns = self.values[list(indices)], self._columns
        return part

    def point(self, index: int) -> dict[Any, float]:
        """Return one point as a mapping from parameters, as Qiskit assigns them."""
        row = self.values[index]
        return {parameter: float(row[i]) for parameter, i in self._columns.items()}

    def evaluate(self, params: Sequence[Any]) -> list[float | Floats]:
        """Return an operation's parameters: numbers, or arrays of one number per point.

        Raises:
            ProgramError: An expression has no real value at some point (code 1002).
        """
        return [value if type(value) is float else self._number(value) for value in params]

    def _number(self, value: Any) -> float | Floats:
        parameters = getattr(value, "parameters", None)
        if not parameters:
            return float(value)
        if len(parameters) == 1 and (column := self._columns.get(value)) is not None:
            return self.values[:, column]
        try:
            return self._linear(value, parameters)
        except (TypeError, ValueError, ArithmeticError, RuntimeError):
            # Not linear, or, like sign(a), of a kind that Qiskit does not derive.
            return self._pointwise(value, parameters)

    def _linear(self, expression: Any, parameters: Any) -> Floats:
        """Evaluate an expression like ``2*a - b + 1`` on all points at once."""
        slopes = {p: expression.gradient(p) for p in parameters}
        if not all(isinstance(slope, int | float) for slope in slopes.values()):
            raise ValueError("not linear")
        total = np.full(len(self), float(expression.bind(dict.fromkeys(parameters, 0.0))))
        for parameter in sorted(slopes, key=self._columns.__getitem__):
            total += float(slopes[parameter]) * self.values[:, self._columns[parameter]]
        return total

    def _pointwise(self, expression: Any, parameters: Any) -> Floats:
        results = np.empty(len(self))
        for i, row in enumerate(self.values):
            try:
                number = float(
                    expression.bind({p: float(row[self._columns[p]]) for p in parameters})
                )
            except (TypeError, ValueError, ArithmeticError) as exc:
                raise _no_number(expression, i) from exc
            if not math.isfinite(number):
                raise _no_number(expression, i)
            results[i] = number
        return results


def _no_number(expression: Any, index: int) -> ProgramError:
    return ProgramError(
        f"The parameter expression {expression} has no finite real value for parameter set "
        f"{index}.",
        1002,
        "Choose parameter values for which every expression of the circuit is a real number.",
    )
