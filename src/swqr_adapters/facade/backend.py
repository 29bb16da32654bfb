"""The official backend, made for our client."""

from datetime import datetime as python_datetime
from typing import Any, Final, Self

from qiskit import QuantumCircuit
from qiskit.providers.exceptions import QiskitBackendNotFoundError

from swqr_core.errors import ProtocolError

from . import contract
from .client import PortClient
from .errors import IBMRuntimeError

__all__ = ["IBMBackend", "backend_from"]

_MOST_QUBITS: Final = 100_000


class IBMBackend(contract.IBMBackend):
    """An official backend that asks the cloud as seldom as it can.

    It adds nothing to see: what the official class looks up again for every circuit is looked up
    once, and copies keep their calibration.
    """

    _faulty: tuple[Any, frozenset[int], frozenset[tuple[int, ...]]] | None = None

    def properties(
        self, refresh: bool = False, datetime: python_datetime | None = None
    ) -> Any | None:
        """Return the backend's properties, or None if it has none; see the official class."""
        if refresh is True:
            self._api_client.forget_properties(self.name)
        return super().properties(refresh=refresh, datetime=datetime)

    def check_faulty(self, circuit: QuantumCircuit) -> None:
        """Check that a circuit uses no faulty qubit and no faulty edge.

        Raises:
            ValueError: It does; the error names the instruction and where it acts.
        """
        properties = self.properties()
        if not properties:
            return
        if self._faulty is None or self._faulty[0] is not properties:
            edges = (tuple(gate.qubits) for gate in properties.faulty_gates())
            self._faulty = (
                properties,
                frozenset(properties.faulty_qubits()),
                frozenset(edge for edge in edges if len(edge) > 1),
            )
        if self._faulty[1] or self._faulty[2]:
            super().check_faulty(circuit)

    def __deepcopy__(self, memo: dict[int, Any] | None = None) -> Self:
        copy = super().__deepcopy__(memo)
        # The official method makes an official backend and leaves these two out.
        copy.__class__ = type(self)
        copy._calibration_id = self._calibration_id  # noqa: SLF001 - its own
        return copy  # type: ignore[no-any-return] # Any, like all that is official


def backend_from(
    client: PortClient,
    service: object,
    name: str,
    *,
    use_fractional_gates: bool | None,
    calibration_id: str | None,
    physical_qubits: int | None,
    is_mock: bool,
) -> IBMBackend:
    """Make a backend from its configuration.

    Raises:
        QiskitBackendNotFoundError: There is none, or its configuration cannot be read.
    """
    unreadable = f"The configuration of backend {name!r} cannot be read"
    try:
        raw = client.backend_configuration(name, calibration_id=calibration_id)
    except IBMRuntimeError as error:
        if not isinstance(error.__cause__, ProtocolError):
            raise
        msg = f"{unreadable}: {error.__cause__}."
        raise QiskitBackendNotFoundError(msg) from error
    if raw.get("backend_name") != name:
        # The official class would ask for another backend's properties and status from then on.
        msg = f"Backend {name!r} has the configuration of {raw.get('backend_name')!r}."
        raise QiskitBackendNotFoundError(msg)
    qubits = raw.get("n_qubits")
    if isinstance(qubits, bool) or not isinstance(qubits, int) or not 0 < qubits <= _MOST_QUBITS:
        # The official class makes a table of that many rows, or fails in the middle of it.
        msg = f"{unreadable}: it has {str(qubits)[:40]} qubits."
        raise QiskitBackendNotFoundError(msg)
    try:
        configuration = contract.configuration_from_server_data(
            raw_config=raw, instance=client.instance, use_fractional_gates=use_fractional_gates
        )
    except (RecursionError, TypeError, ValueError):  # a value has another type than it should
        configuration = None
    if configuration is None:
        msg = f"{unreadable} by the official client."
        raise QiskitBackendNotFoundError(msg)
    values = contract.accepted_by(
        contract.IBMBackend.__init__,
        {
            "configuration": configuration,
            "service": service,
            "api_client": client,
            "instance": client.instance,
            "calibration_id": calibration_id,
            "physical_qubits": physical_qubits,
            "is_mock": is_mock,
        },
    )
    try:
        backend = IBMBackend(**values)
    except RecursionError:
        raise QiskitBackendNotFoundError(f"{unreadable}: it is nested too deeply.") from None
    backend.options.use_fractional_gates = use_fractional_gates
    return backend
