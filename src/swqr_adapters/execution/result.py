"""What a program gives back."""

from collections.abc import Mapping, Sequence

from attrs import field, frozen

__all__ = ["ProgramResult"]


@frozen(kw_only=True)
class ProgramResult:
    """A finished program's answer.

    Attributes:
        result: The exact UTF-8 text that ``GET /jobs/{id}/results`` gives.
        quantum_seconds: Seconds for which the device was needed, by the duration model; never wall
            time.
        metrics: Plain JSON values about the run, as in ``ExecutionOutcome.metrics``.
        logs: Lines for the job's log, in order, without line ends.
    """

    result: bytes = field(repr=False)
    quantum_seconds: float
    metrics: Mapping[str, object] = field(factory=dict)
    logs: Sequence[str] = field(factory=tuple, repr=False)
