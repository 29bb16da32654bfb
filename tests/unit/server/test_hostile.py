"""Nonsense and malice: every answer is a 4xx that a person can act on, and nothing leaks."""

import asyncio
import base64
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from typing import Any

import pytest

from swqr_adapters.server import ServerSettings
from swqr_core.errors import (
    OutcomeUnknownError,
    ProtocolError,
    SwqrError,
    UnreachableError,
    UnsupportedOperation,
)


@asynccontextmanager
async def connection(world: Any, **options: Any) -> AsyncIterator[Any]:
    port = int(world.server.url.rpartition(":")[2])
    reader, writer = await asyncio.open_connection("127.0.0.1", port, **options)
    try:
        yield reader, writer
    finally:
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()


async def raw(world: Any, data: bytes) -> tuple[int, bytes]:
    """Send bytes as they are, and return the status and the body of the answer."""
    async with connection(world) as (reader, writer), asyncio.timeout(10):
        writer.write(data)
        head = await reader.readuntil(b"\r\n\r\n")
        length = next(
            int(line.partition(b":")[2])
            for line in head.lower().split(b"\r\n")
            if line.startswith(b"content-length")
        )
        return int(head.split()[1]), await reader.readexactly(length)


def head_of(world: Any, line: str, *more: str) -> bytes:
    lines = [
        line,
        "Host: localhost",
        f"Authorization: apikey {world.instances.ADA}",
        f"Service-CRN: {world.instances.ONE.id}",
        *more,
    ]
    return "\r\n".join([*lines, "", ""]).encode("latin-1")


def acts(body: bytes) -> bool:
    """Return whether a person can act on an error body, and learns nothing that is private."""
    error = json.loads(body)["errors"][0]
    return bool(error["message"] and error["solution"]) and b"Traceback" not in body


# --- methods and paths -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("PATCH", "/jobs", "GET, POST"),
        ("DELETE", "/backends", "GET"),
        ("POST", "/jobs/x/results", "GET"),
        ("GET", "/jobs/x/cancel", "POST"),
        ("OPTIONS", "/sessions", "POST"),
        ("TRACE", "/versions", "GET"),
    ],
)
async def test_a_wrong_method_learns_the_right_ones(
    world: Any, method: str, path: str, allowed: str
) -> None:
    reply = await world.ask(method, path)

    assert (reply.status, reply.headers["Allow"]) == (405, allowed)
    assert acts(reply.body)


@pytest.mark.parametrize(
    "path",
    [
        "/", "", "/nothing", "/jobs/x/y/z", "//jobs", "/jobs/x/results/more", "/JOBS",
        "/sessions", "/jobs/a%2Fb", "/jobs/..", "/jobs/%2e%2e", "/jobs/%2e%2e%2fsecret",
        "/jobs/%00", "/jobs/a%0d%0ab", "/jobs/%ff%fe", "/jobs/" + "x" * 5000,
        "/jobs/" + "%F0%9F%98%80", "/" + "/".join("a" * 500), "/backends/../jobs/configuration",
        "/backends/%C2%9F/status", "/jobs/{id}", "/jobs/%7Bid%7D/results", "/sessions/'%20OR%201",
    ],
)  # fmt: skip
async def test_a_path_that_leads_nowhere_is_404(world: Any, path: str) -> None:
    reply = await world.ask("GET", path)

    assert reply.status in {404, 405}
    assert acts(reply.body)
    assert len(reply.body) < 2500


async def test_an_absolute_request_target_is_understood(world: Any) -> None:
    line = "GET http://quantum.cloud.test/api/v1/backends HTTP/1.1"
    status, _ = await raw(world, head_of(world, line))

    assert status == 200


# --- bodies ------------------------------------------------------------------------------------

