"""What a platform server writes is what its client reads; what nobody wrote breaks nothing."""

import json
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from swqr_adapters.wire import ibm
from swqr_adapters.wire import strangeworks as sw
from swqr_adapters.wire.nesting import quote
from swqr_adapters.wire.splicing import split
from swqr_core.errors import (
    InvalidInputError,
    JobNotFoundError,
    PayloadTooLargeError,
    ProtocolError,
)
from swqr_core.lifecycle.job import JobState
from swqr_core.lifecycle.session import SessionState
from swqr_core.model.ids import BackendName, JobId, ProgramId, SessionId
from swqr_core.model.job import Job, JobSpec
from swqr_core.model.session import Session, SessionMode, SessionSpec

NAMES = st.text("abcdefghijklmnopqrstuvwxyz_0123456789", min_size=1, max_size=20)
TEXTS = st.text(min_size=1, max_size=30)
TIMES = st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001
WHOLE = st.integers(1, 10**6)
EXTRA = st.dictionaries(NAMES.map("x_".__add__), st.integers() | TEXTS | st.booleans(), max_size=3)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner),
    max_leaves=12,
)
# JSON texts in all spellings, so that what comes back can only be the very bytes.
EXACT = st.builds(
    lambda value, indent, short: json.dumps(value, indent=indent, ensure_ascii=short).encode(),
    JSON,
    st.none() | st.integers(0, 2),
    st.booleans(),
)


