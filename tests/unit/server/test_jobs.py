"""``/jobs``: every endpoint, and the details that real clients depend on."""

import json
import re
from typing import Any

import pytest

PARAMS = rb'{ "pubs":[],"version" : 2, "greeting":"\u00e9\/", "x":1.0E+2}'
HEADER = "Idempotency-Key"


# --- submitting --------------------------------------------------------------------------------


async def test_an_accepted_job_is_answered_with_id_and_backend(world: Any) -> None:
    reply = await world.post_job()

    assert reply.status == 200
    assert set(reply.json) == {"id", "backend"}
    assert reply.json["backend"] == "ideal_5"


async def test_the_answer_repeats_the_session_and_private_only_if_true(world: Any) -> None:
    session_id = await world.open()

    private = await world.post_job(session_id=session_id, private=True)
    public = await world.post_job(private=False)

    assert private.json["session_id"] == session_id
    assert private.json["private"] is True
    assert "private" not in public.json


@pytest.mark.parametrize("level", ["WARNING", "debug", "Critical"])
async def test_log_levels_are_taken_in_any_case(world: Any, level: str) -> None:
    assert (await world.post_job(log_level=level)).status == 200


async def test_a_cost_over_the_most_is_cut_and_not_refused(world: Any) -> None:
    job_id = await world.submit(cost=1_000_000)

    assert (await world.ask("GET", f"/jobs/{job_id}")).json["cost"] == 10_800


async def test_a_cost_is_there_even_if_nobody_asked_for_one(world: Any) -> None:
    job_id = await world.submit()

    assert (await world.ask("GET", f"/jobs/{job_id}")).json["cost"] == 10_800


async def test_the_older_name_of_the_noise_learner_is_understood(world: Any) -> None:
    assert (await world.post_job(program_id="noiselearner")).status == 200


@pytest.mark.parametrize(
    ("fields", "status", "code", "word"),
    [
        ({"backend": None}, 400, 1208, "backend"),
        ({"program_id": None}, 400, 1208, "program_id"),
        ({"backend": "nowhere"}, 404, 1007, "nowhere"),
        ({"program_id": "nonsense"}, 404, 1002, "nonsense"),
        ({"session_id": "none"}, 404, 1217, "none"),
        ({"log_level": "loud"}, 400, 1208, "log_level"),
        ({"cost": -1}, 400, 1208, "cost"),
        ({"cost": "60"}, 400, 1208, "cost"),
        ({"tags": "one"}, 400, 1208, "tags"),
        ({"tags": ["x"] * 9}, 400, 1204, "8"),
        ({"tags": ["x" * 87]}, 400, 1205, "86"),
        ({"private": 1}, 400, 1208, "private"),
        ({"calibration_id": "old"}, 400, 1208, "calibration"),
        ({"start_session": True}, 400, 1208, "POST /sessions"),
    ],
)
async def test_what_cannot_be_run_is_refused_with_its_code(
    world: Any, fields: dict[str, Any], status: int, code: int, word: str
) -> None:
    reply = await world.post_job(**fields)

    assert (reply.status, reply.error["code"]) == (status, code)
    assert word in reply.error["message"]
    assert reply.error["solution"]
    assert str(code) in reply.error["more_info"]
    assert re.fullmatch(r"[\w-]{8,40}", reply.json["trace"])


async def test_a_session_that_takes_no_jobs_refuses_with_1217(world: Any) -> None:
    session_id = await world.open()
    await world.ask("PATCH", f"/sessions/{session_id}", json={"accepting_jobs": False})

    reply = await world.post_job(session_id=session_id)

    assert (reply.status, reply.error["code"]) == (400, 1217)


async def test_too_many_pending_jobs_are_refused_with_3458(world: Any) -> None:
    two = {"crn": world.instances.TWO.id}
    for _ in range(2):
        assert (await world.post_job(PARAMS, two)).status == 200

    reply = await world.post_job(PARAMS, two)

    assert (reply.status, reply.error["code"]) == (400, 3458)
    assert "2" in reply.error["message"]


