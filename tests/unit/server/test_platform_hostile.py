"""Nonsense and malice on the platform's routes: refused with a 4xx that a person can act on."""

import asyncio
import io
import json
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from types import SimpleNamespace
from typing import Any

import pytest
from attrs import evolve
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from swqr_adapters.server import ServerSettings
from swqr_adapters.server.platform import job_pages
from swqr_adapters.server.platform.documents import Documents
from swqr_adapters.transports.memory.transport import MemoryTransport
from swqr_adapters.wire import strangeworks as wire
from swqr_core.errors import (
    InvalidInputError,
    LimitExceededError,
    OutcomeUnknownError,
    ProtocolError,
    UnreachableError,
    UnsupportedOperation,
)
from swqr_core.model.principal import Principal

JSON = {"Content-Type": "application/json"}


def message_of(reply: Any) -> str:
    """Return what a person reads; there must be something, and nothing that is private."""
    body = reply.json
    text = body["errors"][0]["message"] if "errors" in body else body["message"]
    assert isinstance(text, str)
    assert text
    assert len(reply.body) < 2500
    assert b"Traceback" not in reply.body
    return text


# --- paths and methods -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/sdk", 405),
        ("GET", "/users/token", 405),
        ("POST", "/users/tokens", 404),
        ("POST", "/sdk/", 404),
        ("PUT", "/products/p/resource/r/runtime_status", 405),
        ("GET", "/products/p/resource/r/runtime_status", 405),
        ("POST", "/products/p/resource/r/", 404),
        ("POST", "/products/p/resource/r/%2e%2e", 404),
        ("POST", "/products/p/resource/r/a/b", 404),
        ("POST", "/products/%00/resource/r/runtime_status", 404),
        ("POST", "/products/" + "x" * 3000 + "/resource/r/runtime_status", 404),
        ("GET", "/files/jobs/r/j", 404),
        ("GET", "/files/jobs/r/j/../../secret", 404),
        ("GET", "/files/workspace/%ff", 404),
        ("DELETE", "/files/workspace/x", 405),
        ("POST", "/files/uploads/x", 405),
    ],
)
async def test_a_path_or_method_that_is_none_is_told_in_the_platforms_words(
    world: Any, method: str, path: str, status: int
) -> None:
    reply = await world.platform(method, path)

    assert reply.status in {status, 404}
    message_of(reply)


# --- bodies ------------------------------------------------------------------------------------

BODIES = [
    b"",
    b"null",
    b"[]",
    b"{",
    b'{"key": 1, "key": 2}',
    b'{"query": ' + b"[" * 100_000,
    b'{"query": "' + b"x" * 300_000 + b'"}',
    b'{"data": "\xff"}',
    b'{"data": "\\ud800"}',
    b'{"data": "{\\"program_id\\": \\"sampler\\", \\"params\\": "}',
    b'{"data": "' + b"[" * 100_000 + b'"}',
    b'{"data": "{\\"params\\": ' + b"[" * 100_000 + b'"}',
    b'{"data": {"program_id": "sampler"}}',
    b'{"data": "null"}',
    b'{"data": 7}',
    b'{"job_slug": ["x"], "session_id": {"a": 1}, "name": 7, "backend": []}',
    b'{"job_slug": "' + b"x" * 5000 + b'"}',
    "{}".encode("utf-16"),
    b"\x1f\x8b not gzip",
]


@pytest.mark.parametrize("number", range(len(BODIES)))
@pytest.mark.parametrize(
    "path",
    ["/users/token", "/sdk", "create_runtime_job", "runtime_status", "runtime_cancel",
     "runtime_backend_config", "runtime_backend_properties", "create_session",
     "session_details", "close_session"],
)  # fmt: skip
async def test_a_body_that_is_nonsense_is_refused(world: Any, path: str, number: int) -> None:
    where = path if path.startswith("/") else f"{await world.resource()}/{path}"

    reply = await world.platform("POST", where, data=io.BytesIO(BODIES[number]), headers=JSON)

    assert 400 <= reply.status < 500
    message_of(reply)


async def test_a_form_is_no_json(world: Any) -> None:
    reply = await world.platform("POST", "/sdk", data={"query": "x"})

    assert (reply.status, "application/json" in message_of(reply)) == (415, True)


@pytest.mark.parametrize(
    "payload",
    [
        {"backend": "ideal_5", "max_time": -1},
        {"backend": "ideal_5", "max_time": "2m"},
        {"backend": "ideal_5", "mode": "forever"},
        {"backend": "nowhere"},
        {"mode": "batch"},
    ],
)
async def test_a_session_that_cannot_be_is_refused(world: Any, payload: Any) -> None:
    reply = await world.operate("create_session", payload)

    assert reply.status in {400, 404}
    message_of(reply)


