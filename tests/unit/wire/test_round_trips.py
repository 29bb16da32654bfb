"""What the server writes is what the client reads; what nobody wrote breaks nothing."""

import json
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from swqr_adapters.wire import ibm
from swqr_adapters.wire.ibm import extension
from swqr_adapters.wire.ibm.requests import parse_job_submission
from swqr_core import errors
from swqr_core.errors import ProtocolError, SwqrError
from swqr_core.lifecycle.job import JobState
from swqr_core.lifecycle.session import SessionState
from swqr_core.model.backend import Backend, BackendStatus
from swqr_core.model.capabilities import Capabilities
from swqr_core.model.ids import BackendName, InstanceId, JobId, ProgramId, SessionId
from swqr_core.model.job import Job, JobMetrics, JobSpec
from swqr_core.model.payload import Payload
from swqr_core.model.session import Session, SessionMode, SessionStep
from swqr_core.model.usage import InstanceUsage, JobUsage

NAMES = st.text("abcdefghijklmnopqrstuvwxyz_0123456789", min_size=1, max_size=20)
TEXTS = st.text(min_size=1, max_size=40)
TIMES = st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001
SECONDS = st.floats(0, 1e9)
WHOLE = st.integers(1, 10**6)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner),
    max_leaves=12,
)
# Fields that no document has.
EXTRA = st.dictionaries(NAMES.map("x_".__add__), st.integers() | TEXTS | st.booleans(), max_size=3)


def maybe(strategy: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.none() | strategy


PAYLOADS = st.builds(Payload, TEXTS, st.integers(0, 2**40))
USAGES = st.builds(JobUsage, quantum_seconds=SECONDS, final=st.booleans())
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
)
JOBS = st.builds(
    Job,
    id=NAMES.map(JobId),
    spec=SPECS,
    state=st.sampled_from(JobState),
    created_at=TIMES,
    running_at=maybe(TIMES),
    ended_at=maybe(TIMES),
    reason=maybe(TEXTS),
    reason_code=maybe(st.integers(1000, 9999)),
    reason_solution=maybe(TEXTS),
    time_limit=maybe(WHOLE),
    params=maybe(PAYLOADS),
    result=maybe(PAYLOADS),
    usage=USAGES,
    estimated_seconds=maybe(SECONDS),
    queue_position=maybe(WHOLE),
    user=maybe(TEXTS),
    instance=maybe(TEXTS.map(InstanceId)),
    extra=EXTRA,
)
STEPS = st.builds(SessionStep, st.sampled_from(SessionState), TIMES, maybe(TEXTS))
SESSIONS = st.builds(
    Session,
    id=NAMES.map(SessionId),
    backend=maybe(NAMES.map(BackendName)),
    mode=st.sampled_from(SessionMode),
    state=st.sampled_from(SessionState),
    accepting_jobs=st.booleans(),
    created_at=TIMES,
    reason=maybe(TEXTS),
    max_ttl=maybe(WHOLE),
    interactive_ttl=maybe(WHOLE),
    active_ttl=maybe(WHOLE),
    started_at=maybe(TIMES),
    activated_at=maybe(TIMES),
    closed_at=maybe(TIMES),
    last_job_started_at=maybe(TIMES),
    last_job_ended_at=maybe(TIMES),
    usage_seconds=maybe(SECONDS),
    steps=st.lists(STEPS, max_size=4).map(tuple),
    user=maybe(TEXTS),
    instance=maybe(TEXTS.map(InstanceId)),
    extra=EXTRA,
)
BACKENDS = st.builds(
    Backend,
    name=NAMES.map(BackendName),
    num_qubits=WHOLE,
    status=st.sampled_from(BackendStatus),
    status_reason=st.text(max_size=20),
    queue_length=st.integers(0, 10**6),
    version=TEXTS,
    is_mock=st.booleans(),
    extra=EXTRA.map(lambda extra: {**extra, "is_simulator": False}),
)


def over_the_wire(document: object) -> Any:
    return json.loads(json.dumps(document))


