"""One device of the fleet."""

from collections.abc import Mapping
from functools import lru_cache

from attrs import frozen

from . import documents
from .snapshots import Snapshot

__all__ = ["DeviceEntry"]


@frozen(kw_only=True)
class DeviceEntry:
    """A device under the name that was asked for.

    Attributes:
        name: The name asked for; every document carries it.
        num_qubits: How many qubits it has.
        snapshot: The device's files; None for an ideal simulator.
        noise: Whether its errors are simulated; None for what the cloud does.
        mock: Whether it is listed for dry runs only.
        calibration_ids: The calibrations that jobs may ask for; all are the same one.
        instances: The instances that may use it; None for all.
    """

    name: str
    num_qubits: int
    snapshot: Snapshot | None = None
    noise: bool | None = None
    mock: bool = False
    calibration_ids: tuple[str, ...] = ()
    instances: frozenset[str] | None = None

    def serves(self, instance: str | None) -> bool:
        """Return whether an instance may use it; None stands for all of them."""
        return self.instances is None or instance is None or instance in self.instances

    def summary(self) -> dict[str, object]:
        """Return what ``GET /backends`` lists of it, but for the queue; no file is parsed.

        Keys: ``name``, ``status``, ``qubits``, ``physical_qubits``, ``is_simulator``, ``clops``,
        ``processor_type`` (whose values are text).
        """
        clops: dict[str, object] | None = None
        processor: Mapping[str, str] | None = {"family": "Ideal", "revision": "1"}
        if self.snapshot is not None:
            facts = self.snapshot.facts()
            processor = facts.processor_type
            if facts.clops is not None:
                clops = {"type": facts.clops[0], "value": facts.clops[1]}
        return {
            "name": self.name,
            "status": {"name": "online", "reason": ""},
            "qubits": self.num_qubits,
            "physical_qubits": self.num_qubits,
            "is_simulator": False,
            "clops": clops,
            "processor_type": dict(processor) if processor is not None else None,
        }

    def configuration(self) -> bytes:
        """Return the device's configuration as the official client reads it (JSON, UTF-8)."""
        return _configuration(self)

    def properties(self) -> bytes | None:
        """Return the device's calibration data (JSON, UTF-8); None for an ideal simulator."""
        return _properties(self)

    def device_spec(
        self, *, noise: bool = True, job_seconds: float | None = None, method: str = "automatic"
    ) -> dict[str, object]:
        """Return what an executor needs to know, as plain JSON values.

        Args:
            noise: Whether the calibration data's errors are simulated, unless the device itself
                says; an ideal simulator has none.
            job_seconds: Fixed QPU seconds of every job; None for the duration model.
            method: Aer's simulation method; ``automatic`` lets the executor choose per circuit.
        """
        snapshot = self.snapshot
        wanted = noise if self.noise is None else self.noise
        return {
            "name": self.name,
            "snapshot": None if snapshot is None else snapshot.name,
            "snapshot_dir": None if snapshot is None else str(snapshot.folder),
            "num_qubits": self.num_qubits,
            "noise": wanted and snapshot is not None,
            "job_seconds": job_seconds,
            "method": method,
        }


@lru_cache(maxsize=16)  # up to 0.2 MB each; a client asks for the same few again and again
def _configuration(entry: DeviceEntry) -> bytes:
    if entry.snapshot is None:
        return documents.ideal_configuration(entry.name, entry.num_qubits)
    return documents.snapshot_configuration(entry.snapshot, entry.name)


@lru_cache(maxsize=16)
def _properties(entry: DeviceEntry) -> bytes | None:
    if entry.snapshot is None:
        return None
    return documents.snapshot_properties(entry.snapshot, entry.name)
