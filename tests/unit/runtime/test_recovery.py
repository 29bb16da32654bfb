"""What a runtime notes, what it closes in the end, and what it finds again."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import pytest
from attrs import define, evolve, field

from swqr_core import AsyncRuntime, Capabilities, Job, JobQuery, JobState, Page, SessionState
from swqr_core.errors import (
    AccessDeniedError,
    JobNotFoundError,
    OutcomeUnknownError,
    ProtocolError,
    SessionNotFoundError,
    UnreachableError,
)
from swqr_core.model.ids import SessionId
from swqr_core.ports.journal import Noted

from .test_asynchronous import SPEC, Scripted, job, session

EARLIER = datetime(2025, 12, 31, tzinfo=UTC)


@define
class Notebook:
    """The journal port in a list."""

    lines: list[tuple[str, ...]] = field(factory=list)
    found: tuple[Noted, ...] = ()

    async def begin(self, noun: str, key: str, about: Mapping[str, str]) -> None:
        self.lines.append(("begin", noun, key, *sorted(about.values())))

    def made(self, key: str, id: str) -> None:
        self.lines.append(("made", key, id))

    def refused(self, key: str) -> None:
        self.lines.append(("refused", key))

    def closed(self, session_id: str) -> None:
        self.lines.append(("closed", session_id))

    def past(self) -> tuple[Noted, ...]:
        return self.found

    def close(self) -> None:
        self.lines.append(("close",))


def runtime(transport: Scripted, journal: Notebook | None = None) -> AsyncRuntime:
    return AsyncRuntime(transport, journal=lambda _: journal)  # type: ignore[arg-type]


def names(transport: Scripted) -> list[str]:
    return [name for name, _, _ in transport.calls]


async def test_a_submission_is_noted_before_it_leaves_and_when_it_is_answered() -> None:
    journal = Notebook()

    def submit(*_: Any, **__: Any) -> Job:
        journal.lines.append(("sent",))
        return job()

    await runtime(Scripted(submit=submit), journal).submit(SPEC, b"{}", key="k")

    assert journal.lines == [
        ("begin", "job", "k", "b", "sampler"), ("sent",), ("made", "k", "j-1"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("error", "last"),
    [
        (AccessDeniedError("submit", "ask"), ("refused", "k")),
        (UnreachableError("scripted", "down"), ("refused", "k")),
        (OutcomeUnknownError("scripted", "submit", "k"), ("begin", "job", "k", "b", "sampler")),
        (ProtocolError("scripted", "no JSON"), ("begin", "job", "k", "b", "sampler")),
    ],
)
async def test_only_what_certainly_did_not_happen_counts_as_refused(
    error: Exception, last: tuple[str, ...]
) -> None:
    def submit(*_: Any, **__: Any) -> Job:
        raise error

    journal, able = Notebook(), Capabilities(transport="scripted", idempotent_submit=False)
    one = AsyncRuntime(
        Scripted(able, submit=submit),  # type: ignore[arg-type]
        journal=lambda _: journal,
        retry=None,
        clock=_Impatient(),  # type: ignore[arg-type]
    )
    with pytest.raises(type(error)):
        await one.submit(SPEC, b"{}", key="k")

    assert journal.lines[-1] == last


class _Impatient:
    async def sleep(self, seconds: float) -> None:
        """Return at once."""


async def test_a_session_that_nobody_closed_is_drained_in_the_end() -> None:
    transport = Scripted(
        open_session=lambda *_, **__: session(), drain_session=lambda _: None, aclose=lambda: None
    )
    journal = Notebook()
    async with runtime(transport, journal) as one:
        await one.open_session("b", key="k")

    assert names(transport) == ["open_session", "drain_session", "aclose"]
    assert journal.lines[1:] == [("made", "k", "s-1"), ("closed", "s-1"), ("close",)]


@pytest.mark.parametrize("how", ["drain", "cancel", "detach"])
async def test_one_that_was_closed_or_let_go_is_left_alone(how: str) -> None:
    transport = Scripted(
        open_session=lambda *_, **__: session(),
        drain_session=lambda _: None,
        cancel_session=lambda _: None,
        aclose=lambda: None,
    )
    async with runtime(transport) as one:
        opened = await one.open_session("b")
        done = getattr(opened, how)()
        if done is not None:
            await done

    assert names(transport).count("drain_session") == (how == "drain")


async def test_a_cloud_that_ends_with_the_process_is_not_asked_to_drain() -> None:
    able = Capabilities(transport="scripted", lasting=False)
    transport = Scripted(able, open_session=lambda *_, **__: session(), aclose=lambda: None)
    async with runtime(transport) as one:
        await one.open_session("b")

    assert names(transport) == ["open_session", "aclose"]


async def test_a_platform_that_is_gone_does_not_hinder_closing() -> None:
    def drain(_: str) -> None:
        raise UnreachableError("scripted", "down")

    transport = Scripted(
        open_session=lambda *_, **__: session(), drain_session=drain, aclose=lambda: None
    )
    journal = Notebook()
    async with runtime(transport, journal) as one:
        await one.open_session("b")

    assert ("closed", "s-1") not in journal.lines
    assert names(transport)[-1] == "aclose"


def noted(noun: str, key: str, **more: Any) -> Noted:
    return Noted(noun=noun, key=key, at=EARLIER, orphan=True, **more)


async def test_jobs_are_found_by_their_ids_and_else_by_their_keys() -> None:
    def look(job_id: str) -> Job:
        if job_id == "deleted":
            raise JobNotFoundError(job_id)
        return job(job_id, JobState.COMPLETED)

    def listed(query: JobQuery) -> Page[Job]:
        found = (job("by-key"),) if query.key == "silent" else ()
        return Page(items=found, total=len(found))

    journal = Notebook(
        found=(
            noted("job", "answered", id="by-id"),
            noted("job", "gone", id="deleted"),
            noted("job", "silent"),
            noted("job", "never arrived"),
            noted("job", "no", refused=True),
        )
    )
    able = Capabilities(transport="scripted", find_by_key=True)
    found = await runtime(Scripted(able, job=look, jobs=listed), journal).recover()

    assert [one.id for one in found.jobs] == ["by-id", "by-key"]
    assert found.unknown == ()


async def test_where_keys_lead_nowhere_that_is_said() -> None:
    journal = Notebook(found=(noted("job", "silent"), noted("session", "open?")))
    found = await runtime(Scripted(), journal).recover()

    assert found.unknown == ("silent", "open?")


async def test_sessions_that_were_left_open_are_found() -> None:
    def look(session_id: str) -> Any:
        if session_id == "deleted":
            raise SessionNotFoundError(session_id)
        state = SessionState.CLOSED if session_id == "timed out" else SessionState.IDLE
        return evolve(session(state), id=SessionId(session_id))

    journal = Notebook(
        found=(
            noted("session", "a", id="open"),
            noted("session", "b", id="timed out"),
            noted("session", "c", id="deleted"),
            noted("session", "d", id="closed by us", closed=True),
            evolve(noted("session", "e", id="mine"), orphan=False),
        )
    )
    found = await runtime(Scripted(session=look), journal).recover()

    assert [one.id for one in found.sessions] == ["open"]


async def test_without_a_journal_there_is_nothing_to_find() -> None:
    found = await AsyncRuntime(Scripted()).recover()  # type: ignore[arg-type]

    assert (found.jobs, found.sessions, found.unknown) == ((), (), ())