@pytest.mark.parametrize("moment", ["yesterday", 7, [], "9999-99-99"])
async def test_a_moment_that_is_none_is_refused(world: Any, moment: object) -> None:
    payload = {"backend_name": "ideal_5", "datetime": moment}

    reply = await world.operate("runtime_backend_properties", payload)

    assert (reply.status, "datetime" in message_of(reply)) == (400, True)


@pytest.mark.parametrize("key", ["", "x" * 65, "\u00e9"])
async def test_an_idempotency_key_that_cannot_be_used_makes_no_job(world: Any, key: str) -> None:
    reply = await world.platform_job(headers={"Idempotency-Key": key})

    assert (reply.status, "Idempotency-Key" in message_of(reply)) == (400, True)
    assert (await world.ask("GET", "/jobs")).json["count"] == 0


class TestLimits:
    @pytest.fixture
    def settings(self) -> ServerSettings:
        return ServerSettings(max_body_bytes=10_000)

    async def test_a_submission_over_the_limit_is_refused(self, world: Any) -> None:
        reply = await world.platform_job(b'"' + b"x" * 20_000 + b'"')

        assert (reply.status, "10000" in message_of(reply)) == (413, True)


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8)
    | st.sampled_from(["ideal_5", "sampler", "batch", "2026-01-01T00:00:00Z", "{}"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=6,
)  # fmt: skip
FIELDS = st.sampled_from(
    ["data", "program_id", "backend", "channel", "runtime", "job_slug", "session_id", "name",
     "backend_name", "datetime", "max_time", "mode", "instance", "combined", "filters", "image",
     "tags", "cost", "start_session", "session_time", "params", "log_level", "private"]
)  # fmt: skip
OPERATIONS = st.sampled_from(
    ["create_runtime_job", "runtime_status", "runtime_cancel", "runtime_backend_config",
     "runtime_backend_properties", "runtime_backend_pulse_defaults", "runtime_backends",
     "create_session", "session_details", "close_session", "cancel_session"]
)  # fmt: skip


@settings(
    max_examples=150,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    operation=OPERATIONS,
    payload=st.dictionaries(FIELDS, VALUES, max_size=6),
    inner=st.none() | st.dictionaries(FIELDS, VALUES, max_size=8),
)
async def test_no_payload_at_all_breaks_an_operation(
    world: Any, operation: str, payload: dict[str, Any], inner: dict[str, Any] | None
) -> None:
    path, token = await world.resource(), await world.login()
    given_ = payload if inner is None else {**payload, "data": json.dumps(inner)}

    reply = await world.platform("POST", f"{path}/{operation}", token=token, json=given_)

    assert reply.status < 500
    if reply.status != 200:
        message_of(reply)


# --- GraphQL -----------------------------------------------------------------------------------

DEEP = "{ workspace { jobs { edges { node { " + "childJobs { " * 30 + "slug" + " }" * 30 + "}}}}}"
BOMB = (
    "query { ...f0 } "
    + " ".join(f"fragment f{n} on Query {{ ...f{n + 1} ...f{n + 1} }}" for n in range(40))
    + " fragment f40 on Query { workspace { slug } }"
)
DOCUMENTS = {
    "nothing": "",
    "no document": "tell me everything",
    "unclosed": "{ workspace {",
    "an unknown field": "{ workspace { secrets } }",
    "an unknown argument": '{ workspace { jobs(where: "1=1") { edges { cursor } } } }',
    "no such type": "query q($x: Secret) { workspace { slug } }",
    "deep": DEEP,
    "deep in brackets": "{ workspace(a: " + "[" * 3000 + "]" * 3000 + ") }",
    "a fragment bomb": BOMB,
    "a fragment in itself": "{ ...f } fragment f on Query { ...f }",
    "two in each other": "{ ...f } fragment f on Query { ...g } fragment g on Query { ...f }",
    "many aliases": "{ workspace {" + " ".join(f"a{n}: slug" for n in range(900)) + "} }",
    "many searches": "{ workspace {" + " ".join(
        f"a{n}: jobs {{ edges {{ cursor }} }}" for n in range(11)) + "} }",
    "many tokens": "{ " + "workspace { slug } " * 1500 + "}",
    "the same field again and again": " ".join(
        f"query q{n} {{ workspace {{ {'slug ' * 480} }} }}" for n in range(8)),
    "the same field in fragments within fragments":
        "{ " + "... { " * 30 + "workspace { slug } " * 60 + "} " * 31,
    "many definitions": " ".join(f"query q{n} {{ workspace {{ slug }} }}" for n in range(60)),
    "long": "{ workspace { slug } } #" + "x" * 70_000,
    "a subscription": "subscription { workspace { slug } }",
    "no operation": "fragment f on Query { workspace { slug } }",
}  # fmt: skip


@pytest.mark.parametrize("name", sorted(DOCUMENTS))
async def test_a_document_that_is_nonsense_or_too_much_is_refused_at_once(
    world: Any, name: str
) -> None:
    body = {"query": DOCUMENTS[name]}
    await world.graphql("{ workspace { slug } }")  # the library is loaded
    started = time.process_time()

    reply = await world.platform("POST", "/sdk", json=body)

    assert reply.status in {200, 400}
    assert reply.json.get("data") is None
    message_of(reply)
    assert time.process_time() - started < 2


BRANCHES = " ".join(f"fragment f{n} on __Schema {{ ...f{n + 1} ...f{n + 1} }}" for n in range(20))


@pytest.mark.parametrize(
    "document",
    [
        "{ __schema { ...f0 } } " + BRANCHES + " fragment f20 on __Schema { ...nowhere }",
        "{ __typename } fragment f on Query { __schema { ...f0 } } " + BRANCHES
        + " fragment f20 on __Schema { description }",
    ],
    ids=["that end in one that nobody wrote", "that nobody spreads"],
)  # fmt: skip
def test_fragments_count_where_validation_alone_would_follow_them(document: str) -> None:
    with pytest.raises(InvalidInputError, match="at most 500"):
        Documents().parse(document)


@pytest.mark.parametrize(
    ("document", "variables"),
    [
        (wire.GET_JOBS, {"first": 0}),
        (wire.GET_JOBS, {"first": -5}),
        (wire.GET_JOBS, {"first": "many"}),
        (wire.GET_JOBS, {"first": 2**40}),
        (wire.GET_JOBS, {"after": "no cursor"}),
        (wire.GET_JOBS, {"after": "AAAA"}),
        (wire.GET_JOBS, {"statuses": ["DONE"]}),
        (wire.GET_JOBS, {"tags": [7]}),
        (wire.GET_JOBS, {"tags": {"a": 1}}),
        (wire.GET_RESOURCES, {"after": "no cursor"}),
        (wire.GET_BACKEND, {}),
        (wire.ADD_TAGS, {"workspace_slug": "ada", "job_slug": "x", "tags": None}),
        (wire.UPLOAD_FILE, {"workspace_slug": "ada", "file_name": " ", "content_type": "x"}),
        (wire.UPLOAD_FILE, {"workspace_slug": "ada", "file_name": "a\n", "content_type": "x"}),
        (wire.UPLOAD_FILE, {"workspace_slug": "ada", "file_name": "a", "content_type": "x\r\ny"}),
        (wire.UPLOAD_FILE, {"workspace_slug": "ada", "file_name": "a", "content_type": "x",
                            "meta_file_create_date": "yesterday"}),
    ],
)  # fmt: skip
async def test_variables_that_cannot_be_are_refused(
    world: Any, document: str, variables: Any
) -> None:
    reply = await world.platform("POST", "/sdk", json={"query": document, "variables": variables})

    assert reply.status == 200
    assert reply.json["data"] is None
    message_of(reply)


async def test_the_more_a_document_asks_of_a_job_the_fewer_jobs_are_in_a_page(world: Any) -> None:
    for _ in range(30):
        await world.submit()
    many = " ".join(f"a{n}: status" for n in range(450))
    found = []
    for fields in ("slug", many):
        query = "{ workspace { jobs(pagination: {first: 30}) { pageInfo { hasNextPage } edges {"
        data = await world.graphql(f"{query} node {{ {fields} }} }} }} }} }}")
        page = data["workspace"]["jobs"]
        found.append((len(page["edges"]), page["pageInfo"]["hasNextPage"]))

    assert found == [(30, False), (10, True)]


LISTINGS = (
    "query q($tags: [String!], $words: [JobStatus!]) { workspace { "
    + " ".join(
        f"a{n}: jobs(jobTags: $tags, jobStatuses: $words) {{ edges {{ cursor }} }}"
        for n in range(10)
    )
    + " } }"
)


async def test_many_tags_are_not_looked_for_one_after_the_other(
    world: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks: list[Any] = []
    real = MemoryTransport.jobs

    async def jobs(self: MemoryTransport, query: Any) -> Any:
        looks.append(query)
        return await real(self, query)

    monkeypatch.setattr(MemoryTransport, "jobs", jobs)
    body = {"query": LISTINGS, "variables": {"tags": [f"t{n}" for n in range(20_000)]}}
    reply = await world.platform("POST", "/sdk", json=body)

    assert (reply.json["data"], "at most 100" in message_of(reply)) == (None, True)
    assert looks == []


async def test_others_go_on_between_the_looks_of_a_listing(
    world: Any, turns: Callable[[], int]
) -> None:
    await world.graphql(LISTINGS, {"tags": ["t"]})  # the library is loaded
    before = turns()

    await world.graphql(LISTINGS, {"tags": [f"t{n}" for n in range(100)]})

    assert turns() - before > 100


async def test_a_status_that_is_named_again_and_again_counts_once(
    world: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Counting(dict[str, Any]):
        asked = 0

        def __getitem__(self, word: str) -> Any:
            Counting.asked += 1
            return super().__getitem__(word)

    monkeypatch.setattr(job_pages, "_STATES", Counting(vars(job_pages)["_STATES"]))
    for _ in range(3):
        await world.submit()

    data = await world.graphql(LISTINGS, {"words": ["QUEUED", "RUNNING"] * 10_000})

    assert len(data["workspace"]["a9"]["edges"]) == 3
    assert Counting.asked == 20  # two words in each of ten listings


@pytest.mark.parametrize(
    "body",
    [
        {"query": "{ __typename }", "variables": 7},
        {"query": "{ __typename }", "variables": {str(n): n for n in range(200)}},
        {"query": "{ __typename }", "operationName": ["a"]},
        {"query": ["{ __typename }"]},
        {},
    ],
)
async def test_a_request_that_is_no_graphql_is_refused(world: Any, body: Any) -> None:
    reply = await world.platform("POST", "/sdk", json=body)

    assert reply.status == 400
    message_of(reply)


@given(st.text(max_size=60) | st.lists(st.sampled_from(
    ["{", "}", "(", ")", "workspace", "jobs", "query", "fragment", "on", "Query", "...", ":", "$a",
     "[", "]", "!", "@skip", '"x"', "1", "edges", "node", "slug", "mutation", "f", "="]
), max_size=25).map(" ".join))  # fmt: skip
@settings(suppress_health_check=[HealthCheck.too_slow])
def test_no_text_at_all_breaks_the_parser(text: str) -> None:
    with suppress(InvalidInputError):
        Documents().parse(text)


async def test_the_last_documents_are_kept_and_no_more() -> None:
    documents = Documents()
    for number in range(500):
        documents.parse(f"query q{number} {{ workspace {{ slug }} }}")

    assert "128 kept" in repr(documents)
    assert documents.parse(wire.GET_JOBS) is documents.parse(wire.GET_JOBS)


# --- failures behind the server ----------------------------------------------------------------


async def failing(world: Any, monkeypatch: pytest.MonkeyPatch, name: str, error: Exception) -> Any:
    account = await world.ring.account(world.instances.ADA)
    principal = Principal(user=account.user, instance=world.instances.ONE.id)
    transport = await world.ring.transport(principal)

    async def fail(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(transport, name, fail)
    return transport


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (OutcomeUnknownError("ibm", "submit", "k"), 409),
        (ProtocolError("ibm", "odd"), 409),
        (RuntimeError("secret detail"), 409),
        (UnreachableError("ibm", "no route"), 503),
        (UnsupportedOperation("ibm", "submit"), 400),
        (LimitExceededError("jobs", 3, "wait", 3458), 409),
    ],
)
@pytest.mark.parametrize("name", ["submit", "open_session", "drain_session", "cancel_job"])
async def test_what_may_have_been_done_is_never_answered_with_5xx(
    world: Any,
    monkeypatch: pytest.MonkeyPatch,
    error: Exception,
    status: int,
    name: str,
) -> None:
    await failing(world, monkeypatch, name, error)

    reply = await {
        "submit": world.platform_job,
        "open_session": partial(world.operate, "create_session", {"backend": "ideal_5"}),
        "drain_session": partial(world.operate, "close_session", {"session_id": "x"}),
        "cancel_job": partial(world.operate, "runtime_cancel", {"job_slug": "x"}),
    }[name]()

    assert reply.status == status
    assert "secret detail" not in message_of(reply)


@pytest.mark.parametrize(
    ("error", "status"), [(ProtocolError("ibm", "odd"), 502), (RuntimeError("secret detail"), 500)]
)
async def test_a_failure_while_looking_is_no_conflict(
    world: Any, monkeypatch: pytest.MonkeyPatch, error: Exception, status: int
) -> None:
    await failing(world, monkeypatch, "job", error)

    reply = await world.operate("runtime_status", {"job_slug": "x"})

    assert reply.status == status
    assert "secret detail" not in message_of(reply)


async def test_the_audit_log_tells_of_changes_and_not_of_looks(world: Any) -> None:
    lines: list[Any] = []
    path, token = await world.resource(), await world.login()
    world.service.audit = SimpleNamespace(record=lines.append)

    for operation, payload in (
        ("runtime_status", {"job_slug": "x"}),
        ("runtime_backend_config", {"name": "ideal_5"}),
        ("create_session", {"backend": "ideal_5"}),
    ):
        await world.platform("POST", f"{path}/{operation}", token=token, json=payload)
    for query in (wire.GET_WORKSPACE, wire.ADD_TAGS):
        variables = {"workspace_slug": "ada", "job_slug": "x", "tags": ["t"]}
        body = {"query": query, "variables": variables}
        await world.platform("POST", "/sdk", token=token, json=body)

    assert [line["route"].rpartition("/")[2] for line in lines] == ["create_session", "sdk"]
    assert (lines[0]["user"], lines[0]["instance"]) == ("ada", world.instances.ONE.id)


async def test_a_cancelled_job_whose_status_nobody_tells_is_cancelled_all_the_same(
    world: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    slug = (await world.platform_job()).json["slug"]
    await failing(world, monkeypatch, "job", UnreachableError("ibm", "no route"))

    reply = await world.operate("runtime_cancel", {"job_slug": slug})

    assert (reply.status, reply.json) == (200, {})


@pytest.mark.parametrize(
    ("error", "status", "state"),
    [
        (LimitExceededError("jobs", 3, "wait", 3458), 409, "closed"),
        (UnreachableError("ibm", "no route"), 409, "open"),
    ],
)
async def test_a_session_that_was_opened_for_a_job_is_no_orphan(
    world: Any, monkeypatch: pytest.MonkeyPatch, error: Exception, status: int, state: str
) -> None:
    await failing(world, monkeypatch, "submit", error)

    reply = await world.platform_job(start_session=True)
    found = await world.ask("GET", "/sessions", base="/_swqr")

    assert reply.status == status
    assert [session["state"] for session in found.json["sessions"]] == [state]


async def test_nor_is_it_where_sessions_cannot_be_cancelled(
    world: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    able = evolve(world.ring.capabilities, cancel_sessions=False)
    monkeypatch.setattr(MemoryTransport, "capabilities", able)
    await failing(world, monkeypatch, "cancel_session", UnsupportedOperation("x", "cancelling"))
    await failing(world, monkeypatch, "submit", LimitExceededError("jobs", 3, "wait", 3458))

    await world.platform_job(start_session=True)
    found = await world.ask("GET", "/sessions", base="/_swqr")

    assert [session["state"] for session in found.json["sessions"]] == ["closed"]


@pytest.mark.parametrize(
    ("error", "told"),
    [(UnreachableError("ibm", "no route"), "no route"), (RuntimeError("secret"), "trace")],
)
async def test_a_failure_in_one_part_of_a_document_is_told_with_its_place(
    world: Any, monkeypatch: pytest.MonkeyPatch, error: Exception, told: str
) -> None:
    await failing(world, monkeypatch, "jobs", error)

    reply = await world.platform(
        "POST", "/sdk", json={"query": "{ workspace { slug jobs { edges { cursor } } } }"}
    )

    assert (reply.status, reply.json["errors"][0]["path"]) == (200, ["workspace", "jobs"])
    assert "secret" not in message_of(reply)
    assert told in message_of(reply)


async def test_many_who_ask_at_once_are_all_answered(world: Any) -> None:
    slug = (await world.platform_job()).json["slug"]
    token, path = await world.login(), await world.resource()

    replies = await asyncio.gather(
        *(
            world.platform("POST", f"{path}/runtime_status", token=token, json={"job_slug": slug})
            for _ in range(200)
        ),
        *(world.platform("POST", "/sdk", token=token, json=wire.graphql_request(wire.GET_JOBS))
          for _ in range(20)),
    )  # fmt: skip

    assert {reply.status for reply in replies} == {200}
    assert all("errors" not in json.loads(reply.body) for reply in replies)
