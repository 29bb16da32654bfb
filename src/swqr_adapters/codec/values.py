"""Values of the dialect whose official classes live in qiskit-ibm-runtime.

A worker starts without that package; what it reads and writes of these are plain facts.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal

from attrs import field, frozen

if TYPE_CHECKING:
    import numpy.typing as npt
    from qiskit import QuantumCircuit
    from qiskit.quantum_info import PauliList

__all__ = [
    "ExecutionSpan",
    "ExecutionSpans",
    "LayerError",
    "NoiseLearnerResult",
    "PauliLindbladError",
    "SpanKind",
]

SpanKind = Literal["DoubleSliceSpan", "ExecutionSpan", "TwirledSliceSpan", "TwirledSliceSpanV2"]


@frozen(kw_only=True)
class ExecutionSpan:
    """When a part of the results was taken.

    Attributes:
        kind: The tag, which says what the slices hold.
        start: Aware UTC.
        stop: Aware UTC.
        data_slices: Pub index to ``(shape, *numbers)``, where the numbers are:
            ``DoubleSliceSpan``: arg0, arg1, shot0, shot1;
            ``TwirledSliceSpan``: at_start, arg0, arg1, shot0, shot1;
            ``TwirledSliceSpanV2``: the same, then pub_shots;
            ``ExecutionSpan``: start, stop.
            The shape includes the axis of shots.
    """

    kind: SpanKind = "DoubleSliceSpan"
    start: datetime
    stop: datetime
    data_slices: Mapping[int, Sequence[Any]]


@frozen
class ExecutionSpans:
    """The spans of one job's results."""

    spans: Sequence[ExecutionSpan]


@frozen(eq=False)
class PauliLindbladError:
    """A Pauli-Lindblad channel.

    Attributes:
        generators: ``k`` Paulis.
        rates: Their ``k`` rates, no unit.
    """

    generators: "PauliList"
    rates: "npt.NDArray[Any]"


@frozen(eq=False)
class LayerError:
    """The learned noise of one layer.

    Attributes:
        circuit: The layer, as wide as `qubits` is long.
        qubits: The device's qubits that it stands for.
        error: Its noise; None if not known.
    """

    circuit: "QuantumCircuit"
    qubits: Sequence[int]
    error: PauliLindbladError | None = None


@frozen(eq=False)
class NoiseLearnerResult:
    """What the noise learner (version 2) found, as an input of an estimator."""

    data: Sequence[LayerError]
    metadata: Mapping[str, Any] = field(factory=dict)