class TestOurOwnDocuments:
    @given(JOBS)
    def test_a_job_is_read_as_it_was_written(self, job: Job) -> None:
        document = over_the_wire(ibm.job_document(job, extended=True))

        assert ibm.parse_job(document) == job

    @given(SESSIONS)
    def test_a_session_is_read_as_it_was_written(self, session: Session) -> None:
        document = over_the_wire(ibm.session_document(session, extended=True))

        assert ibm.parse_session(document) == session

    @given(st.lists(BACKENDS, unique_by=lambda backend: backend.name))
    def test_backends_are_read_as_they_were_written(self, backends: list[Backend]) -> None:
        document = over_the_wire(ibm.backend_listing(backends, extended=True))

        assert ibm.parse_backend_listing(document) == tuple(sorted(backends, key=lambda b: b.name))

    @given(st.lists(SESSIONS, max_size=3), maybe(st.just("https://x/workloads?next=a%2Bb%3D")))
    def test_workloads_are_read_as_they_were_written(
        self, sessions: list[Session], next_url: str | None
    ) -> None:
        document = ibm.workload_page_document(
            [ibm.session_workload(session, extended=True) for session in sessions],
            total=7,
            limit=50,
            next_url=next_url,
        )

        page = ibm.parse_workload_page(over_the_wire(document))

        assert [workload.session for workload in page.workloads] == sessions
        assert (page.total, page.cursor) == (7, next_url and "a+b=")

    @given(st.builds(Capabilities, transport=st.just("x"), user_tags=WHOLE, logs=st.booleans()))
    def test_capabilities_are_read_as_they_were_written(self, able: Capabilities) -> None:
        document = {"versions": [], **ibm.versions_member(able)}

        versions = ibm.parse_versions(over_the_wire(document))

        assert Capabilities(transport="x", **versions.capabilities) == able
        assert (versions.ours, versions.idempotency) == (True, able.idempotent_submit)

    @pytest.mark.parametrize(
        "error",
        [
            errors.JobNotFoundError("j"),
            errors.BackendNotFoundError("b", ["a", "c"]),
            errors.SessionClosedError("s", "draining"),
            errors.LimitExceededError("jobs", 3, "wait", 3458),
            errors.IdempotencyConflictError("k", "j"),
            errors.PayloadTooLargeError("params", 2, 1),
            errors.InvalidInputError("tags", "too many", 1204),
            errors.JobEndedError("j", "cancelled"),
            errors.IllegalTransitionError("job", "j", "queued", "end", ["start"]),
            errors.AccessDeniedError("submit", "ask", 1352),
            errors.OutcomeUnknownError("ibm", "submit", "k"),
            errors.UnsupportedOperation("memory", "this"),
        ],
    )
    def test_an_error_is_read_as_it_was_raised(self, error: SwqrError) -> None:
        member = over_the_wire(extension.error_member(error))

        found = extension.parse_error(member)

        assert type(found) is type(error)
        assert (str(found), vars(found)) == (str(error), vars(error))

    @given(JSON)
    def test_an_error_that_nobody_wrote_is_none(self, member: object) -> None:
        assert extension.parse_error(member) is None

    @pytest.mark.parametrize(
        "member",
        [
            {"error": "SystemExit", "args": []},
            {"error": "Sequence", "args": []},
            {"error": "__builtins__", "args": []},
            {"error": "JobNotFoundError", "args": []},
            {"error": "JobNotFoundError", "args": ["j", 7]},
            {"error": ["JobNotFoundError"], "args": ["j"]},
        ],
    )
    def test_a_name_that_is_no_error_of_ours_is_none(self, member: dict[str, Any]) -> None:
        assert extension.parse_error(member) is None


