"""The asynchronous runtime over a transport that does as it is told."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from swqr_core import (
    AsyncRuntime,
    Capabilities,
    Job,
    JobQuery,
    JobSpec,
    JobState,
    Page,
    RetryPolicy,
    Session,
    SessionMode,
    SessionState,
    VirtualClock,
)
from swqr_core.errors import (
    AccessDeniedError,
    ClosedError,
    InvalidInputError,
    JobCancelledError,
    JobFailedError,
    JobTimedOutError,
    OutcomeUnknownError,
    ProtocolError,
    SessionClosedError,
    UnreachableError,
    UnsupportedOperation,
    WaitTimeoutError,
)
from swqr_core.model.ids import BackendName, JobId, ProgramId, SessionId

START = datetime(2026, 1, 1, tzinfo=UTC)
SPEC = JobSpec(program_id=ProgramId("sampler"), backend=BackendName("b"))


def job(id: str = "j-1", state: JobState = JobState.QUEUED, **more: Any) -> Job:
    return Job(id=JobId(id), spec=SPEC, state=state, created_at=START, **more)


def session(state: SessionState = SessionState.OPEN) -> Session:
    return Session(
        id=SessionId("s-1"),
        backend=BackendName("b"),
        mode=SessionMode.DEDICATED,
        state=state,
        accepting_jobs=True,
    )


class Scripted:
    """A transport whose methods are functions; it writes down each call."""

    def __init__(
        self, capabilities: Capabilities | None = None, **methods: Callable[..., Any]
    ) -> None:
        self.capabilities = capabilities or Capabilities(transport="scripted")
        self.calls: list[tuple[str, tuple[Any, ...], dict[str, Any]]] = []
        self._methods = methods

    def __getattr__(self, name: str) -> Callable[..., Any]:
        method = self._methods[name]

        async def call(*args: Any, **kwargs: Any) -> Any:
            self.calls.append((name, args, kwargs))
            return method(*args, **kwargs)

        return call

    def named(self) -> list[str]:
        return [name for name, _, _ in self.calls]


class EagerClock(VirtualClock):
    """Virtual time that passes by itself whenever somebody sleeps."""

    async def sleep(self, seconds: float) -> None:
        await self.advance(seconds)


class Ids:
    def __init__(self) -> None:
        self.made = 0

    def key(self) -> str:
        self.made += 1
        return f"key-{self.made}"

    session_id = job_id = key


def runtime(
    transport: Scripted, retry: RetryPolicy | None = None, clock: EagerClock | None = None
) -> AsyncRuntime:
    return AsyncRuntime(transport, clock=clock or EagerClock(), ids=Ids(), retry=retry)  # type: ignore[arg-type]


def failing(times: int, error: Exception, then: object) -> Callable[..., Any]:
    left = [error] * times

    def method(*_: object, **__: object) -> object:
        if left:
            raise left.pop()
        return then

    return method


UNREACHABLE = UnreachableError("scripted", "connection refused")
UNKNOWN = OutcomeUnknownError("scripted", "submit", "key-1")


async def test_what_did_not_happen_is_tried_again_after_growing_pauses() -> None:
    transport = Scripted(job=failing(2, UNREACHABLE, job()))
    clock = EagerClock()
    subject = runtime(transport, RetryPolicy(attempts=3, first_delay=1.0, factor=3.0), clock)
    found = await subject.job("j-1")

    assert found.id == "j-1"
    assert clock.monotonic() == 1.0 + 3.0


async def test_trying_again_ends_with_the_last_attempt() -> None:
    transport = Scripted(job=failing(9, UNREACHABLE, job()))

    with pytest.raises(UnreachableError):
        await runtime(transport, RetryPolicy(attempts=3)).job("j-1")
    assert transport.named() == ["job"] * 3


async def test_a_submission_without_an_answer_is_repeated_with_its_key() -> None:
    transport = Scripted(submit=failing(1, UNKNOWN, job()))
    await runtime(transport).submit(SPEC, b"{}")

    assert [kwargs["key"] for _, _, kwargs in transport.calls] == ["key-1", "key-1"]


@pytest.mark.parametrize(
    "error",
    [
        UNREACHABLE,
        AccessDeniedError("submit", "the token has expired"),
        ClosedError("the transport"),
        ProtocolError("scripted", "no JSON"),
    ],
)
async def test_what_may_have_happened_is_not_forgotten_when_the_platform_is_gone(
    error: Exception,
) -> None:
    errors = iter([UNREACHABLE, UNKNOWN, error])

    def submit(*_: object, **__: object) -> Job:
        raise next(errors)

    with pytest.raises(OutcomeUnknownError) as caught:
        await runtime(Scripted(submit=submit), RetryPolicy(attempts=3)).submit(SPEC, b"{}")
    assert caught.value.key == "key-1"
    assert caught.value.__cause__ is error


async def test_a_platform_that_refuses_a_repetition_tells_that_the_first_did_not_happen() -> None:
    errors = iter([UNKNOWN, SessionClosedError("s-1", "closed")])

    def submit(*_: object, **__: object) -> Job:
        raise next(errors)

    with pytest.raises(SessionClosedError):
        await runtime(Scripted(submit=submit), RetryPolicy(attempts=3)).submit(SPEC, b"{}")


async def test_a_submission_is_not_repeated_where_keys_mean_nothing() -> None:
    able = Capabilities(transport="ibm", idempotent_submit=False)
    transport = Scripted(able, submit=failing(1, UNKNOWN, job()))

    with pytest.raises(OutcomeUnknownError):
        await runtime(transport).submit(SPEC, b"{}")
    assert transport.named() == ["submit"]


async def test_an_opening_is_not_repeated_where_keys_mean_nothing() -> None:
    able = Capabilities(transport="ibm", idempotent_open=False)
    transport = Scripted(able, open_session=failing(1, UNKNOWN, session()))

    with pytest.raises(OutcomeUnknownError):
        await runtime(transport).open_session("b")
    assert transport.named() == ["open_session"]


async def test_two_submissions_have_two_keys() -> None:
    transport = Scripted(submit=lambda *_, **__: job())
    subject = runtime(transport)
    await subject.submit(SPEC, b"{}")
    await subject.submit(SPEC, b"{}")

    assert [kwargs["key"] for _, _, kwargs in transport.calls] == ["key-1", "key-2"]


async def test_leaving_a_session_drains_it() -> None:
    transport = Scripted(open_session=lambda *_, **__: session(), drain_session=lambda _: None)
    async with runtime(transport).open_session("b") as opened:
        assert opened.id == "s-1"

    assert transport.named() == ["open_session", "drain_session"]


async def test_an_exception_in_a_session_cancels_it_and_goes_on() -> None:
    transport = Scripted(open_session=lambda *_, **__: session(), cancel_session=lambda _: None)

    with pytest.raises(ZeroDivisionError):
        async with runtime(transport).open_session("b"):
            raise ZeroDivisionError
    assert transport.named() == ["open_session", "cancel_session"]


async def test_an_exception_in_a_session_that_cannot_be_cancelled_drains_it() -> None:
    able = Capabilities(transport="strangeworks", cancel_sessions=False)
    transport = Scripted(
        able, open_session=lambda *_, **__: session(), drain_session=lambda _: None
    )

    with pytest.raises(ZeroDivisionError):
        async with runtime(transport).open_session("b"):
            raise ZeroDivisionError
    assert transport.named() == ["open_session", "drain_session"]


async def test_an_awaited_session_stays_open() -> None:
    transport = Scripted(open_session=lambda *_, **__: session())
    await runtime(transport).open_session("b", mode="batch", max_time="1h")

    assert transport.named() == ["open_session"]
    assert transport.calls[0][1][0].max_ttl == 3_600


@pytest.mark.parametrize("max_time", ["soon", -1, 0, float("nan")])
def test_a_max_time_that_is_no_time_is_refused_before_anything_is_asked(max_time: Any) -> None:
    transport = Scripted()

    with pytest.raises(InvalidInputError, match="max_time"):
        runtime(transport).open_session("b", max_time=max_time)
    assert transport.calls == []


async def test_a_mode_that_there_is_not_is_refused_by_name() -> None:
    with pytest.raises(InvalidInputError, match="mode: must be 'dedicated' or 'batch'"):
        await runtime(Scripted()).open_session("b", mode="exclusive")


@pytest.mark.parametrize("params", ["{}", 5, None, {"pubs": []}])
async def test_parameters_that_are_no_bytes_are_refused_and_not_sent(params: Any) -> None:
    transport = Scripted()

    with pytest.raises(InvalidInputError, match="params: must be the JSON text as bytes"):
        await runtime(transport).submit(SPEC, params)

    assert transport.calls == []


def test_a_mode_that_the_transport_lacks_is_refused_before_anything_is_asked() -> None:
    transport = Scripted(Capabilities(transport="tiny", batches=False))

    with pytest.raises(UnsupportedOperation, match="tiny"):
        runtime(transport).open_session("b", mode="batch")


async def test_a_job_of_a_session_goes_to_its_backend() -> None:
    transport = Scripted(open_session=lambda *_, **__: session(), submit=lambda *_, **__: job())
    opened = await runtime(transport).open_session("b")
    await opened.submit("sampler", b"{}", tags=["t"])

    spec = transport.calls[-1][1][0]
    assert (spec.backend, spec.session_id, spec.tags) == ("b", "s-1", ("t",))


@pytest.mark.parametrize(
    ("state", "error"),
    [
        (JobState.FAILED, JobFailedError),
        (JobState.CANCELLED, JobCancelledError),
        (JobState.TIMED_OUT, JobTimedOutError),
    ],
)
async def test_a_job_that_did_not_complete_raises_with_its_reason(
    state: JobState, error: type[Exception]
) -> None:
    ended = job(state=state, reason="the reason", reason_code=1517)
    handle = await runtime(Scripted(job=lambda _: ended)).attach_job("j-1")

    with pytest.raises(error, match=r"1517.*the reason"):
        await handle.result()


async def test_a_job_that_has_ended_is_looked_at_again_when_asked_to() -> None:
    before, after = job(state=JobState.COMPLETED), job(state=JobState.COMPLETED, reason="known now")
    answers = [after, before]
    handle = await runtime(Scripted(job=lambda _: answers.pop())).attach_job("j-1")

    assert await handle.refresh() == after


async def test_waiting_outlasts_an_outage() -> None:
    transport = Scripted(wait_job=failing(50, UNREACHABLE, job(state=JobState.COMPLETED)))
    subject = runtime(transport, RetryPolicy(attempts=2))
    ended = await subject.wait_job("j-1")

    assert ended.state is JobState.COMPLETED


async def test_waiting_through_an_outage_keeps_its_deadline() -> None:
    transport = Scripted(wait_job=failing(50, UNREACHABLE, job(state=JobState.COMPLETED)))
    clock = EagerClock()
    subject = runtime(transport, clock=clock)

    with pytest.raises(UnreachableError):
        await subject.wait_job("j-1", timeout=10.0)
    assert clock.monotonic() == 10.0


async def test_a_wait_that_is_too_long_names_the_time_that_was_asked_for() -> None:
    def wait_job(job_id: str, *, timeout: float) -> Job:
        raise WaitTimeoutError("job", job_id, timeout)

    subject = runtime(Scripted(wait_job=wait_job))

    with pytest.raises(WaitTimeoutError, match=r"7\.5 s"):
        await subject.wait_job("j-1", timeout=7.5)


async def test_many_jobs_are_awaited_together_and_come_in_the_order_asked() -> None:
    transport = Scripted(wait_job=lambda i, **_: job(i, JobState.COMPLETED))
    ended = await runtime(transport).wait_jobs(["b", "a", "c"])

    assert list(ended) == ["b", "a", "c"]


async def test_all_jobs_are_found_over_many_pages() -> None:
    ids = [f"j-{n}" for n in range(450)]

    def jobs(query: JobQuery) -> Page[Job]:
        chosen = ids[query.offset : query.offset + query.limit]
        return Page(items=tuple(map(job, chosen)), total=len(ids), offset=query.offset)

    transport = Scripted(jobs=jobs)
    found = [found.id async for found in runtime(transport).iter_jobs()]

    assert found == ids
    assert transport.named() == ["jobs"] * 3


async def test_the_same_page_again_that_promises_more_is_told() -> None:
    transport = Scripted(jobs=lambda _: Page(items=(job("j"),), total=2**60))

    with pytest.raises(ProtocolError, match="the same page again"):
        _ = [found async for found in runtime(transport).iter_jobs()]


async def test_an_empty_page_that_promises_more_ends_the_search() -> None:
    transport = Scripted(jobs=lambda _: Page(items=(), total=10))
    found = [found async for found in runtime(transport).iter_jobs()]

    assert found == []