async def test_a_key_makes_one_job_however_often_it_comes(world: Any) -> None:
    first = await world.post_job(PARAMS, {"headers": {HEADER: "k-1"}})

    again = await world.post_job(PARAMS, {"headers": {HEADER: "k-1"}})

    assert again.json["id"] == first.json["id"]
    assert (await world.ask("GET", "/jobs")).json["count"] == 1


async def test_without_a_key_equal_jobs_are_two(world: Any) -> None:
    assert await world.submit() != await world.submit()


async def test_a_key_with_another_content_is_a_conflict(world: Any) -> None:
    await world.post_job(PARAMS, {"headers": {HEADER: "k-1"}})

    reply = await world.post_job(b"{}", {"headers": {HEADER: "k-1"}})

    assert reply.status == 409


@pytest.mark.parametrize("key", ["", "x" * 65, "\u00e9"])
async def test_a_key_that_cannot_be_one_is_refused(world: Any, key: str) -> None:
    assert (await world.post_job(PARAMS, {"headers": {HEADER: key}})).status == 400


# --- looking -----------------------------------------------------------------------------------


async def test_a_job_has_its_status_in_both_places(world: Any) -> None:
    job = (await world.ask("GET", f"/jobs/{await world.submit()}?exclude_params=true")).json

    assert job["state"]["status"] == job["status"]
    assert job["status"] in {"Queued", "Running"}
    assert job["program"] == {"id": "sampler"}
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z", job["created"])
    assert "params" not in job
    assert "private" not in job


async def test_parameters_come_back_byte_for_byte_in_every_state(world: Any) -> None:
    ended = await world.run()
    running, queued = await world.submit(), await world.submit()
    cancelled = await world.submit()
    await world.ask("POST", f"/jobs/{cancelled}/cancel")

    for job_id in (running, queued, ended, cancelled):
        body = (await world.ask("GET", f"/jobs/{job_id}")).body

        assert body.endswith(b'"params":' + PARAMS + b"}")


async def test_private_parameters_are_never_shown(world: Any) -> None:
    job = (await world.ask("GET", f"/jobs/{await world.submit(private=True)}")).json

    assert job["params"] == {}
    assert job["private"] is True


@pytest.mark.parametrize("word", ["true", "True", "TRUE"])
async def test_truth_values_are_read_in_any_case(world: Any, word: str) -> None:
    job_id = await world.submit()

    assert "params" not in (await world.ask("GET", f"/jobs/{job_id}?exclude_params={word}")).json


async def test_large_parameters_come_back_byte_for_byte(world: Any) -> None:
    params = b'{"pubs": ["' + b"A" * 3_000_000 + b'"], "n": [' + b"1.50, " * 100_000 + b"0]}"
    job_id = await world.submit(params)

    body = (await world.ask("GET", f"/jobs/{job_id}")).body

    assert body.endswith(b'"params":' + params + b"}")


async def test_a_job_that_ran_too_long_says_so_in_all_ways(world: Any) -> None:
    job_id = await world.submit(cost=60)
    await world.executor.started(job_id)
    world.executor.finish(job_id, quantum_seconds=100.0)
    await world.clock.advance(100)

    job = (await world.ask("GET", f"/jobs/{job_id}")).json

    assert job["state"]["status"] == "Cancelled"
    assert job["status"] == "Cancelled - Ran too long"
    assert job["state"]["reason_code"] == 1305
    assert job["state"]["reason"]


async def test_a_failed_job_tells_reason_code_and_solution(world: Any) -> None:
    job_id = await world.submit()
    await world.executor.started(job_id)
    world.executor.fail(job_id, reason="not ISA", reason_code=1517, reason_solution="Transpile it.")
    await world.clock.advance(0)

    state = (await world.ask("GET", f"/jobs/{job_id}")).json["state"]

    assert state == {
        "status": "Failed",
        "reason": "not ISA",
        "reason_code": 1517,
        "reason_solution": "Transpile it.",
    }


