"""``/sessions``: the current documents, the older ones, and a session's whole life."""

from typing import Any

import pytest

STATES = {"open", "active", "inactive", "closed"}


async def test_an_opened_session_is_told_in_full(world: Any) -> None:
    body = {"mode": "dedicated", "backend": "ideal_5", "instance": world.instances.ONE.id}
    reply = await world.ask("POST", "/sessions", json=body)

    assert reply.status == 200
    session = reply.json
    assert session["state"] == "open"
    assert session["backend_name"] == "ideal_5"
    assert session["mode"] == "dedicated"
    assert session["accepting_jobs"] is True
    assert session["max_ttl"] == 28_800
    assert session["interactive_ttl"] == 60
    assert session["elapsed_time"] is None
    assert [type(session[name]) for name in ("max_ttl", "interactive_ttl", "active_ttl")] == [
        int
    ] * 3
    assert [entry["status"] for entry in session["timestamps"]] == ["open"]
    assert "timestamp" in session["timestamps"][0]


async def test_the_qrmi_client_sends_both_names_of_the_backend(world: Any) -> None:
    body = {"mode": "batch", "backend": "ideal_5", "backend_name": "ideal_5", "max_ttl": 100}
    reply = await world.ask("POST", "/sessions", json=body, version=None)

    assert (reply.status, reply.json["max_ttl"], reply.json["mode"]) == (200, 100, "batch")


async def test_the_older_name_of_the_longest_time_is_understood(world: Any) -> None:
    body = {"backend": "ideal_5", "max_session_ttl": 450}
    reply = await world.ask("POST", "/sessions", json=body)

    assert (reply.json["max_ttl"], reply.json["mode"]) == (450, "dedicated")


async def test_more_than_the_plans_longest_time_is_cut(world: Any) -> None:
    reply = await world.ask(
        "POST", "/sessions", json={"mode": "batch", "backend": "ideal_5", "max_ttl": 10**6}
    )

    assert reply.json["max_ttl"] == 28_800


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"mode": "shared", "backend": "ideal_5"}, 400, 1208),
        ({"backend": "ideal_5"}, 400, 1208),
        ({"mode": "batch"}, 400, 1208),
        ({"mode": "batch", "backend": "nowhere"}, 404, 1007),
        ({"mode": "batch", "backend": "ideal_5", "max_ttl": 0}, 400, 1208),
        ({"mode": "batch", "backend": "ideal_5", "max_ttl": 1.5}, 400, 1208),
        ({"mode": "batch", "backend": "ideal_5", "max_ttl": "1h"}, 400, 1208),
        ({"mode": "batch", "backend": "ideal_5", "interactive_ttl": 90, "max_ttl": 60}, 400, 1208),
    ],
)
async def test_a_session_that_cannot_be_is_refused(
    world: Any, body: Any, status: int, code: int
) -> None:
    reply = await world.ask("POST", "/sessions", json=body)

    assert (reply.status, reply.error["code"]) == (status, code)


async def test_a_plan_without_dedicated_sessions_refuses_with_1352(world: Any) -> None:
    body = {"mode": "dedicated", "backend": "ideal_5"}
    reply = await world.ask("POST", "/sessions", json=body, crn=world.instances.TWO.id)

    assert (reply.status, reply.error["code"]) == (400, 1352)


async def test_a_key_opens_one_session_however_often_it_comes(world: Any) -> None:
    body = {"mode": "batch", "backend": "ideal_5"}
    headers = {"Idempotency-Key": "s-1"}
    replies = [await world.ask("POST", "/sessions", json=body, headers=headers) for _ in range(2)]

    assert replies[0].json["id"] == replies[1].json["id"]


