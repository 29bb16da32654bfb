"""``/versions`` and ``/backends``, and how answers follow the version that is asked for."""

import json
from typing import Any

import pytest

from swqr_adapters.fleet import Fleet
from swqr_core.model.backend import BackendStatus

VERSIONS = ["2024-01-01", "2025-01-01", "2025-05-01", "2026-02-01", "2026-02-15", "2026-03-15"]


async def test_versions_need_no_credentials(world: Any) -> None:
    reply = await world.ask("GET", "/versions", key=None, crn=None, version=None)

    entries = reply.json["versions"]
    assert [entry["version"] for entry in entries if entry["status"] == "live"] == ["2026-04-15"]
    assert [entry["version"] for entry in entries if "sunset_date" in entry] == VERSIONS
    assert reply.json["idempotency"] is True
    assert "swqr" not in reply.json


async def test_a_client_of_ours_learns_what_the_server_can_do(world: Any) -> None:
    reply = await world.ask("GET", "/versions", headers={"Swqr-Wire": "1"})

    assert reply.json["swqr"]["capabilities"]["transport"] == "memory"


@pytest.mark.parametrize("version", [None, "2024-01-01", "2023-01-01", "2024-12-31"])
async def test_backends_are_names_before_2025(world: Any, version: str | None) -> None:
    reply = await world.ask("GET", "/backends", version=version)

    assert reply.json == {"devices": ["ideal_5", "ideal_7"]}


@pytest.mark.parametrize("version", ["2025-01-01", "2025-05-01", "2026-04-15", "2031-01-01"])
async def test_backends_are_objects_from_2025_on(world: Any, version: str) -> None:
    five, seven = (await world.ask("GET", "/backends", version=version)).json["devices"]

    assert (five["name"], five["qubits"], five["physical_qubits"]) == ("ideal_5", 5, 5)
    assert five["status"] == {"name": "online", "reason": ""}
    assert five["queue_length"] == 0
    assert five["is_simulator"] is False
    assert seven["name"] == "ideal_7"


@pytest.mark.parametrize("version", ["yesterday", "2026-13-01", "2026-1-1", "20260101", ""])
async def test_a_version_that_is_no_date_is_refused(world: Any, version: str) -> None:
    reply = await world.ask("GET", "/backends", version=version)

    assert (reply.status, reply.error["code"]) == (400, 1208)


@pytest.mark.parametrize("flag", ["true", "True", "false"])
async def test_asking_for_mocks_is_understood(world: Any, flag: str) -> None:
    assert (await world.ask("GET", f"/backends?include_mocks={flag}")).status == 200


async def test_waits_are_told_if_asked_for(world: Any) -> None:
    plain = (await world.ask("GET", "/backends")).json["devices"][0]
    more = (await world.ask("GET", "/backends?fields=wait_time_seconds")).json["devices"][0]

    assert "wait_time_seconds" not in plain
    assert set(more["wait_time_seconds"]) == {"average", "p50", "p95"}


async def test_a_configuration_has_every_key_that_some_reader_demands(world: Any) -> None:
    document = (await world.ask("GET", "/backends/ideal_5/configuration")).json

    assert {
        "backend_name", "backend_version", "basis_gates", "conditional", "coords", "coupling_map",
        "gates", "local", "memory", "n_qubits", "online_date", "open_pulse", "simulator",
        "u_channel_lo",
    } <= set(document)  # fmt: skip


async def test_real_gates_have_no_other_keys_than_clients_know(world: Any) -> None:
    world.cloud.fleet = Fleet()
    document = (await world.ask("GET", "/backends/ibm_fez/configuration")).json

    assert {key for gate in document["gates"] for key in gate} <= {
        "name", "parameters", "qasm_def", "coupling_map", "latency_map", "conditional",
        "description",
    }  # fmt: skip


async def test_real_properties_are_served_and_ideal_ones_are_null(world: Any) -> None:
    ideal = await world.ask("GET", "/backends/ideal_5/properties")
    world.cloud.fleet = Fleet()
    real = await world.ask("GET", "/backends/ibm_manila/properties")

    assert ideal.body == b"null"
    assert real.json["backend_name"] == "ibm_manila"
    assert {"backend_version", "last_update_date", "qubits", "gates", "general"} <= set(real.json)
    assert all(type(q) is int for gate in real.json["gates"] for q in gate["qubits"])