async def test_an_unknown_job_is_404_everywhere(world: Any) -> None:
    requests: list[tuple[str, str, dict[str, Any]]] = [
        ("GET", "", {}),
        ("DELETE", "", {}),
        ("GET", "/results", {}),
        ("GET", "/logs", {}),
        ("GET", "/metrics", {}),
        ("POST", "/cancel", {}),
        ("PUT", "/tags", {"json": {"tags": []}}),
        ("GET", "/transpiled_circuits", {}),
    ]

    replies = [
        await world.ask(method, f"/jobs/{job_id}{rest}", **body)
        for job_id in ("none", "")
        for method, rest, body in requests
    ]

    assert {reply.status for reply in replies} == {404}


async def test_another_instances_job_is_not_found(world: Any) -> None:
    job_id = await world.submit()

    reply = await world.ask(
        "GET", f"/jobs/{job_id}", key=world.instances.BOB, crn=world.instances.OTHER.id
    )

    assert (reply.status, reply.error["code"]) == (404, 3250)


# --- results, logs, metrics --------------------------------------------------------------------


async def test_a_result_is_plain_text_in_utf8(world: Any) -> None:
    job_id = await world.run(result='{"a": "\u00e9"}'.encode())

    reply = await world.ask("GET", f"/jobs/{job_id}/results")

    assert reply.status == 200
    assert reply.headers["Content-Type"] == "text/plain; charset=utf-8"
    assert reply.body == '{"a": "\u00e9"}'.encode()
    assert reply.headers["Content-Length"] == str(len(reply.body))


async def test_a_large_result_comes_whole(world: Any) -> None:
    result = b'"' + b"x" * 5_000_000 + b'"'
    job_id = await world.run(result=result)

    reply = await world.ask("GET", f"/jobs/{job_id}/results")

    assert reply.body == result
    assert reply.headers["Content-Length"] == str(len(result))


async def test_no_result_is_an_exact_204(world: Any) -> None:
    reply = await world.ask("GET", f"/jobs/{await world.submit()}/results")

    assert (reply.status, reply.body) == (204, b"")
    assert "Content-Length" not in reply.headers


async def test_a_failed_jobs_traceback_is_its_result(world: Any) -> None:
    job_id = await world.submit()
    await world.executor.started(job_id)
    world.executor.fail(job_id, result=b"Traceback: oh")
    await world.clock.advance(0)

    reply = await world.ask("GET", f"/jobs/{job_id}/results")

    assert (reply.status, reply.body) == (200, b"Traceback: oh")


async def test_a_private_result_is_given_once(world: Any) -> None:
    job_id = await world.run(private=True)

    statuses = [(await world.ask("GET", f"/jobs/{job_id}/results")).status for _ in range(3)]

    assert statuses == [200, 204, 204]


async def test_looking_with_head_does_not_take_a_private_result(world: Any) -> None:
    job_id = await world.run(private=True)
    await world.ask("HEAD", f"/jobs/{job_id}/results")

    assert (await world.ask("GET", f"/jobs/{job_id}/results")).status == 200


async def test_logs_are_plain_text_in_utf8(world: Any) -> None:
    reply = await world.ask("GET", f"/jobs/{await world.run()}/logs")

    assert reply.status == 200
    assert reply.headers["Content-Type"] == "text/plain; charset=utf-8"
    assert reply.body.decode() == "line \u00e9\n"


async def test_there_are_logs_before_there_is_one(world: Any) -> None:
    reply = await world.ask("GET", f"/jobs/{await world.submit()}/logs")

    assert (reply.status, reply.body) == (200, b"")


