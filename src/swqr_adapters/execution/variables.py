"""Real-time variables as hidden classical bits.

Aer fails on boolean variables, so a circuit's variables become bits and registers of its own,
which Aer handles, and its expressions name those instead.
"""

from collections.abc import Iterator
from typing import Any

from qiskit import QuantumCircuit
from qiskit.circuit import ClassicalRegister, Clbit, Store
from qiskit.circuit.classical import expr, types
from qiskit.circuit.controlflow import IfElseOp, SwitchCaseOp, WhileLoopOp

from .errors import ProgramError

__all__ = ["HiddenBits"]


class HiddenBits:
    """Bits for all variables of a circuit, those of its blocks included.

    Attributes:
        bits: The bits of boolean variables.
        registers: The registers of integers.
    """

    def __init__(self, circuit: QuantumCircuit) -> None:
        self.bits: list[Clbit] = []
        self.registers: list[ClassicalRegister] = []
        self._places: dict[Any, expr.Var] = {}
        for variable in _declared(circuit):
            if isinstance(variable.type, types.Bool):
                bit = Clbit()
                self.bits.append(bit)
                self._places[variable] = expr.Var(bit, types.Bool())
            elif isinstance(variable.type, types.Uint):
                register = ClassicalRegister(
                    variable.type.width, f"variable {len(self.registers)} {variable.name}"
                )
                self.registers.append(register)
                self._places[variable] = expr.Var(register, variable.type)
            else:
                raise ProgramError(
                    f"The variable {variable.name!r} is of a type that cannot be simulated: "
                    f"{variable.type}.",
                    1522,
                    "Use boolean and unsigned integer variables.",
                )

    def add_to(self, circuit: QuantumCircuit) -> None:
        """Give a circuit the hidden bits."""
        circuit.add_bits(self.bits)
        for register in self.registers:
            circuit.add_register(register)

    @property
    def all_bits(self) -> list[Clbit]:
        """Every hidden bit, in the order in which they are added."""
        return [*self.bits, *(bit for register in self.registers for bit in register)]

    def operation(self, operation: Any, blocks: list[QuantumCircuit]) -> Any:
        """Return an operation that names hidden bits for variables, with other blocks."""
        match operation.name:
            case "store":
                return Store(self._expression(operation.lvalue), self._expression(operation.rvalue))
            case "if_else":
                return IfElseOp(self._condition(operation.condition), *blocks)
            case "while_loop":
                return WhileLoopOp(self._condition(operation.condition), *blocks)
            case "switch_case":
                labels = [values for values, _ in operation.cases_specifier()]
                return SwitchCaseOp(
                    self._condition(operation.target), list(zip(labels, blocks, strict=True))
                )
            case _:
                return operation.replace_blocks(blocks) if blocks else operation

    def _condition(self, condition: Any) -> Any:
        return self._expression(condition) if isinstance(condition, expr.Expr) else condition

    def _expression(self, node: Any) -> Any:
        match node:
            case expr.Var():
                new: Any = self._places.get(node, node)
            case expr.Unary():
                new = expr.Unary(node.op, self._expression(node.operand), node.type)
            case expr.Binary():
                left, right = self._expression(node.left), self._expression(node.right)
                new = expr.Binary(node.op, left, right, node.type)
            case expr.Cast():
                new = expr.Cast(self._expression(node.operand), node.type, implicit=node.implicit)
            case expr.Index():
                new = self._index(node)
            case _:
                new = node
        return new

    def _index(self, node: Any) -> Any:
        """Return a bit of an integer: by a fixed number it is a hidden bit itself."""
        target, index = self._expression(node.target), self._expression(node.index)
        register = getattr(target, "var", None)
        if isinstance(index, expr.Value) and isinstance(register, ClassicalRegister):
            return expr.Var(register[int(index.value)], types.Bool())
        return expr.Index(target, index, node.type)


def _declared(circuit: QuantumCircuit) -> Iterator[Any]:
    yield from circuit.iter_declared_vars()
    for item in circuit.data:
        for block in getattr(item.operation, "blocks", ()):
            yield from _declared(block)