BODIES = [
    b"",
    b"null",
    b"[]",
    b'"text"',
    b"{",
    b'{"program_id": "sampler", "backend": "ideal_5", "params": {"a": ',
    b'{"program_id": "sampler", "backend": "ideal_5", "params": {"a": 1,}}',
    b'{"program_id": "sampler", "backend": "ideal_5", "params": {}, "params": {}}',
    b'{"program_id": "sampler", "backend": "ideal_5", "params": "\xff"}',
    b'{"program_id": "sampler", "backend": "ideal_5", "params": ' + b"[" * 100_000,
    b'{"program_id": "sampler", "backend": "ideal_5", "params": {"a": ' + b"9" * 6000 + b"}}",
    b'{"program_id": {"a": 1}, "backend": ["x"]}',
    b'{"program_id": "' + b"x" * 20_000 + b'", "backend": "ideal_5"}',
    b'{"program_id": "sampler", "backend": "ideal_5", "tags": ' + b'["x", ' * 50_000 + b"]}",
    "{}".encode("utf-16"),
    b"\x00" * 100,
    b"\x1f\x8b not gzip",
]


@pytest.mark.parametrize("number", range(len(BODIES)))
@pytest.mark.parametrize(
    ("method", "path"),
    [("POST", "/jobs"), ("POST", "/sessions"), ("PATCH", "/sessions/x"), ("PUT", "/jobs/x/tags")],
)
async def test_a_body_that_is_nonsense_is_refused(
    world: Any, method: str, path: str, number: int
) -> None:
    headers = {"Content-Type": "application/json"}
    reply = await world.ask(method, path, data=BODIES[number], headers=headers)

    assert 400 <= reply.status < 500
    assert acts(reply.body)
    assert len(reply.body) < 2500


@pytest.mark.parametrize("kind", ["text/plain", "application/xml", "multipart/form-data", "x"])
async def test_a_wrong_content_type_is_refused(world: Any, kind: str) -> None:
    reply = await world.ask("POST", "/jobs", data=b"{}", headers={"Content-Type": kind})

    assert reply.status == 415
    assert acts(reply.body)


async def test_a_content_type_without_a_body_harms_nobody(world: Any) -> None:
    reply = await world.ask("GET", "/jobs", headers={"Content-Type": "application/json"})

    assert reply.status == 200


async def test_a_body_with_a_get_is_ignored(world: Any) -> None:
    assert (await world.ask("GET", "/jobs", data=b"x" * 1000)).status == 200


async def test_a_body_that_ends_early_makes_no_job(world: Any) -> None:
    head = head_of(world, "POST /api/v1/jobs HTTP/1.1", "Content-Length: 500")
    async with connection(world) as (_, writer):
        writer.write(head + b'{"program_id": "sampler", "backend": "ideal_5", "params": {}}')
        await writer.drain()

    assert (await world.ask("GET", "/jobs")).json["count"] == 0


async def test_a_broken_chunk_is_refused(world: Any) -> None:
    head = head_of(world, "POST /api/v1/jobs HTTP/1.1", "Transfer-Encoding: chunked")
    status, body = await raw(world, head + b"zz\r\n{}\r\n0\r\n\r\n")

    assert status == 400
    assert acts(body)


async def test_a_compressed_body_is_counted_when_it_is_unpacked(world: Any) -> None:
    import gzip

    bomb = gzip.compress(b'{"tags": ["' + b"x" * 5_000_000 + b'"]}')
    headers = {"Content-Type": "application/json", "Content-Encoding": "gzip"}
    reply = await world.ask("PUT", "/jobs/x/tags", data=bomb, headers=headers)

    assert (reply.status, reply.error["code"]) == (413, 5302)


@pytest.mark.parametrize(
    ("path", "kind", "before", "after"),
    [
        ("/identity/token", "application/x-www-form-urlencoded", b"apikey=", b""),
        ("/users/token", "application/json", b'{"key": "', b'"}'),
        ("/product/token", "application/json", b'{"key": "', b'"}'),
    ],
)
async def test_who_is_not_known_yet_takes_no_room_from_others(
    world: Any, path: str, kind: str, before: bytes, after: bytes
) -> None:
    body = before + b"x" * 20_000 + after
    reply = await world.ask(
        "POST", path, base="", key=None, data=body, headers={"Content-Type": kind}
    )

    assert (reply.status, b"16384" in reply.body) == (413, True)


