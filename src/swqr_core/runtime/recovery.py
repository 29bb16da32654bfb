"""What a client that is gone has left behind, and what becomes of the sessions of this one."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Final, Generic, TypeVar

from attrs import frozen

from swqr_core.errors import (
    JobNotFoundError,
    OutcomeUnknownError,
    ProtocolError,
    SessionNotFoundError,
    SwqrError,
)
from swqr_core.lifecycle.session import SessionState
from swqr_core.model.job import Job, JobSpec
from swqr_core.model.query import JobQuery
from swqr_core.model.session import Session
from swqr_core.ports.journal import Journal, Noted
from swqr_core.ports.transport import RuntimeTransport

from .handles import AsyncJob, AsyncSession

if TYPE_CHECKING:
    from .asynchronous import AsyncRuntime

__all__ = ["Recovery", "Remembering", "about_job", "recover"]

J = TypeVar("J")
S = TypeVar("S")
T = TypeVar("T", Job, Session)

_LAST_WORDS: Final = 5.0  # seconds that closing may take at the very end


@frozen(kw_only=True)
class Recovery(Generic[J, S]):
    """What was found again.

    Attributes:
        jobs: Handles on the jobs, oldest first; their results can be had as always.
        sessions: Handles on sessions that are still open although the program that opened them is
            gone.
        unknown: The keys of what may have happened, and cannot be found out about here.
    """

    jobs: tuple[J, ...] = ()
    sessions: tuple[S, ...] = ()
    unknown: tuple[str, ...] = ()


class Remembering:
    """A runtime's journal, and the sessions that it has to close in the end.

    Args:
        transport: The runtime's transport.
        make: Makes the journal when it is first needed; None for none.
    """

    def __init__(
        self,
        transport: RuntimeTransport,
        make: Callable[[RuntimeTransport], Journal | None] | None,
    ) -> None:
        self._transport = transport
        self._make = make
        self._journal: Journal | None = None
        self._open: set[str] = set()

    @property
    def journal(self) -> Journal | None:
        """The journal, if there is one."""
        if self._make is not None:
            self._journal = self._make(self._transport)
            self._make = None
        return self._journal

    async def noting(
        self,
        noun: str,
        key: str,
        about: Mapping[str, str | None],
        make: Callable[[], Awaitable[T]],
    ) -> T:
        """Note that something is about to be sent, send it, and note what came of it."""
        journal = self.journal
        if journal is None:
            return await make()
        told = {name: text for name, text in about.items() if text}
        await journal.begin(noun, key, told)
        try:
            made = await make()
        except (OutcomeUnknownError, ProtocolError):
            raise  # it may have happened: that stays to be found out
        except SwqrError:
            journal.refused(key)
            raise
        journal.made(key, made.id)
        return made

    def opened(self, session_id: str) -> None:
        """Take a session as this runtime's to close."""
        self._open.add(session_id)

    def closed(self, session_id: str) -> None:
        """Note that a session is closed, or somebody else's to close."""
        self._open.discard(session_id)
        if self._journal is not None:
            self._journal.closed(session_id)

    async def close(self) -> None:
        """Drain the sessions that are still open, as far as the platform answers in time."""
        ids = tuple(self._open)
        if ids:
            drains = [asyncio.ensure_future(self._transport.drain_session(id)) for id in ids]
            await asyncio.wait(drains, timeout=_LAST_WORDS)
            for id, drain in zip(ids, drains, strict=True):
                if not drain.done():
                    drain.cancel()
                elif drain.exception() is None:
                    self.closed(id)
            await asyncio.gather(*drains, return_exceptions=True)
            self._open.clear()
        if self._journal is not None:
            self._journal.close()


def about_job(spec: JobSpec) -> dict[str, str | None]:
    """Return what a journal notes of a job."""
    return {"program": spec.program_id, "backend": spec.backend, "session": spec.session_id}


async def recover(
    runtime: "AsyncRuntime", journal: Journal | None
) -> Recovery[AsyncJob, AsyncSession]:
    """Find the work in a journal again; see ``AsyncRuntime.recover``."""
    jobs: dict[str, AsyncJob] = {}
    sessions: dict[str, AsyncSession] = {}
    unknown: list[str] = []
    for noted in () if journal is None else journal.past():
        if noted.refused:
            continue
        if noted.id is None and (noted.noun == "session" or not runtime.capabilities.find_by_key):
            unknown.append(noted.key)
        elif noted.noun == "session":
            sessions |= {one.id: one for one in await _left_open(runtime, noted)}
        else:
            jobs |= {job.id: job for job in await _found(runtime, noted)}
    return Recovery(
        jobs=tuple(jobs.values()), sessions=tuple(sessions.values()), unknown=tuple(unknown)
    )


async def _left_open(runtime: "AsyncRuntime", noted: Noted) -> list[AsyncSession]:
    if noted.closed or not noted.orphan or noted.id is None:
        return []
    try:
        session = await runtime.attach_session(noted.id)
    except SessionNotFoundError:
        return []
    return [] if session.snapshot.state is SessionState.CLOSED else [session]


async def _found(runtime: "AsyncRuntime", noted: Noted) -> list[AsyncJob]:
    if noted.id is None:
        return [AsyncJob(runtime, job) for job in await runtime.jobs(JobQuery(key=noted.key))]
    try:
        return [await runtime.attach_job(noted.id)]
    except JobNotFoundError:
        return []  # somebody deleted it
