"""The device that a job runs on, as a worker knows it."""

import json
from collections.abc import Mapping
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Any

from attrs import frozen

from .calibration import Calibration, load_calibration

if TYPE_CHECKING:
    from .noise import NoiseLibrary

__all__ = ["Device"]

#: An ideal simulator's basis; it runs more gates than it tells a transpiler.
_IDEAL_BASIS = ("cx", "cz", "id", "rz", "sx", "x")


@frozen(kw_only=True, eq=False, slots=False)  # no slots: two properties are worked out once
class Device:
    """A device, made from its specification and kept per process.

    Attributes:
        name: The name that jobs call it by.
        num_qubits: How many qubits it has.
        noise: Whether the errors of its calibration are simulated.
        calibration: What its documents say; None for an ideal simulator.
        job_seconds: Fixed QPU seconds of every job; None for the duration model.
        method: Aer's simulation method; ``automatic`` chooses per circuit.
    """

    name: str
    num_qubits: int
    noise: bool = False
    calibration: Calibration | None = None
    job_seconds: float | None = None
    method: str = "automatic"

    @staticmethod
    def from_spec(spec: Mapping[str, object]) -> "Device":
        """Return the device of a specification (``ExecutionRequest.device``).

        The same specification gives the same object, so that what was worked out for one job
        serves the next.

        Args:
            spec: ``name``, ``num_qubits``; optionally ``snapshot`` and ``snapshot_dir`` (both or
                neither), ``noise`` (default true), ``job_seconds``, ``method``.
        """
        return _from_text(json.dumps(dict(spec), sort_keys=True))

    @property
    def ideal(self) -> bool:
        """Whether it is a simulator without a topology, which takes any gate it can run."""
        return self.calibration is None

    @property
    def basis(self) -> tuple[str, ...]:
        """The gates that it announces."""
        return _IDEAL_BASIS if self.calibration is None else self.calibration.basis

    @property
    def coupling(self) -> tuple[tuple[int, ...], ...] | None:
        """Pairs of coupled qubits; None if every pair is."""
        return None if self.calibration is None else self.calibration.coupling

    @cached_property
    def target(self) -> Any:
        """The device as a Qiskit ``Target``; an ideal one takes its gates on any qubits."""
        from .targets import ideal_target, make_target

        if self.calibration is None:
            return ideal_target(self.num_qubits, self.basis)
        return make_target(self.calibration)

    @cached_property
    def errors(self) -> "NoiseLibrary | None":
        """The errors of its instructions; None if it runs without."""
        if not self.noise or self.calibration is None:
            return None
        from .noise import noise_library

        return noise_library(self.calibration)


@lru_cache(maxsize=256)
def _from_text(text: str) -> Device:
    spec: dict[str, Any] = json.loads(text)
    calibration = None
    if spec.get("snapshot") is not None:
        calibration = load_calibration(spec["snapshot_dir"], spec["snapshot"])
    return Device(
        name=spec["name"],
        num_qubits=int(spec["num_qubits"]),
        noise=bool(spec.get("noise", True)) and calibration is not None,
        calibration=calibration,
        job_seconds=spec.get("job_seconds"),
        method=spec.get("method") or "automatic",
    )
