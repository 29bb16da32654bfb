import copy
import json
from typing import Any

import pytest
from qiskit import QuantumCircuit
from qiskit_ibm_runtime import IBMBackend as OfficialBackend
from qiskit_ibm_runtime import Session as OfficialSession

from swqr_core.model.backend import BackendStatus


def test_it_is_an_official_backend_with_a_real_target(backend: Any) -> None:
    assert isinstance(backend, OfficialBackend)
    assert backend.num_qubits == 5
    assert backend.target.num_qubits == 5
    assert {"cx", "sx", "rz", "measure"} <= set(backend.operation_names)


def test_properties_are_asked_for_once(backend: Any, transport: Any) -> None:
    for _ in range(3):
        assert backend.properties().t1(0) > 0

    assert transport.calls["backend_properties"] == 1


def test_an_ideal_backend_has_none_and_is_asked_once(service: Any, transport: Any) -> None:
    ideal = service.backend("ideal_4")

    for _ in range(3):
        assert ideal.properties() is None
        assert ideal.target.num_qubits == 4

    assert transport.calls["backend_properties"] == 1


def test_refresh_asks_again(backend: Any, transport: Any) -> None:
    backend.properties()

    backend.refresh()

    assert transport.calls["backend_properties"] == 2
    assert transport.calls["backend_configuration"] == 2


def test_a_copy_is_a_whole_backend_of_the_same_service(backend: Any) -> None:
    twin = copy.deepcopy(backend)

    assert type(twin) is type(backend)
    assert twin.service is backend.service
    assert twin.target.num_qubits == 5
    assert twin.target is not backend.target
    assert OfficialSession(twin).session_id == "session-0"


@pytest.mark.parametrize(
    ("status", "operational", "message"),
    [
        (BackendStatus.ONLINE, True, "active"),
        (BackendStatus.PAUSED, True, "paused"),
        (BackendStatus.OFFLINE, False, "offline"),
    ],
)
def test_its_status_has_the_official_words(
    backend: Any, transport: Any, status: BackendStatus, operational: bool, message: str
) -> None:
    transport.set_backend("ibm_manila", status=status, queue_length=4)

    found = backend.status()

    assert (found.operational, found.status_msg, found.pending_jobs) == (operational, message, 4)


def cx_between(first: int, second: int) -> QuantumCircuit:
    circuit = QuantumCircuit(5)
    circuit.cx(first, second)
    return circuit


def broken(document: dict[str, Any]) -> bytes:
    for gate in document["gates"]:
        if gate["gate"] == "cx" and set(gate["qubits"]) == {0, 1}:
            value = {
                "date": document["last_update_date"],
                "name": "operational",
                "unit": "",
                "value": 0,
            }
            gate["parameters"].append(value)
    return json.dumps(document).encode()


def test_a_circuit_on_a_faulty_edge_is_refused_and_others_are_not(
    service: Any, transport: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = type(transport).backend_properties

    async def faulty(self: Any, name: str, **options: Any) -> bytes:
        return broken(json.loads(await plain(self, name, **options)))

    monkeypatch.setattr(type(transport), "backend_properties", faulty)
    backend = service.backend("ibm_manila")

    with pytest.raises(ValueError, match="faulty edge"):
        backend.check_faulty(cx_between(0, 1))

    backend.check_faulty(cx_between(1, 2))