class TestIbmsDocuments:
    @given(JOBS)
    def test_a_plain_job_is_read_as_far_as_it_tells(self, job: Job) -> None:
        found = ibm.parse_job(over_the_wire(ibm.job_document(job)))

        assert (found.id, found.state, found.created_at) == (job.id, job.state, job.created_at)
        assert (found.spec.tags, found.spec.session_id) == (job.spec.tags, job.spec.session_id)
        assert (found.usage, found.time_limit, found.extra) == (
            job.usage,
            job.time_limit,
            job.extra,
        )

    @given(st.builds(JobMetrics, created_at=TIMES, running_at=maybe(TIMES), ended_at=maybe(TIMES),
                     usage=USAGES, values=EXTRA))  # fmt: skip
    def test_metrics_are_read_as_they_were_written(self, metrics: JobMetrics) -> None:
        assert ibm.parse_metrics(over_the_wire(ibm.metrics_document(metrics))) == metrics

    @given(st.builds(InstanceUsage, instance=TEXTS.map(InstanceId), plan=TEXTS,
                     consumed_seconds=SECONDS, limit_seconds=maybe(SECONDS),
                     allocation_seconds=maybe(SECONDS), period_start=TIMES,
                     period_end=TIMES))  # fmt: skip
    def test_usage_is_read_as_it_was_written(self, usage: InstanceUsage) -> None:
        assert ibm.parse_usage(over_the_wire(ibm.usage_document(usage))) == usage

    @given(SPECS)
    def test_a_submission_is_read_as_it_was_sent(self, spec: JobSpec) -> None:
        body = over_the_wire(ibm.job_submission(spec, tags=spec.tags))

        assert parse_job_submission(body) == spec

    @pytest.mark.parametrize(
        ("usage", "expected"),
        [
            ({"seconds": 2.5}, JobUsage(quantum_seconds=2.5, final=True)),
            ({"quantum_seconds": 2}, JobUsage(quantum_seconds=2, final=True)),
            (
                {"qpu_charge_time_seconds": 3, "status": "pending"},
                JobUsage(quantum_seconds=3, final=False),
            ),
            (None, JobUsage()),
        ],
    )
    def test_usage_is_read_in_the_forms_of_all_versions(
        self, usage: dict[str, Any] | None, expected: JobUsage
    ) -> None:
        job = {
            "id": "j",
            "program": {"id": "sampler"},
            "state": {"status": "Completed"},
            "created": "2026-01-31T09:15:02.123Z",
            "usage": usage,
        }

        assert ibm.parse_job(job).usage == expected

    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            ("2026-01-31T09:15:02.123Z", datetime(2026, 1, 31, 9, 15, 2, 123000, tzinfo=UTC)),
            ("2026-01-31T11:15:02+02:00", datetime(2026, 1, 31, 9, 15, 2, tzinfo=UTC)),
            ("2021-05-05 00:56:04.569709", datetime(2021, 5, 5, 0, 56, 4, 569709, tzinfo=UTC)),
        ],
    )
    def test_times_are_read_in_all_forms_that_were_seen(
        self, text: str, expected: datetime
    ) -> None:
        assert ibm.parse_time(text) == expected

    def test_an_unknown_status_is_kept_as_the_word_it_is(self) -> None:
        job = {
            "id": "j",
            "program": {"id": "sampler"},
            "state": {"status": "Levitating"},
            "created": "2026-01-31T09:15:02Z",
        }

        found = ibm.parse_job(job)

        assert (found.state, found.extra["status"]) == (JobState.QUEUED, "Levitating")