async def test_a_whole_life_is_told_in_four_words(world: Any) -> None:
    session_id = await world.open(max_ttl=1000)

    async def state() -> tuple[str, bool]:
        session = (await world.ask("GET", f"/sessions/{session_id}")).json
        return session["state"], session["accepting_jobs"]

    seen = [await state()]
    job_id = await world.submit(session_id=session_id)
    await world.executor.started(job_id)
    seen.append(await state())
    world.executor.finish(job_id)
    await world.clock.advance(1)
    seen.append(await state())
    await world.clock.advance(60)
    seen.append(await state())
    await world.clock.advance(1000)
    seen.append(await state())

    assert seen == [
        ("open", True), ("active", True), ("active", True), ("inactive", True), ("closed", False),
    ]  # fmt: skip
    session = (await world.ask("GET", f"/sessions/{session_id}")).json
    assert [entry["status"] for entry in session["timestamps"]] == [
        "open", "active", "inactive", "closed",
    ]  # fmt: skip
    assert session["closed_at"] is not None
    assert session["last_job_completed"] is not None


async def test_draining_answers_204_however_often(world: Any) -> None:
    session_id = await world.open()

    replies = [
        await world.ask("PATCH", f"/sessions/{session_id}", json={"accepting_jobs": False})
        for _ in range(2)
    ]

    assert [(reply.status, reply.body) for reply in replies] == [(204, b"")] * 2
    session = (await world.ask("GET", f"/sessions/{session_id}")).json
    assert (session["state"], session["state_reason"]) == ("closed", "session_closed_early")


async def test_a_draining_session_runs_what_it_had_and_then_closes(world: Any) -> None:
    session_id = await world.open()
    job_id = await world.submit(session_id=session_id)
    await world.executor.started(job_id)
    await world.ask("PATCH", f"/sessions/{session_id}", json={"accepting_jobs": False})

    draining = (await world.ask("GET", f"/sessions/{session_id}")).json
    world.executor.finish(job_id)
    await world.clock.advance(0)
    closed = (await world.ask("GET", f"/sessions/{session_id}")).json

    assert (draining["state"], draining["accepting_jobs"]) == ("active", False)
    assert closed["state"] == "closed"


async def test_taking_jobs_again_does_not_reopen(world: Any) -> None:
    session_id = await world.open()
    await world.ask("DELETE", f"/sessions/{session_id}/close")

    reply = await world.ask("PATCH", f"/sessions/{session_id}", json={"accepting_jobs": True})

    assert reply.status == 204
    assert (await world.ask("GET", f"/sessions/{session_id}")).json["state"] == "closed"


async def test_closing_fails_what_is_queued_and_lets_what_runs_go_on(world: Any) -> None:
    session_id = await world.open()
    ids = [await world.submit(session_id=session_id) for _ in range(7)]  # five run side by side
    await world.executor.started(ids[0])

    replies = [await world.ask("DELETE", f"/sessions/{session_id}/close") for _ in range(2)]

    assert [(reply.status, reply.body) for reply in replies] == [(204, b"")] * 2
    running = (await world.ask("GET", f"/jobs/{ids[0]}")).json
    queued = (await world.ask("GET", f"/jobs/{ids[-1]}")).json
    assert running["status"] == "Running"
    assert (queued["status"], queued["state"]["reason_code"]) == ("Failed", 1217)


@pytest.mark.parametrize("body", [{}, {"accepting_jobs": "no"}, {"accepting_jobs": None}])
async def test_an_update_that_says_nothing_is_refused(world: Any, body: Any) -> None:
    reply = await world.ask("PATCH", f"/sessions/{await world.open()}", json=body)

    assert reply.status == 400


async def test_an_unknown_session_is_404_everywhere(world: Any) -> None:
    replies = [
        await world.ask("GET", "/sessions/none"),
        await world.ask("PATCH", "/sessions/none", json={"accepting_jobs": False}),
        await world.ask("PATCH", "/sessions/none", json={"accepting_jobs": True}),
        await world.ask("DELETE", "/sessions/none/close"),
        await world.ask("GET", "/sessions/none/extended"),
        await world.ask("GET", "/sessions/none/jobs"),
    ]

    assert {reply.status for reply in replies} == {404}


