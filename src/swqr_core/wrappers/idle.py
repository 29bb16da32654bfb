"""Watches sessions that do nothing: warns, and closes them."""

import asyncio
from collections.abc import Callable
from datetime import datetime
from typing import Any, Final

from attrs import frozen

from swqr_core.errors import SessionNotFoundError, SwqrError
from swqr_core.lifecycle.job import JobState
from swqr_core.lifecycle.session import SessionState
from swqr_core.model.ids import SessionId
from swqr_core.model.query import JobQuery
from swqr_core.model.session import Session, SessionMode
from swqr_core.ports.clock import Clock
from swqr_core.ports.transport import RuntimeTransport

__all__ = ["IdlePolicy", "IdleWatch"]

_PENDING: Any = frozenset(state for state in JobState if not state.ended)
_AGAIN: Final = 30.0  # seconds, after a look that failed


@frozen(kw_only=True)
class IdlePolicy:
    """How long a session may do nothing, in seconds; None for as long as it likes.

    Attributes:
        warn: Until its user is told, for dedicated sessions: they are charged while they idle.
        close: Until it is closed.
    """

    warn: float | None = None
    close: float | None = None

    def next(self, *, warned: bool) -> float | None:
        """Return the seconds of idling after which something is to be done."""
        due = [self.close] if warned else [self.warn, self.close]
        return min((one for one in due if one is not None), default=None)


class IdleWatch:
    """One task for each session that is watched; it sleeps until something may be due.

    Args:
        transport: Where the sessions are.
        clock: What time passes on.
        policy: What to do when.
        warn: Tells the user.
    """

    def __init__(
        self,
        transport: RuntimeTransport,
        clock: Clock,
        policy: IdlePolicy,
        warn: Callable[[str], None],
    ) -> None:
        self._transport = transport
        self._clock = clock
        self._policy = policy
        self._warn = warn
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._active: dict[str, datetime] = {}

    def watch(self, session: Session) -> None:
        """Begin to watch a session."""
        if self._policy.next(warned=False) is None or session.id in self._tasks:
            return
        self._active[session.id] = self._clock.now()
        self._tasks[session.id] = asyncio.ensure_future(self._follow(session.id, session.mode))

    def touch(self, session_id: str) -> None:
        """Note that a session just got something to do."""
        if session_id in self._active:
            self._active[session_id] = self._clock.now()

    def forget(self, session_id: str) -> None:
        """Watch a session no longer."""
        self._active.pop(session_id, None)
        task = self._tasks.pop(session_id, None)
        if task is not None and task is not asyncio.current_task():
            task.cancel()

    async def aclose(self) -> None:
        """Watch nothing any more."""
        tasks = list(self._tasks.values())
        self._tasks.clear()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _follow(self, session_id: SessionId, mode: SessionMode) -> None:
        warned = mode is not SessionMode.DEDICATED
        while True:
            due = self._policy.next(warned=warned)
            if due is None:
                self.forget(session_id)
                return
            try:
                idle = await self._idle(session_id)
                if idle is None:
                    self.forget(session_id)
                    return
                if idle < due:
                    await self._clock.sleep(due - idle)
                    continue
                if self._policy.close is not None and idle >= self._policy.close:
                    self._warn(f"session {session_id!r} has done nothing for {idle:g} s: closed")
                    await self._transport.drain_session(session_id)
                    self.forget(session_id)
                    return
            except SwqrError:
                await self._clock.sleep(_AGAIN)
                continue
            warned = True
            self._warn(
                f"session {session_id!r} has done nothing for {idle:g} s, and a dedicated session "
                "is charged while it idles: give it work or close it"
            )

    async def _idle(self, session_id: SessionId) -> float | None:
        """Return for how many seconds a session has done nothing; None if it is over."""
        try:
            session = await self._transport.session(session_id)
        except SessionNotFoundError:
            return None
        if session.state in {SessionState.CLOSED, SessionState.DRAINING}:
            return None
        query = JobQuery(states=_PENDING, session_id=session_id, limit=1)
        if (await self._transport.jobs(query)).total:
            return 0.0
        since = self._active[session_id]
        if session.last_job_ended_at is not None:
            since = max(since, session.last_job_ended_at)
        return max(0.0, (self._clock.now() - since).total_seconds())
