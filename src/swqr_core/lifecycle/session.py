"""The life of a session or batch, as one table.

Everything that decides a session's state is here. Who runs jobs, holds devices and watches time
feeds events in; nobody else knows what follows from them.
"""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from swqr_core.errors import IllegalTransitionError

__all__ = ["REASONS", "TRANSITIONS", "SessionEvent", "SessionReason", "SessionState", "advance"]


class SessionState(StrEnum):
    """Where a session is in its life.

    A batch goes through the same states. REST knows four words for these six: ``busy``, ``idle``
    and ``draining`` are ``active`` there, and ``accepting_jobs`` is false in ``draining`` and
    ``closed``.
    """

    OPEN = "open"
    """Created; no job has started. Its first job waits in the normal queue."""
    BUSY = "busy"
    """Active with at least one running job."""
    IDLE = "idle"
    """Active with no running job. The interactive TTL runs while nothing is queued either."""
    INACTIVE = "inactive"
    """The interactive TTL ran out. The next job goes through the normal queue."""
    DRAINING = "draining"
    """Takes no new jobs; what was accepted still runs."""
    CLOSED = "closed"
    """Takes no new jobs and starts none. Jobs that were running go on to their end."""

    @property
    def accepts_jobs(self) -> bool:
        """Whether new jobs may be submitted (REST: ``accepting_jobs``)."""
        return self is not SessionState.DRAINING and self is not SessionState.CLOSED


class SessionEvent(StrEnum):
    """What can happen to a session."""

    START_JOB = "start_job"
    """One of its jobs begins to run."""
    END_LAST_RUN = "end_last_run"
    """The last of its running jobs ended; others may be queued."""
    END_LAST_WORK = "end_last_work"
    """The last of its jobs ended: none is running, none is queued."""
    DRAIN = "drain"
    """It is told to take no new jobs, and has jobs left (REST: ``accepting_jobs`` false)."""
    DRAIN_EMPTY = "drain_empty"
    """It is told to take no new jobs, and has none left."""
    CANCEL = "cancel"
    """It is told to stop (REST: ``DELETE /sessions/{id}/close``)."""
    END_INTERACTIVE_TTL = "end_interactive_ttl"
    """No job came for ``interactive_ttl`` seconds after the last one."""
    END_ACTIVE_TTL = "end_active_ttl"
    """It was active for ``active_ttl`` seconds in all."""
    END_MAX_TTL = "end_max_ttl"
    """``max_ttl`` seconds have passed since its first job started."""
    END_IDLE_OPEN = "end_idle_open"
    """It was open for the idle-open limit (30 minutes) without any job."""
    REACH_USAGE_LIMIT = "reach_usage_limit"
    """Its instance has used up its time, and the platform closes sessions then."""


class SessionReason(StrEnum):
    """Why a session is in its state (REST: ``state_reason``).

    The first three words were seen on the service; the others follow their pattern.
    """

    CREATED = "session_created"
    CLOSED_EARLY = "session_closed_early"
    INACTIVATED = "session_inactivated_by_interactive_ttl"
    ACTIVATED = "session_activated"
    IDLING = "session_waiting_for_jobs"
    DRAINING = "session_not_accepting_jobs"
    DRAINED = "session_closed_after_last_job"
    CANCELLED = "session_cancelled"
    CLOSED_BY_ACTIVE_TTL = "session_closed_by_active_ttl"
    CLOSED_BY_MAX_TTL = "session_closed_by_max_ttl"
    CLOSED_BY_IDLE_OPEN = "session_closed_by_idle_open_limit"
    CLOSED_BY_USAGE_LIMIT = "session_closed_by_usage_limit"


_S, _E, _R = SessionState, SessionEvent, SessionReason
_STARTED = (_S.BUSY, _S.IDLE, _S.INACTIVE)

TRANSITIONS: Final[Mapping[tuple[SessionState, SessionEvent], SessionState]] = MappingProxyType(
    {
        **{(state, _E.START_JOB): _S.BUSY for state in (_S.OPEN, *_STARTED)},
        (_S.DRAINING, _E.START_JOB): _S.DRAINING,
        (_S.BUSY, _E.END_LAST_RUN): _S.IDLE,
        (_S.DRAINING, _E.END_LAST_WORK): _S.CLOSED,
        **{(state, _E.DRAIN): _S.DRAINING for state in (_S.OPEN, *_STARTED, _S.DRAINING)},
        **{(state, _E.DRAIN_EMPTY): _S.CLOSED for state in (_S.OPEN, _S.IDLE, _S.INACTIVE)},
        **{(state, _E.CANCEL): _S.CLOSED for state in _S},
        # Stopping what has stopped is no error: the official client closes again on leaving
        # a `with` block.
        **{(_S.CLOSED, event): _S.CLOSED for event in (_E.DRAIN, _E.DRAIN_EMPTY)},
        (_S.IDLE, _E.END_INTERACTIVE_TTL): _S.INACTIVE,
        **{(state, _E.END_ACTIVE_TTL): _S.CLOSED for state in (_S.BUSY, _S.IDLE, _S.DRAINING)},
        **{(state, _E.END_MAX_TTL): _S.CLOSED for state in (*_STARTED, _S.DRAINING)},
        (_S.OPEN, _E.END_IDLE_OPEN): _S.CLOSED,
        **{(state, _E.REACH_USAGE_LIMIT): _S.CLOSED for state in (*_STARTED, _S.DRAINING)},
    }
)
"""Every transition. A pair that is not here is refused, and changes nothing."""

REASONS: Final[Mapping[SessionEvent, SessionReason]] = MappingProxyType(
    {
        _E.START_JOB: _R.ACTIVATED,
        _E.END_LAST_RUN: _R.IDLING,
        _E.END_LAST_WORK: _R.DRAINED,
        _E.DRAIN: _R.DRAINING,
        _E.DRAIN_EMPTY: _R.CLOSED_EARLY,
        _E.CANCEL: _R.CANCELLED,
        _E.END_INTERACTIVE_TTL: _R.INACTIVATED,
        _E.END_ACTIVE_TTL: _R.CLOSED_BY_ACTIVE_TTL,
        _E.END_MAX_TTL: _R.CLOSED_BY_MAX_TTL,
        _E.END_IDLE_OPEN: _R.CLOSED_BY_IDLE_OPEN,
        _E.REACH_USAGE_LIMIT: _R.CLOSED_BY_USAGE_LIMIT,
    }
)
"""The reason that each event leaves behind when it changes the state."""


def advance(state: SessionState, event: SessionEvent, *, session_id: str) -> SessionState:
    """Return the state that follows.

    Raises:
        IllegalTransitionError: The table has no such row.
    """
    try:
        return TRANSITIONS[state, event]
    except KeyError:
        allowed = sorted(e.value for s, e in TRANSITIONS if s is state)
        raise IllegalTransitionError(
            "session", session_id, state.value, event.value, allowed
        ) from None