async def test_defaults_are_null(world: Any) -> None:
    reply = await world.ask("GET", "/backends/ideal_5/defaults")

    assert (reply.status, reply.body) == (200, b"null")


async def test_a_status_counts_who_waits(world: Any) -> None:
    for _ in range(3):
        await world.submit()  # one of them runs

    status = (await world.ask("GET", "/backends/ideal_5/status")).json

    assert status == {
        "state": True, "status": "active", "message": "", "length_queue": 2,
        "backend_version": "1.0.0",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("status", "shown"),
    [(BackendStatus.PAUSED, (True, "paused")), (BackendStatus.OFFLINE, (False, "offline"))],
)
async def test_a_backend_that_does_not_run_says_so(
    world: Any, status: BackendStatus, shown: tuple[bool, str]
) -> None:
    await world.cloud.set_backend_status("ideal_5", status, "cleaning")

    document = (await world.ask("GET", "/backends/ideal_5/status")).json
    listed = (await world.ask("GET", "/backends")).json["devices"][0]["status"]

    assert (document["state"], document["status"]) == shown
    assert listed == {"name": shown[1], "reason": "cleaning"}


@pytest.mark.parametrize("what", ["configuration", "properties", "status", "defaults"])
async def test_an_unknown_backend_is_404(world: Any, what: str) -> None:
    reply = await world.ask("GET", f"/backends/nowhere/{what}")

    assert (reply.status, reply.error["code"]) == (404, 1007)


@pytest.mark.parametrize("what", ["configuration", "properties"])
async def test_an_unknown_calibration_is_400(world: Any, what: str) -> None:
    reply = await world.ask("GET", f"/backends/ideal_5/{what}?calibration_id=old")

    assert reply.status == 400


@pytest.mark.parametrize("version", [None, *VERSIONS, "2026-04-15"])
async def test_a_jobs_usage_follows_the_version(world: Any, version: str | None) -> None:
    job_id = await world.run()

    usage = (await world.ask("GET", f"/jobs/{job_id}", version=version)).json["usage"]
    listed = (await world.ask("GET", "/jobs", version=version)).json["jobs"][0]["usage"]

    assert usage == listed
    assert (usage["qpu_charge_time_seconds"], usage["status"]) == (2.5, "complete")
    old = version is None or version < "2026-03-15"
    assert usage.get("seconds") == usage.get("quantum_seconds") == (2.5 if old else None)


@pytest.mark.parametrize("version", [None, *VERSIONS, "2026-04-15"])
async def test_metrics_follow_the_version(world: Any, version: str | None) -> None:
    job_id = await world.submit()
    await world.executor.started(job_id)
    metrics = {"circuits_execution_time_ns": [20, 22], "qiskit_version": "2.6.2"}
    world.executor.finish(job_id, quantum_seconds=2.5, metrics=metrics)
    await world.clock.advance(2.5)

    document = (await world.ask("GET", f"/jobs/{job_id}/metrics", version=version)).json

    asked = version or "2024-01-01"
    at_root = asked >= "2026-04-15"
    assert document.get("circuits_execution_time_ns") == (42 if at_root else None)
    assert document["usage"].get("circuits_execution_time_ns") == (None if at_root else 42)
    assert document.get("bss") == ({"seconds": 2.5} if asked < "2026-03-15" else None)
    assert document["usage"].get("quantum_seconds") == (2.5 if asked < "2026-03-15" else None)
    assert document["qiskit_version"] == "2.6.2"


async def test_transpiled_circuits_are_gone(world: Any) -> None:
    job_id = await world.run()

    assert (await world.ask("GET", f"/jobs/{job_id}/transpiled_circuits")).status == 404


async def test_json_is_json_and_says_so(world: Any) -> None:
    reply = await world.ask("GET", "/backends")

    assert reply.headers["Content-Type"].startswith("application/json")
    assert json.loads(reply.body)
