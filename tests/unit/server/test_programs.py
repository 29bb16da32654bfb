"""The older interface's programs and interim results, as a client sees them."""

import base64
import io
import json
from typing import Any

import pytest

SOURCE = b"def main(backend, user_messenger, **kwargs):\n    return 1\n"
UPLOAD = {
    "name": "sample-program",
    "cost": 18_000,
    "description": "A sample",
    "spec": {"parameters": {"type": "object", "required": ["n"]}},
    "tags": ["tag1", "tag2"],
    "data": base64.b64encode(SOURCE).decode(),
}


async def upload(world: Any, **changes: Any) -> str:
    reply = await world.ask("POST", "/programs", json={**UPLOAD, **changes})
    assert reply.status == 201, reply.body
    return str(reply.json["id"])


async def start(world: Any) -> str:
    """Return a job of an uploaded program that runs."""
    job_id = await world.submit(b'{"n": 1}', program_id=await upload(world))
    await world.executor.started(job_id)
    return str(job_id)


async def test_a_program_is_uploaded_and_read_as_documented(world: Any) -> None:
    program_id = await upload(world)

    reply = await world.ask("GET", f"/programs/{program_id}")

    told = reply.json
    assert {name: told[name] for name in UPLOAD} == UPLOAD
    assert told["is_public"] is False
    assert told["creation_date"] == told["update_date"]


async def test_the_oldest_interface_s_token_is_enough(world: Any) -> None:
    """As the documented ``curl``: ``x-access-token``, no instance, no ``/api/v1``."""
    headers = {"x-access-token": world.instances.ADA}
    options = {"key": None, "crn": None, "version": None, "base": "", "headers": headers}

    made = await world.ask("POST", "/programs", json=UPLOAD, **options)
    listed = await world.ask("GET", "/programs?search=SAMPLE-P", **options)

    assert made.status == 201
    assert [program["id"] for program in listed.json["programs"]] == [made.json["id"]]
    assert (listed.json["count"], listed.json["limit"], listed.json["offset"]) == (1, 20, 0)


async def test_a_token_of_the_oldest_interface_stands_for_nobody_else(world: Any) -> None:
    options = {"key": None, "crn": world.instances.ONE.id}
    headers = {"x-access-token": world.instances.ADA}
    assert (await world.ask("GET", "/programs", headers=headers, **options)).status == 200

    nobody = await world.ask("GET", "/programs", **options)
    wrong = await world.ask("GET", "/programs", headers={"x-access-token": "x"}, **options)

    assert (nobody.status, wrong.status) == (401, 401)


async def test_metadata_source_and_visibility_are_changed(world: Any) -> None:
    program_id = await upload(world)
    path = f"/programs/{program_id}"

    replies = [
        await world.ask("PATCH", path, json={"name": "new", "spec": {"return_values": {}}}),
        await world.ask(
            "PUT",
            f"{path}/data",
            data=b"pass",
            headers={"Content-Type": "application/octet-stream"},
        ),
        await world.ask("PUT", f"{path}/public"),
    ]

    assert [reply.status for reply in replies] == [204, 204, 204]
    told = (await world.ask("GET", path)).json
    assert (told["name"], told["cost"], told["is_public"]) == ("new", 18_000, True)
    assert base64.b64decode(told["data"]) == b"pass"
    other = {"key": world.instances.BOB, "crn": world.instances.OTHER.id}
    seen = await world.ask("GET", path, **other)
    assert seen.status == 200
    assert "data" not in seen.json
    assert (await world.ask("DELETE", path, **other)).status == 403
    assert (await world.ask("PUT", f"{path}/private")).status == 204
    assert (await world.ask("GET", path, **other)).status == 404
    assert (await world.ask("DELETE", path)).status == 204
    assert (await world.ask("GET", path)).status == 404


async def test_a_body_that_no_program_can_fill_is_refused_unread(world: Any) -> None:
    body = b'{"name":"one","cost":1,"data":"' + b"A" * 5_000_000 + b'"}'
    headers = {"Content-Type": "application/json"}
    reply = await world.ask("POST", "/programs", data=io.BytesIO(body), headers=headers)

    assert reply.status == 413
    assert "body" in reply.error["message"]


async def test_a_number_without_end_is_no_source(world: Any) -> None:
    body = b'{"name":"one","cost":1,"data":' + b"9" * 300_000 + b"}"
    headers = {"Content-Type": "application/json"}
    reply = await world.ask("POST", "/programs", data=body, headers=headers)

    assert reply.status == 400
    assert "data" in reply.error["message"]


@pytest.mark.parametrize(
    "changes",
    [
        {"name": ""},
        {"name": "x" * 53},
        {"description": "x" * 10_001},
        {"tags": ["a"] * 6},
        {"tags": ["x" * 25]},
        {"tags": [""]},
        {"tags": "red"},
        {"cost": 0},
        {"cost": "long"},
        {"data": "!"},
        {"data": 7},
        {"data": None},
        {"spec": []},
        {"spec": {"params": {}}},
        {"spec": {"parameters": 7}},
        {"is_public": "yes"},
    ],
)
async def test_what_the_limits_forbid_is_refused(world: Any, changes: dict[str, Any]) -> None:
    before = (await world.ask("GET", "/programs")).json

    reply = await world.ask("POST", "/programs", json={**UPLOAD, **changes})

    assert reply.status == 400, reply.body
    assert (await world.ask("GET", "/programs")).json == before