@pytest.mark.parametrize(
    ("path", "fields"),
    [
        ("/jobs", {"program_id": "sampler", "params": {}}),
        ("/sessions", {"mode": "batch"}),
    ],
)
async def test_fields_that_nobody_reads_are_kept_as_far_as_they_are_small(
    world: Any, path: str, fields: dict[str, Any]
) -> None:
    replies = [
        await world.ask("POST", path, json={**fields, "backend": "ideal_5", "odd": ["x" * size]})
        for size in (16_000, 17_000)
    ]

    assert [reply.status for reply in replies] == [200, 400]
    assert "'odd'" in replies[1].error["message"]


@pytest.mark.parametrize(("blanks", "looks"), [(1, 1), (5000, 3)])
async def test_credentials_of_any_length_are_known_and_long_ones_not_remembered(
    world: Any, monkeypatch: pytest.MonkeyPatch, blanks: int, looks: int
) -> None:
    seen: list[str] = []
    real = world.ring.account

    async def account(key: str) -> Any:
        seen.append(key)
        return await real(key)

    monkeypatch.setattr(world.ring, "account", account)
    headers = {"Authorization": f"apikey{' ' * blanks}{world.instances.ADA}"}
    for _ in range(3):
        assert (await world.ask("GET", "/jobs", headers=headers)).status == 200
    of_jobs, seen[:] = len(seen), []
    for _ in range(3):
        reply = await world.ask("GET", "/v2/resource_instances", base="", headers=headers)
        assert reply.status == 200

    assert (of_jobs, len(seen)) == (looks, looks)


async def test_a_token_that_nests_without_end_is_no_good(
    world: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def decode(*_: object, **__: object) -> None:
        raise RecursionError  # as older releases of the library do

    monkeypatch.setattr("jwt.decode", decode)
    header = base64.urlsafe_b64encode(b"[" * 11_000).decode()
    reply = await world.ask("GET", "/jobs", headers={"Authorization": f"Bearer {header}.e30.AA"})

    assert reply.status == 401


async def test_what_methods_are_called_makes_no_more_metrics(world: Any) -> None:
    for method in ("PROPFIND", "M-SEARCH"):
        await world.ask(method, "/jobs")

    text = (await world.ask("GET", "/metrics", base="/_swqr")).body.decode()

    assert 'method="other",route="unknown",status="405"} 2.0' in text
    assert "PROPFIND" not in text


class TestLimits:
    @pytest.fixture
    def settings(self) -> ServerSettings:
        return ServerSettings(
            max_body_bytes=10_000,
            max_header_bytes=2_000,
            read_timeout=0.05,
            idle_timeout=0.2,
            max_connections=3,
        )

    async def test_a_body_over_the_limit_is_refused_unread(self, world: Any) -> None:
        head = head_of(
            world, "POST /api/v1/jobs HTTP/1.1", "Content-Length: 99999999999", "Expect: x"
        )
        status, body = await raw(world, head.replace(b"Expect: x\r\n", b""))

        assert status == 413
        assert json.loads(body)["errors"][0]["code"] == 5302
        assert acts(body)

    async def test_a_chunked_body_over_the_limit_is_refused(self, world: Any) -> None:
        async def pieces() -> Any:
            for _ in range(50):
                yield b"x" * 1000

        headers = {"Content-Type": "application/json"}
        reply = await world.ask("POST", "/jobs", data=pieces(), headers=headers)

        assert (reply.status, reply.error["code"]) == (413, 5302)

    async def test_a_slow_writer_is_told_and_left(self, world: Any) -> None:
        head = head_of(world, "POST /api/v1/jobs HTTP/1.1", "Content-Length: 100")
        status, body = await raw(world, head + b'{"a')

        assert status == 408
        assert acts(body)

    @pytest.mark.parametrize("part", ["x" * 10_000])
    async def test_a_header_that_is_too_long_is_refused(self, world: Any, part: str) -> None:
        status, body = await raw(
            world, head_of(world, "GET /api/v1/jobs HTTP/1.1", f"X-Long: {part}")
        )

        assert status == 400
        assert acts(body)
        assert part.encode() not in body

    async def test_a_request_line_that_is_too_long_is_refused(self, world: Any) -> None:
        status, body = await raw(world, head_of(world, f"GET /{'x' * 10_000} HTTP/1.1"))

        assert status in {400, 404, 414}
        assert acts(body)

    async def test_a_connection_that_asks_nothing_is_closed(self, world: Any) -> None:
        async with connection(world) as (reader, writer), asyncio.timeout(10):
            writer.write(b"GET /api/v1/jobs HT")

            assert await reader.read() == b""

    async def test_more_connections_than_allowed_are_closed(self, world: Any) -> None:
        async with AsyncExitStack() as held, asyncio.timeout(10):
            for _ in range(3):
                await held.enter_async_context(connection(world))
            reader, _ = await held.enter_async_context(connection(world))

            with pytest.raises((ConnectionResetError, asyncio.IncompleteReadError)):
                await reader.readexactly(1)


# --- headers -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name", ["Authorization", "Service-CRN", "IBM-API-Version", "Idempotency-Key"]
)
async def test_a_header_that_stands_twice_is_refused(world: Any, name: str) -> None:
    head = head_of(world, "GET /api/v1/jobs HTTP/1.1", f"{name}: a", f"{name}: b")
    status, body = await raw(world, head)

    assert status == 400
    assert acts(body)