async def test_metrics_tell_times_usage_and_caller(world: Any) -> None:
    caller = (
        "qiskit-version-2/qiskit_ibm_runtime-0.51.0,qiskit-2.6.2*/qiskit_ibm_runtime~sampler.py"
    )
    job_id = await world.run(headers={"X-Qx-Client-Application": caller})

    metrics = (await world.ask("GET", f"/jobs/{job_id}/metrics")).json

    assert set(metrics["timestamps"]) == {"created", "running", "finished"}
    assert metrics["usage"] == {"qpu_charge_time_seconds": 2.5, "status": "complete"}
    assert metrics["caller"] == "qiskit/2.6.2/qiskit_ibm_runtime~sampler.py"


# --- lists -------------------------------------------------------------------------------------


async def test_count_is_of_all_that_match_and_not_of_the_page(world: Any) -> None:
    ids = [await world.submit() for _ in range(5)]

    page = (await world.ask("GET", "/jobs?limit=2&offset=1")).json

    assert (page["count"], page["limit"], page["offset"]) == (5, 2, 1)
    assert [job["id"] for job in page["jobs"]] == [ids[3], ids[2]]


@pytest.mark.parametrize("query", ["limit=0", "limit=201", "limit=-5", "limit=x", "offset=-1"])
async def test_a_page_out_of_range_is_the_default_one(world: Any, query: str) -> None:
    page = (await world.ask("GET", f"/jobs?{query}")).json

    assert (page["limit"], page["offset"]) == (200, 0)


async def test_the_oldest_come_first_if_asked(world: Any) -> None:
    ids = [await world.submit() for _ in range(3)]

    page = (await world.ask("GET", "/jobs?sort=ASC")).json

    assert [job["id"] for job in page["jobs"]] == ids


async def test_tags_must_all_be_there(world: Any) -> None:
    both, one = await world.submit(tags=["a", "b"]), await world.submit(tags=["a"])

    pages = [
        (await world.ask("GET", f"/jobs?{query}")).json["jobs"]
        for query in ("tags=a&tags=b", "tags=a", "tags[]=b")
    ]

    assert [[job["id"] for job in page] for page in pages] == [[both], [one, both], [one, both]]


async def test_pending_tells_running_ones_from_ended_ones(world: Any) -> None:
    ended, running = await world.run(), await world.submit()

    pages = [
        (await world.ask("GET", f"/jobs?pending={word}")).json["jobs"] for word in ("true", "False")
    ]

    assert [[job["id"] for job in page] for page in pages] == [[running], [ended]]


async def test_jobs_are_found_by_program_backend_and_session(world: Any) -> None:
    session_id = await world.open()
    inside = await world.submit(session_id=session_id)
    other = await world.submit(backend="ideal_7", program_id="estimator")

    pages = [
        (await world.ask("GET", f"/jobs?{query}")).json["jobs"]
        for query in (f"session_id={session_id}", "backend=ideal_7", "program=estimator")
    ]

    assert [[job["id"] for job in page] for page in pages] == [[inside], [other], [other]]


@pytest.mark.parametrize(
    ("query", "count"),
    [
        ("created_after=2026-01-01T00:00:30%2B00:00", 1),
        ("created_after=2026-01-01T00:00:30+00:00", 1),
        ("created_before=2026-01-01T00:00:30Z", 1),
        ("created_after=2026-01-01T00:00:00Z&created_before=2026-01-01T00:01:00Z", 2),
        ("created_before=2026-01-01T01:00:30%2B01:00", 1),
        ("created_after=2030-01-01", 0),
    ],
)
async def test_times_bound_the_list(world: Any, query: str, count: int) -> None:
    await world.run()
    await world.clock.advance(57.5)
    await world.submit()

    assert (await world.ask("GET", f"/jobs?{query}")).json["count"] == count