# --- the older interface -----------------------------------------------------------------------


async def old(world: Any, method: str, path: str, **rest: Any) -> Any:
    """Ask as the older interface was asked: other base, no CRN, no version."""
    return await world.ask(method, path, base="/runtime", crn=None, version=None, **rest)


async def test_the_older_interface_needs_no_crn_and_no_mode(world: Any) -> None:
    body = {"backend": "ideal_5", "instance": "hub/group/project"}
    reply = await old(world, "POST", "/sessions", json=body)

    assert reply.status == 200
    assert set(reply.json) == {"id"}


async def test_the_older_session_has_the_fields_of_its_time(world: Any) -> None:
    session_id = await world.open()

    session = (await old(world, "GET", f"/sessions/{session_id}")).json

    assert {"id", "backend_name", "interactive_ttl", "max_ttl", "active_ttl", "state"} <= set(
        session
    )
    assert "timestamps" not in session
    assert "created_at" in session


async def test_canceled_is_a_state_in_the_older_interface_alone(world: Any) -> None:
    session_id = await world.open()
    await world.ask("DELETE", f"/sessions/{session_id}/close")

    older = (await old(world, "GET", f"/sessions/{session_id}")).json["state"]
    current = (await world.ask("GET", f"/sessions/{session_id}")).json["state"]

    assert (older, current) == ("canceled", "closed")


async def test_the_extended_document_has_dates_and_what_remains(world: Any) -> None:
    session_id = await world.open(max_ttl=1000)
    job_id = await world.submit(session_id=session_id)
    await world.executor.started(job_id)
    world.executor.finish(job_id)
    await world.clock.advance(100)

    document = (await world.ask("GET", f"/sessions/{session_id}/extended")).json

    assert document["status"] == "pending"  # inactive: waiting for its turn
    assert document["status_reason"] == "session_inactivated_by_interactive_ttl"
    assert document["instance"] == world.instances.ONE.id
    assert document["user_id"] == "ada"
    assert [entry["status"] for entry in document["timestamps"]] == [
        "pending", "in_progress", "pending",
    ]  # fmt: skip
    assert all("date" in entry and "timestamp" not in entry for entry in document["timestamps"])
    assert "state" not in document


@pytest.mark.parametrize(
    ("end", "status"), [("PATCH", "completed"), ("DELETE", "canceled"), ("FAIL", "failed")]
)
async def test_the_extended_status_tells_how_it_ended(world: Any, end: str, status: str) -> None:
    session_id = await world.open()
    if end == "FAIL":
        job_id = await world.submit(session_id=session_id)
        await world.executor.started(job_id)
        world.executor.fail(job_id)
        await world.clock.advance(0)
    if end == "DELETE":
        await world.ask("DELETE", f"/sessions/{session_id}/close")
    else:
        await world.ask("PATCH", f"/sessions/{session_id}", json={"accepting_jobs": False})

    document = (await world.ask("GET", f"/sessions/{session_id}/extended")).json

    assert document["status"] == status


async def test_a_sessions_jobs_have_every_field_of_the_older_document(world: Any) -> None:
    session_id = await world.open()
    ids = [await world.submit(session_id=session_id) for _ in range(3)]

    page = (await world.ask("GET", f"/sessions/{session_id}/jobs?limit=2")).json

    assert (page["count"], page["limit"], page["offset"]) == (3, 2, 0)
    assert [job["id"] for job in page["jobs"]] == [ids[2], ids[1]]
    assert set(page["jobs"][0]) == {
        "id", "hub", "group", "project", "backend", "state", "status", "params", "program",
        "created", "ended", "runtime", "cost", "tags", "session_id", "usage",
        "estimated_running_time_seconds", "estimated_max_running_time_seconds", "private",
        "user_id",
    }  # fmt: skip
    assert page["jobs"][0]["usage"] == {"seconds": 0.0}
    assert page["jobs"][0]["created"] == "2026-01-01 00:00:00.000000"