def maybe(strategy: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.none() | strategy


RESOURCES = st.builds(
    sw.Resource,
    slug=NAMES,
    product=NAMES,
    product_name=st.text(max_size=9),
    deleted=st.booleans(),
    status=maybe(TEXTS),
    extra=EXTRA,
)
WORKSPACES = st.builds(
    sw.Workspace, id=TEXTS, slug=NAMES, name=TEXTS, disabled=st.booleans(), extra=EXTRA
)
FILES = st.builds(
    sw.FileRecord,
    slug=NAMES,
    name=maybe(TEXTS),
    url=maybe(TEXTS),
    id=maybe(TEXTS),
    label=maybe(TEXTS),
    size=maybe(WHOLE),
    created_at=maybe(TIMES),
    updated_at=maybe(TIMES),
    extra=EXTRA,
)
RECORDS = st.builds(
    sw.JobRecord,
    slug=NAMES,
    status=st.sampled_from(sorted(sw.STATES)),
    external_id=maybe(TEXTS),
    resource=maybe(RESOURCES),
    files=st.lists(FILES, max_size=3).map(tuple),
    created_at=maybe(TIMES),
    updated_at=maybe(TIMES),
    tags=st.lists(TEXTS, max_size=3).map(tuple),
    children=st.lists(EXTRA, max_size=2).map(tuple),
    extra=EXTRA,
)
BACKENDS = st.builds(
    sw.BackendRecord,
    slug=NAMES,
    name=TEXTS,
    status=maybe(TEXTS),
    id=maybe(TEXTS),
    remote_id=maybe(TEXTS),
    data=maybe(EXTRA),
    extra=EXTRA,
)
SPECS = st.builds(
    JobSpec,
    program_id=NAMES.map(ProgramId),
    backend=NAMES.map(BackendName),
    session_id=maybe(NAMES.map(SessionId)),
    tags=st.lists(TEXTS, max_size=8).map(tuple),
    max_execution_time=maybe(st.integers(1, 10_800)),
    log_level=st.sampled_from(["critical", "error", "warning", "info", "debug"]),
    private=st.booleans(),
    image=maybe(TEXTS),
    calibration_id=maybe(TEXTS),
    extra=EXTRA,
)
SESSION_SPECS = st.builds(
    SessionSpec,
    backend=NAMES.map(BackendName),
    mode=st.sampled_from(SessionMode),
    max_ttl=maybe(WHOLE),
    interactive_ttl=maybe(WHOLE),
    active_ttl=maybe(WHOLE),
    extra=EXTRA,
)
MADE = datetime(2026, 1, 31, 9, 15, 2, tzinfo=UTC)
SPEC = JobSpec(program_id=ProgramId("sampler"), backend=BackendName("b"), tags=("t",))
JOB = Job(id=JobId("j"), spec=SPEC, state=JobState.QUEUED, created_at=MADE)


def over_the_wire(document: object) -> Any:
    return json.loads(json.dumps(document))


def answer(data: object, **told: object) -> sw.Answer:
    document = {"data": data, "extensions": {"swqr": told}}
    return sw.parse_answer(json.dumps(document).encode())


class TestRoundTrips:
    @given(WORKSPACES)
    def test_a_workspace_is_read_as_it_was_written(self, workspace: sw.Workspace) -> None:
        data = over_the_wire({"workspace": sw.workspace_node(workspace)})

        assert sw.parse_workspace(data) == workspace

    @given(RESOURCES)
    def test_a_resource_is_read_as_it_was_written(self, resource: sw.Resource) -> None:
        assert sw.parse_resource(over_the_wire(sw.resource_node(resource))) == resource

    @given(FILES)
    def test_a_file_is_read_as_it_was_written(self, file: sw.FileRecord) -> None:
        assert sw.parse_file(over_the_wire(sw.file_node(file))) == file

    @given(FILES, TEXTS)
    def test_an_upload_is_read_as_it_was_written(self, file: sw.FileRecord, url: str) -> None:
        upload = sw.FileUpload(signed_url=url, file=file)
        data = over_the_wire({"workspaceUploadFile": sw.upload_answer(upload)})

        assert sw.parse_upload(data) == upload

    @given(RECORDS)
    def test_a_job_is_read_as_it_was_written(self, record: sw.JobRecord) -> None:
        assert sw.parse_job_node(over_the_wire(sw.job_node(record))) == record

    @given(BACKENDS)
    def test_a_backend_is_read_as_it_was_written(self, record: sw.BackendRecord) -> None:
        assert sw.parse_backend_node(over_the_wire(sw.backend_node(record))) == record

    @given(st.lists(st.tuples(TEXTS, RESOURCES), max_size=3), st.booleans())
    def test_a_page_is_read_as_it_was_written(
        self, entries: list[tuple[str, sw.Resource]], more: bool
    ) -> None:
        page = sw.Connection(
            nodes=tuple(node for _, node in entries),
            cursors=tuple(cursor for cursor, _ in entries),
            more=more and bool(entries),
        )
        data = {"workspace": {"resources": sw.connection_node(page, sw.resource_node)}}

        found = sw.parse_connection(over_the_wire(data), "resources", sw.parse_resource)

        assert found == page

    @given(SESSION_SPECS, NAMES)
    def test_an_opening_is_read_as_it_was_sent(self, spec: SessionSpec, channel: str) -> None:
        payload = over_the_wire(sw.session_opening(spec, channel=channel))

        assert sw.parse_session_opening(payload) == spec

    @given(NAMES, st.integers(0, 10**9), st.integers(1, 200), st.floats(0, 30))
    def test_what_is_asked_of_interim_results_is_read_as_it_was_sent(
        self, slug: str, start: int, limit: int, wait: float
    ) -> None:
        payload = sw.interim_request(slug, channel="c", start=start, limit=limit, wait=wait)

        found = sw.parse_interim_request(over_the_wire(payload))

        assert found == sw.InterimRequest(slug=slug, start=start, limit=limit, wait=wait)

    @given(st.sampled_from(JobState))
    def test_a_status_is_read_as_it_was_written(self, state: JobState) -> None:
        job = Job(id=JobId("j"), spec=SPEC, state=state, created_at=MADE)

        plain = sw.parse_job_status(over_the_wire(sw.status_answer(job)))
        told = sw.parse_job_status(over_the_wire(sw.status_answer(job, extended=True)))

        assert told.job == job
        assert plain.job is None
        assert plain.state is (JobState.FAILED if state is JobState.TIMED_OUT else state)


class TestPayloads:
    @given(SPECS, EXACT)
    async def test_parameters_come_out_of_a_submission_as_they_went_in(
        self, spec: JobSpec, params: bytes
    ) -> None:
        body = b"".join(await sw.submission(spec, params, channel="ibm_cloud"))

        found = await sw.parse_submission(split(body, "data"))

        assert (found.spec, found.params, found.start) == (spec, params, None)

    @given(EXACT)
    async def test_what_the_official_client_wraps_comes_out_as_it_was(self, params: bytes) -> None:
        inner = b'{"program_id": "sampler", "params": ' + params + b', "backend": "b"}'
        outer = {"data": inner.decode(), "program_id": "sampler", "backend": "b", "runtime": True}

        found = await sw.parse_submission(split(json.dumps(outer).encode(), "data"))

        assert (found.params, found.spec.program_id) == (params, "sampler")

    @given(SPECS, EXACT)
    async def test_the_input_file_gives_back_what_was_submitted(
        self, spec: JobSpec, params: bytes
    ) -> None:
        data = b"".join(sw.input_file(spec, params, channel="ibm_cloud"))

        found = await sw.parse_input_file(data)

        assert found == sw.JobInput(spec=spec, channel="ibm_cloud", params=params)

    @given(EXACT)
    async def test_a_result_comes_out_of_its_file_as_it_went_in(self, result: bytes) -> None:
        assert await sw.parse_result_file(quote(result)) == result

    async def test_a_result_that_is_encoded_once_is_taken_as_it_is(self) -> None:
        assert await sw.parse_result_file(b'{"a": 1}') == b'{"a": 1}'

    @pytest.mark.parametrize("data", [b"", b"<html>", b'"abc', b'{"a": ', b"\xff", b"nothing"])
    async def test_a_result_file_that_is_not_what_it_claims_is_refused(self, data: bytes) -> None:
        with pytest.raises(ProtocolError, match=r"job_results\.json"):
            await sw.parse_result_file(data)

    @pytest.mark.parametrize(
        "data",
        [b"", b"<html>", b"{}", b'{"job": 7}', b'{"job": {}}', b'{"job": {"program_id": 3}}'],
    )
    async def test_an_input_file_that_is_not_what_it_claims_is_refused(self, data: bytes) -> None:
        with pytest.raises(ProtocolError, match=r"input_data\.json"):
            await sw.parse_input_file(data)

    @pytest.mark.parametrize(
        ("body", "problem"),
        [
            ({}, "data"),
            ({"data": {"program_id": "sampler"}}, "data"),
            ({"data": "{"}, "ends early"),
            ({"data": "{}"}, "program_id"),
            ({"data": '{"program_id": "sampler"}'}, "backend"),
            ({"data": '{"program_id": "s", "start_session": true, "session_time": -1}',
              "backend": "b"}, "session_time"),
        ],
    )  # fmt: skip
    async def test_a_submission_that_cannot_be_says_why(
        self, body: dict[str, Any], problem: str
    ) -> None:
        with pytest.raises(InvalidInputError, match=problem):
            await sw.parse_submission(split(json.dumps(body).encode(), "data"))

    async def test_a_large_head_beside_the_parameters_is_refused(self) -> None:
        inner = json.dumps({"program_id": "s", "x": "y" * 300_000})

        with pytest.raises(PayloadTooLargeError):
            await sw.parse_submission(split(json.dumps({"data": inner}).encode(), "data"))

    async def test_a_job_may_ask_for_a_session_of_its_own(self) -> None:
        inner = {"program_id": "s", "backend": "b", "start_session": True, "session_time": 60}

        found = await sw.parse_submission(
            split(json.dumps({"data": json.dumps(inner)}).encode(), "data")
        )

        assert found.start == sw.SessionStart(max_ttl=60)


class TestJobs:
    def test_clients_of_all_versions_find_the_backend_of_a_submitted_job(self) -> None:
        told = over_the_wire(sw.submission_answer(JOB, channel="ibm_cloud"))

        assert told["jobData"]["job"]["backend"] == "b"  # from 0.2.0
        assert told["jobData"]["backend"] == "b"  # from 0.1.5
        assert json.loads(told["job_data"])["backend"] == "b"  # to 0.1.4

    def test_a_server_of_ours_tells_the_whole_job(self) -> None:
        told = over_the_wire(sw.submission_answer(JOB, channel="ibm_cloud", extended=True))

        assert sw.parse_submitted(told, SPEC, at=MADE) == JOB

    def test_the_platform_tells_its_id(self) -> None:
        told = over_the_wire(sw.submission_answer(JOB, channel="ibm_cloud"))

        assert sw.parse_submitted(told, SPEC, at=MADE) == JOB

    def test_what_a_server_of_ours_tells_about_a_job_says_everything(self) -> None:
        record = sw.JobRecord(slug="j", status="QUEUED")
        told = answer(None, jobs={"j": ibm.job_document(JOB, extended=True)})

        assert sw.job_from(record, told.documents("jobs").get("j")) == JOB

    def test_a_job_of_the_platform_is_made_of_its_node_and_its_input(self) -> None:
        record = sw.JobRecord(slug="j", status="QUEUED", created_at=MADE, tags=("t",))

        assert sw.job_from(record, given=sw.JobInput(spec=SPEC)) == JOB

    def test_a_job_that_ran_too_long_is_known_by_its_error_file(self) -> None:
        job = Job(
            id=JobId("j"), spec=SPEC, state=JobState.TIMED_OUT, created_at=MADE, ended_at=MADE
        )
        record = sw.JobRecord(
            slug="j",
            status=sw.JOB_STATUSES[job.state],
            created_at=MADE,
            updated_at=MADE,
            tags=("t",),
        )
        failure = sw.parse_error_file(json.dumps(sw.error_file(job)).encode())

        found = sw.job_from(record, given=sw.JobInput(spec=SPEC), failure=failure)

        assert (found.state, found.reason_code) == (JobState.TIMED_OUT, 1305)

    @pytest.mark.parametrize(
        ("data", "reason"),
        [
            (b'{"error": {"message": "no", "code": 1305}}', "no"),
            (b'{"error": "no"}', "no"),
            (b'{"message": "no"}', "no"),
            (b'"no"', "no"),
            (b"no\n", "no"),
            (b'{"kind": 3}', '{"kind": 3}'),
        ],
    )
    def test_any_error_file_tells_a_reason(self, data: bytes, reason: str) -> None:
        assert sw.parse_error_file(data).reason == reason

    @pytest.mark.parametrize(
        ("record", "missing"),
        [
            (sw.JobRecord(slug="j", status="QUEUED", created_at=MADE), "input_data"),
            (sw.JobRecord(slug="j", status="QUEUED"), "dateCreated"),
        ],
    )
    def test_too_little_to_know_a_job_says_what_is_missing(
        self, record: sw.JobRecord, missing: str
    ) -> None:
        with pytest.raises(ProtocolError, match=missing):
            sw.job_from(record)

    def test_an_unknown_status_means_that_the_job_has_not_ended(self) -> None:
        assert sw.JobRecord(slug="j", status="LEVITATING").state is JobState.QUEUED


class TestAnswers:
    @pytest.mark.parametrize(
        "body", [b"", b"<html>", b"[]", b"{}", b'{"message": "no"}', b'{"data": 7}', b"\xff"]
    )
    def test_what_is_no_graphql_answer_is_refused(self, body: bytes) -> None:
        with pytest.raises(ProtocolError):
            sw.parse_answer(body)

    def test_errors_come_with_whatever_data_there_is(self) -> None:
        body = {"data": {"workspace": None}, "errors": [{"message": "no such workspace"}]}

        found = sw.parse_answer(json.dumps(body).encode())

        assert [refusal.message for refusal in found.errors] == ["no such workspace"]
        assert found.data == {"workspace": None}

    def test_an_error_of_a_server_of_ours_is_the_very_error(self) -> None:
        error = JobNotFoundError("j")
        graphql = sw.parse_answer(json.dumps(sw.graphql_errors(str(error), error=error)).encode())
        rest = sw.parse_refusal(json.dumps(sw.error_document(str(error), error=error)).encode())

        for refusal in (graphql.errors[0], rest):
            assert isinstance(refusal.error, JobNotFoundError)
            assert refusal.message == str(error)

    @pytest.mark.parametrize(
        ("body", "message"),
        [
            (b'{"message": "no"}', "no"),
            (b'{"message": null}', '{"message": null}'),
            (b'{"errors": [{"message": "no"}]}', "no"),
            (b"<html>gateway</html>", "<html>gateway</html>"),
            (b"[1]", "[1]"),
            (b"", ""),
        ],
    )
    def test_an_error_body_of_any_form_says_something(self, body: bytes, message: str) -> None:
        assert sw.parse_refusal(body).message == message

    @pytest.mark.parametrize(
        "page",
        [
            {"pageInfo": {"hasNextPage": True, "endCursor": "c"}, "edges": []},
            {"pageInfo": {"hasNextPage": True}, "edges": [{"node": {}}]},
            {"pageInfo": {"hasNextPage": False}},
            None,
        ],
    )
    def test_a_page_that_cannot_be_is_refused(self, page: object) -> None:
        with pytest.raises(ProtocolError):
            sw.parse_connection({"workspace": {"jobs": page}}, "jobs", lambda node: node)

    @pytest.mark.parametrize("document", [{}, {"accessToken": None}, {"accessToken": 7}, [], "x"])
    def test_a_token_that_is_none_is_refused(self, document: object) -> None:
        with pytest.raises(ProtocolError):
            sw.parse_token(document)

    def test_a_complaint_about_a_token_never_shows_it(self) -> None:
        with pytest.raises(ProtocolError) as caught:
            sw.parse_token({"token": "s3cret"})

        assert "s3cret" not in str(caught.value)

    @given(st.sampled_from([sw.parse_workspace, sw.parse_resource, sw.parse_file,
                            sw.parse_job_node, sw.parse_backend_node, sw.parse_upload,
                            sw.parse_tags_answer, sw.parse_job_status, sw.parse_session_details,
                            sw.parse_token, sw.parse_interim]),
           JSON)  # fmt: skip
    def test_what_nobody_wrote_is_a_protocol_error(self, parse: Any, document: object) -> None:
        with suppress(ProtocolError):
            parse(document)


def test_variables_that_say_nothing_are_left_out() -> None:
    assert sw.graphql_request("query", first=50, after=None) == {
        "query": "query",
        "variables": {"first": 50},
    }
    assert sw.graphql_request("query") == {"query": "query"}


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("start", -1), ("start", 1.5), ("start", True), ("start", "0"), ("limit", 0),
        ("limit", 201), ("wait", -0.1), ("wait", 30.1), ("wait", float("nan")), ("wait", [1]),
    ],
)  # fmt: skip
def test_a_position_or_a_wait_that_cannot_be_is_refused(field: str, value: object) -> None:
    with pytest.raises(InvalidInputError, match=f"{field}: must be a"):
        sw.parse_interim_request({"job_slug": "j", field: value})


def test_an_operation_is_addressed_by_product_and_resource() -> None:
    path = sw.operation_path("ibm-quantum", "my resource", "/runtime_status/")

    assert path == "/products/ibm-quantum/resource/my%20resource/runtime_status"


def test_a_session_is_shown_as_ibm_shows_it() -> None:
    session = Session(
        id=SessionId("s"),
        backend=BackendName("b"),
        mode=SessionMode.BATCH,
        state=SessionState.OPEN,
        accepting_jobs=True,
        created_at=MADE,
    )

    told = over_the_wire(sw.session_details(session, extended=True))

    assert (told["id"], told["backend_name"], told["mode"]) == ("s", "b", "batch")
    assert sw.parse_session_details(told) == session