@pytest.mark.parametrize(
    "query", ["pending=maybe", "sort=UP", "created_after=soon", "created_after=%ff"]
)
async def test_a_query_that_says_nothing_is_refused(world: Any, query: str) -> None:
    reply = await world.ask("GET", f"/jobs?{query}")

    assert (reply.status, reply.error["code"]) == (400, 1208)


async def test_the_list_leaves_parameters_out_unless_asked(world: Any) -> None:
    for _ in range(2):
        await world.submit()

    without = (await world.ask("GET", "/jobs")).json
    full = await world.ask("GET", "/jobs?exclude_params=False")

    assert all("params" not in job for job in without["jobs"])
    assert full.body.count(PARAMS) == 2
    assert full.json["count"] == 2
    assert [job["params"] for job in full.json["jobs"]] == [json.loads(PARAMS)] * 2


# --- changing ----------------------------------------------------------------------------------


async def test_cancelling_answers_204_and_ends_the_job(world: Any) -> None:
    job_id = await world.submit()

    reply = await world.ask("POST", f"/jobs/{job_id}/cancel")

    assert (reply.status, reply.body) == (204, b"")
    assert (await world.ask("GET", f"/jobs/{job_id}")).json["status"] == "Cancelled"


async def test_cancelling_an_ended_job_is_409(world: Any) -> None:
    job_id = await world.run()

    reply = await world.ask("POST", f"/jobs/{job_id}/cancel")

    assert (reply.status, reply.error["code"]) == (409, 3209)


async def test_deleting_an_ended_job_leaves_nothing(world: Any) -> None:
    job_id = await world.run()

    reply = await world.ask("DELETE", f"/jobs/{job_id}")

    assert (reply.status, reply.body) == (204, b"")
    assert (await world.ask("GET", f"/jobs/{job_id}")).status == 404
    assert (await world.ask("GET", f"/jobs/{job_id}/results")).status == 404


async def test_a_job_that_has_not_ended_is_not_deleted(world: Any) -> None:
    reply = await world.ask("DELETE", f"/jobs/{await world.submit()}")

    assert (reply.status, reply.error["code"]) == (400, 3213)


async def test_tags_are_replaced_with_an_exact_204(world: Any) -> None:
    job_id = await world.submit(tags=["old"])

    reply = await world.ask("PUT", f"/jobs/{job_id}/tags", json={"tags": ["new", "newer"]})

    assert (reply.status, reply.body) == (204, b"")
    assert (await world.ask("GET", f"/jobs/{job_id}")).json["tags"] == ["new", "newer"]


async def test_an_empty_list_removes_all_tags(world: Any) -> None:
    job_id = await world.submit(tags=["old"])

    await world.ask("PUT", f"/jobs/{job_id}/tags", json={"tags": []})

    assert (await world.ask("GET", f"/jobs/{job_id}")).json["tags"] == []


@pytest.mark.parametrize(
    ("body", "code"),
    [({}, 1208), ({"tags": "x"}, 1208), ({"tags": ["x"] * 9}, 1204), ({"tags": ["x" * 87]}, 1205)],
)
async def test_tags_that_cannot_be_are_refused(world: Any, body: Any, code: int) -> None:
    job_id = await world.submit()

    reply = await world.ask("PUT", f"/jobs/{job_id}/tags", json=body)

    assert (reply.status, reply.error["code"]) == (400, code)


async def test_tags_are_searched_by_a_part_of_them(world: Any) -> None:
    await world.submit(tags=["abc-1", "xyz"])
    await world.submit(tags=["abc-1", "my-abc"])

    reply = await world.ask("GET", "/tags?type=job&search=abc")

    assert reply.json == {"tags": ["abc-1", "my-abc"]}


@pytest.mark.parametrize(
    "query", ["type=job&search=ab", "type=job", "search=abc", "type=x&search=abc"]
)
async def test_a_tag_search_needs_its_type_and_three_characters(world: Any, query: str) -> None:
    assert (await world.ask("GET", f"/tags?{query}")).status == 400