@pytest.mark.parametrize(
    "line",
    [
        "Content-Length: -1",
        "Content-Length: 1, 2",
        "Content-Length: abc",
        "Transfer-Encoding: nonsense",
        "X Y: z",
        "Service-CRN: \xff\xfe",
        "IBM-API-Version: \xe9",
        "Authorization: apikey \xe9\xff",
        "Cookie: " + "a=b; " * 500,
    ],
)
async def test_an_absurd_header_breaks_nothing(world: Any, line: str) -> None:
    status, body = await raw(world, head_of(world, "GET /api/v1/jobs HTTP/1.1", line))

    assert status in {200, 400, 401}
    assert b"Traceback" not in body


@pytest.mark.parametrize(
    "data",
    [
        b"\r\n\r\n\r\n",
        b"nonsense\r\n\r\n",
        b"GET\r\n\r\n",
        b"BREW /jobs HTTP/1.1\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\r\n\r\n",
    ],
)
async def test_what_is_no_http_is_refused(world: Any, data: bytes) -> None:
    tail = head_of(world, "GET /api/v1/jobs HTTP/9.9")
    status, body = await raw(world, data + tail)

    assert status in {200, 400}
    assert b"Traceback" not in body


async def test_idle_connections_keep_nobody_waiting(world: Any) -> None:
    async with AsyncExitStack() as held:
        for _ in range(1000):
            await held.enter_async_context(connection(world))

        reply = await world.ask("GET", "/jobs")

    assert reply.status == 200


async def test_a_reader_that_stops_reading_is_left(world: Any, monkeypatch: Any) -> None:
    job_id = await world.run(result=b'"' + b"x" * 60_000_000 + b'"')
    object.__setattr__(world.service.settings, "write_timeout", 0.05)
    async with connection(world, limit=1024) as (reader, writer), asyncio.timeout(10):
        writer.write(head_of(world, f"GET /api/v1/jobs/{job_id}/results HTTP/1.1"))
        await reader.readline()
        assert world.service.bodies.budget.used
        while world.service.bodies.budget.used:  # noqa: ASYNC110 - the server tells nobody
            await asyncio.sleep(0)

        with pytest.raises((ConnectionResetError, asyncio.IncompleteReadError)):
            await reader.readexactly(60_000_000)


@pytest.mark.parametrize("platform", [False, True])
async def test_a_private_result_is_not_taken_before_there_is_room_for_it(
    world: Any, platform: bool
) -> None:
    result = b'"' + b"x" * 300_000 + b'"'
    job_id = await world.run(private=True, result=result)
    object.__setattr__(world.service.settings, "write_timeout", 0.05)

    async def ask() -> Any:
        if not platform:
            return await world.ask("GET", f"/jobs/{job_id}/results")
        resource = (await world.resource()).rpartition("/")[2]
        return await world.platform("GET", f"/files/jobs/{resource}/{job_id}/job_results.json")

    async with world.service.bodies.budget.hold(2**40, timeout=1):
        refused = await ask()
    reply = await ask()

    assert (refused.status, reply.status) == (503, 200)
    assert result in {reply.body, reply.json.encode() if platform else b""}