async def test_one_program_more_than_a_user_may_keep_is_refused_with_what_to_do(world: Any) -> None:
    for _ in range(100):
        await upload(world)
    reply = await world.ask("POST", "/programs", json=UPLOAD)
    (error,) = reply.json["errors"]

    assert reply.status == 400
    assert "the number of your programs is at its limit of 100" in error["message"]
    assert error["solution"] == "Delete one, or replace its source."


async def test_parameters_are_checked_before_the_job_is_queued(world: Any) -> None:
    reply = await world.post_job(b"{}", program_id=await upload(world))

    assert reply.status == 400
    assert "'n' is a required property" in reply.error["message"]


async def test_interim_results_are_a_list_at_the_older_endpoint(world: Any) -> None:
    job_id = await start(world)
    empty = await world.ask("GET", f"/jobs/{job_id}/interim_results")
    world.executor.publish(job_id, b'{"n": 1}')
    world.executor.publish(job_id, b"2")
    world.executor.finish(job_id)
    await world.clock.advance(0)

    reply = await world.ask("GET", f"/jobs/{job_id}/interim_results")

    assert (empty.body, reply.body) == (b"[]", b'[{"n": 1},2]')
    assert (await world.ask("GET", "/jobs/none/interim_results")).status == 404


async def test_interim_results_come_as_events_and_go_on_where_a_reader_left(world: Any) -> None:
    job_id = await start(world)
    for text in (b'{"n":\n1}', b"2", b"3"):
        world.executor.publish(job_id, text)
    world.executor.finish(job_id)
    await world.clock.advance(0)
    accept = {"Accept": "text/event-stream"}

    reply = await world.ask("GET", f"/jobs/{job_id}/interim_results", headers=accept)
    rest = await world.ask(
        "GET", f"/jobs/{job_id}/interim_results", headers={**accept, "Last-Event-ID": "2"}
    )

    assert reply.headers["Content-Type"].startswith("text/event-stream")
    assert reply.body.decode() == (
        'id: 1\ndata: {"n":\ndata: 1}\n\n'
        "id: 2\ndata: 2\n\n"
        "id: 3\ndata: 3\n\n"
        'event: end\ndata: {"count": 3}\n\n'
    )
    assert rest.body.decode() == 'id: 3\ndata: 3\n\nevent: end\ndata: {"count": 3}\n\n'


async def test_what_a_job_publishes_is_told_by_an_operation_of_the_platform_s_interface(
    world: Any,
) -> None:
    slug = await start(world)
    for text in (b'{"n": 1}', b"2", b"3"):
        world.executor.publish(slug, text)

    some = await world.operate("interim_results", {"job_slug": slug, "start": 1, "limit": 1})
    nothing = await world.operate("interim_results", {"job_slug": "none"})
    wrong = await world.operate("interim_results", {"job_slug": slug, "wait": 31})

    assert some.json == {"start": 1, "results": ["2"], "complete": False}
    assert (nothing.status, wrong.status) == (404, 400)
    assert "wait: must be a number from 0 to 30" in wrong.json["message"]


async def test_events_come_while_the_job_runs(world: Any) -> None:
    job_id = await start(world)
    url = f"{world.server.url}/api/v1/jobs/{job_id}/interim_results"
    headers = {
        "Accept": "text/event-stream",
        "Authorization": f"apikey {world.instances.ADA}",
        "Service-CRN": world.instances.ONE.id,
    }
    async with world.session.get(url, headers=headers) as answer:
        world.executor.publish(job_id, b"1")
        seen = b""
        while b"data: 1" not in seen:
            seen += await answer.content.readany()
        world.executor.finish(job_id)
        await world.clock.advance(0)
        seen += await answer.content.read()

    events = [part for part in seen.decode().split("\n\n") if part and not part.startswith(":")]
    assert events == ["id: 1\ndata: 1", 'event: end\ndata: {"count": 1}']
    assert json.loads((await world.ask("GET", f"/jobs/{job_id}/interim_results")).body) == [1]


async def test_events_that_break_off_say_why(world: Any) -> None:
    job_id = await start(world)
    url = f"{world.server.url}/api/v1/jobs/{job_id}/interim_results"
    headers = {
        "Accept": "text/event-stream",
        "Authorization": f"apikey {world.instances.ADA}",
        "Service-CRN": world.instances.ONE.id,
    }
    async with world.session.get(url, headers=headers) as answer:
        await answer.content.readany()
        await world.cloud.aclose()
        seen = await answer.content.read()

    assert seen.startswith(b'event: error\ndata: {"message": "the in-memory cloud is closed')
