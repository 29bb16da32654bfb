"""The life of a job, as one table."""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from swqr_core.errors import IllegalTransitionError

__all__ = ["TRANSITIONS", "JobEvent", "JobState", "advance"]


class JobState(StrEnum):
    """Where a job is in its life.

    REST has one word for two of these: a job that ``timed_out`` is ``Cancelled`` there, with the
    reason code 1305 and the status text ``Cancelled - Ran too long``.
    """

    QUEUED = "queued"
    RUNNING = "running"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"
    TIMED_OUT = "timed_out"

    @property
    def ended(self) -> bool:
        """Whether nothing can happen to the job any more."""
        return self is not JobState.QUEUED and self is not JobState.RUNNING


class JobEvent(StrEnum):
    """What can happen to a job."""

    START = "start"
    """The scheduler takes it."""
    COMPLETE = "complete"
    """Its result is stored."""
    FAIL = "fail"
    """Its execution failed."""
    TIME_OUT = "time_out"
    """It needed the device longer than it may (reason code 1305)."""
    CANCEL = "cancel"
    """Its owner stops it."""
    REJECT = "reject"
    """Looked at when its turn came, it cannot be run."""
    LOSE_SESSION = "lose_session"
    """Its session closed underneath (reason code 1217)."""
    CANCEL_WITH_SESSION = "cancel_with_session"
    """Its session was stopped, on a platform that calls this a cancellation."""
    REACH_USAGE_LIMIT = "reach_usage_limit"
    """Its instance has used up its time, and the platform drops what is queued then."""


_S, _E = JobState, JobEvent

TRANSITIONS: Final[Mapping[tuple[JobState, JobEvent], JobState]] = MappingProxyType(
    {
        (_S.QUEUED, _E.START): _S.RUNNING,
        (_S.QUEUED, _E.CANCEL): _S.CANCELLED,
        (_S.QUEUED, _E.REJECT): _S.FAILED,
        (_S.QUEUED, _E.LOSE_SESSION): _S.FAILED,
        (_S.QUEUED, _E.CANCEL_WITH_SESSION): _S.CANCELLED,
        (_S.QUEUED, _E.REACH_USAGE_LIMIT): _S.CANCELLED,
        (_S.RUNNING, _E.COMPLETE): _S.COMPLETED,
        (_S.RUNNING, _E.FAIL): _S.FAILED,
        (_S.RUNNING, _E.TIME_OUT): _S.TIMED_OUT,
        (_S.RUNNING, _E.CANCEL): _S.CANCELLED,
    }
)
"""Every transition. A pair that is not here is refused, and changes nothing."""


def advance(state: JobState, event: JobEvent, *, job_id: str) -> JobState:
    """Return the state that follows.

    Raises:
        IllegalTransitionError: The table has no such row.
    """
    try:
        return TRANSITIONS[state, event]
    except KeyError:
        allowed = sorted(e.value for s, e in TRANSITIONS if s is state)
        raise IllegalTransitionError("job", job_id, state.value, event.value, allowed) from None