async def test_parameters_are_not_read_before_there_is_room_for_them(
    world: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    job_id = await world.submit(b'"' + b"x" * 300_000 + b'"')
    object.__setattr__(world.service.settings, "write_timeout", 0.05)
    await failing(world, monkeypatch, "params", AssertionError())

    async with world.service.bodies.budget.hold(2**40, timeout=1):
        reply = await world.ask("GET", f"/jobs/{job_id}")

    assert reply.status == 503


async def everything(world: Any, *lines: str) -> bytes:
    """Send a request, and return all that comes back."""
    async with connection(world) as (reader, writer), asyncio.timeout(10):
        writer.write(head_of(world, *lines, "Connection: close"))
        answer: bytes = await reader.read()
        return answer


@pytest.mark.parametrize(
    "path", ["jobs?exclude_params=false", "jobs/job-1/interim_results", "jobs/job-1"]
)
async def test_an_answer_to_head_has_no_body(world: Any, path: str) -> None:
    await world.submit()

    answer = await everything(
        world, f"HEAD /api/v1/{path} HTTP/1.1", "Accept: text/event-stream, */*"
    )

    assert answer.startswith(b"HTTP/1.1 200")
    assert answer.partition(b"\r\n\r\n")[2] == b""


async def test_an_answer_that_fails_half_way_is_cut_off(
    world: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    await world.submit()
    await failing(world, monkeypatch, "params", UnreachableError("ibm", "no route"))

    answer = await everything(world, "GET /api/v1/jobs?exclude_params=false HTTP/1.1")

    assert answer.count(b"HTTP/1.1") == 1
    assert not answer.endswith(b"0\r\n\r\n")


async def test_so_is_one_that_goes_on_asking(world: Any) -> None:
    object.__setattr__(world.service.settings, "write_timeout", 0.2)
    async with connection(world, limit=1024) as (_, writer), asyncio.timeout(30):
        with pytest.raises(ConnectionError):  # noqa: PT012 - sooner or later
            while True:
                writer.write(100 * head_of(world, "GET /openapi.json HTTP/1.1"))
                await writer.drain()


# --- failures behind the server ----------------------------------------------------------------


async def failing(world: Any, monkeypatch: pytest.MonkeyPatch, name: str, error: Exception) -> None:
    account = await world.ring.account(world.instances.ADA)
    from swqr_core.model.principal import Principal

    transport = await world.ring.transport(
        Principal(user=account.user, instance=world.instances.ONE.id)
    )

    async def fail(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(transport, name, fail)


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (OutcomeUnknownError("ibm", "submit", "k"), 409),
        (ProtocolError("ibm", "odd"), 409),
        (RuntimeError("secret detail"), 409),
        (UnreachableError("ibm", "no route"), 503),
        (UnsupportedOperation("ibm", "submit"), 400),
    ],
)
async def test_what_may_have_been_done_is_never_answered_with_5xx(
    world: Any, monkeypatch: pytest.MonkeyPatch, error: Exception, status: int
) -> None:
    await failing(world, monkeypatch, "submit", error)

    reply = await world.post_job()

    assert reply.status == status
    assert acts(reply.body)
    assert b"secret detail" not in reply.body


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (ProtocolError("ibm", "odd"), 502),
        (RuntimeError("secret detail"), 500),
        (SwqrError("secret detail"), 500),
    ],
)
async def test_a_failure_while_looking_tells_no_detail(
    world: Any, monkeypatch: pytest.MonkeyPatch, error: Exception, status: int
) -> None:
    await failing(world, monkeypatch, "backends", error)

    reply = await world.ask("GET", "/backends")

    assert reply.status == status
    assert b"Traceback" not in reply.body


async def test_new_work_is_refused_while_the_server_goes_down(world: Any) -> None:
    job_id = await world.submit()
    world.service.draining = True

    submitted = await world.post_job()
    opened = await world.ask("POST", "/sessions", json={"mode": "batch", "backend": "ideal_5"})
    looked = await world.ask("GET", f"/jobs/{job_id}")

    assert (submitted.status, opened.status, looked.status) == (503, 503, 200)
    assert submitted.headers["Retry-After"]