PARSERS: list[tuple[Callable[[Any], object], dict[str, Any]]] = [
    (
        ibm.parse_job,
        ibm.job_document(
            Job(
                id=JobId("j"),
                spec=JobSpec(program_id=ProgramId("p"), backend=BackendName("b"), tags=("t",)),
                state=JobState.FAILED,
                created_at=datetime(2026, 1, 1, tzinfo=UTC),
                reason="r",
                user="u",
                params=Payload("d", 1),
            ),
            extended=True,
        ),
    ),
    (
        ibm.parse_session,
        ibm.session_document(
            Session(
                id=SessionId("s"),
                backend=BackendName("b"),
                mode=SessionMode.BATCH,
                state=SessionState.BUSY,
                accepting_jobs=True,
                created_at=datetime(2026, 1, 1, tzinfo=UTC),
                steps=(SessionStep(SessionState.OPEN, datetime(2026, 1, 1, tzinfo=UTC), "r"),),
            ),
            extended=True,
        ),
    ),
    (
        ibm.parse_backend,
        ibm.backend_document(Backend(name=BackendName("b"), num_qubits=5), extended=True),
    ),
    (
        ibm.parse_metrics,
        ibm.metrics_document(JobMetrics(created_at=datetime(2026, 1, 1, tzinfo=UTC))),
    ),
    (
        ibm.parse_usage,
        ibm.usage_document(
            InstanceUsage(
                instance=InstanceId("i"),
                limit_seconds=1,
                period_start=datetime(2026, 1, 1, tzinfo=UTC),
                period_end=datetime(2026, 1, 1, tzinfo=UTC) + timedelta(days=28),
            )
        ),
    ),
    (ibm.parse_job_page, {"jobs": [], "count": 1, "limit": 1, "offset": 0}),
    (ibm.parse_versions, {"versions": [{"version": "2026-04-15"}], "swqr": {"capabilities": {}}}),
    (ibm.parse_search, {"items": [{"crn": "c", "doc": {"extensions": 1}, "tags": []}]}),
    (ibm.parse_resources, {"resources": [{"crn": "c"}]}),
    (lambda document: ibm.parse_token(document, now=0.0), {"access_token": "t", "expires_in": 1}),
]
ODD = JSON | st.sampled_from(
    [
        "0001-01-01T00:00:00+23:59",
        "9999-12-31T23:59:59-23:59",
        "2026-13-01",
        10**400,
        -1,
        "x" * 3000,
    ]
)


class TestWhatNobodyWrote:
    @given(st.sampled_from(range(len(PARSERS))), st.data())
    def test_a_damaged_document_is_read_or_is_a_protocol_error(
        self, which: int, data: st.DataObject
    ) -> None:
        parse, sound = PARSERS[which]
        document = over_the_wire(sound)
        place: Any = document
        for _ in range(3):  # somewhere inside
            inside = list(place) if isinstance(place, dict) else list(range(len(place)))
            if not inside:
                break
            key = data.draw(st.sampled_from(inside))
            if not isinstance(place[key], dict | list) or data.draw(st.booleans()):
                place[key] = data.draw(ODD)
                break
            place = place[key]

        with suppress(ProtocolError):  # and nothing else
            parse(document)

    @given(st.sampled_from(range(len(PARSERS))), JSON)
    def test_anything_else_is_a_protocol_error(self, which: int, document: object) -> None:
        parse, _ = PARSERS[which]

        with suppress(ProtocolError):  # and nothing else
            parse(document)

    @given(st.binary())
    def test_an_error_body_of_any_kind_says_something(self, body: bytes) -> None:
        refusal = ibm.parse_refusal(body)

        assert refusal.code is None or isinstance(refusal.code, int)

    @given(JSON)
    def test_an_error_document_of_any_kind_says_something(self, document: object) -> None:
        body = json.dumps({"errors": document, "error": document, "trace": document})

        assert isinstance(ibm.parse_refusal(body.encode()).message, str)

    @pytest.mark.parametrize("data", [b"", b"{", b"[]", b"null", b"\xff", b"[" * 100_000])
    def test_what_is_no_object_is_a_protocol_error(self, data: bytes) -> None:
        with pytest.raises(ProtocolError, match="this"):
            ibm.load(data, "this")

    def test_no_complaint_shows_a_token(self) -> None:
        with pytest.raises(ProtocolError) as caught:
            ibm.parse_token({"access_token": "s3cret", "expires_in": "soon"}, now=0.0)

        assert "s3cret" not in str(caught.value)

    def test_the_repr_of_a_token_does_not_show_it(self) -> None:
        token = ibm.parse_token({"access_token": "s3cret", "expires_in": 3600}, now=0.0)

        assert "s3cret" not in repr(token)
        assert token.lifetime == 3600
