"""What work costs: how long a job keeps its device, how it ends, and usage in a sliding window."""

from collections import deque
from datetime import UTC, datetime, timedelta

from attrs import define, field, frozen

from swqr_core.lifecycle.job import JobEvent
from swqr_core.model.payload import Payload
from swqr_core.ports.executor import ExecutionStatus

from .inputs import FinishExecution
from .settings import Pace

__all__ = [
    "Ending",
    "UsageWindow",
    "Window",
    "busy_seconds",
    "consumed",
    "duration",
    "ending",
    "microseconds",
]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_BUCKETS = 1_024

_PLATFORM_FAULTS = frozenset({1000, 1004, 1009, 1010, 1011, 9999})
"""Reason codes that say that the platform failed, not the job: nothing is charged for those."""


def microseconds(seconds: float) -> int:
    """Return seconds as whole microseconds: sums of these do not depend on their order."""
    return round(seconds * 1_000_000)


def duration(seconds: float) -> timedelta:
    """Return seconds as a duration, to the microsecond."""
    return timedelta(microseconds=microseconds(seconds))


# --- one job -----------------------------------------------------------------------------------


@frozen
class Ending:
    """How a job ends, once its execution is done.

    Attributes:
        event: What ends it.
        quantum_seconds: Device time that it has used.
        result: The address of its result or traceback; a job that timed out has none.
    """

    event: JobEvent
    quantum_seconds: float
    reason: str | None
    reason_code: int | None
    reason_solution: str | None
    result: Payload | None


def consumed(outcome: FinishExecution, job_seconds: float | None) -> float:
    """Return the seconds for which a job needed its device, whatever it was allowed to."""
    used = outcome.quantum_seconds
    if outcome.status is ExecutionStatus.COMPLETED:
        return max(used, job_seconds or 0.0)
    if outcome.reason_code in _PLATFORM_FAULTS or not used:
        return 0.0
    return max(used, job_seconds or 0.0)


def busy_seconds(
    outcome: FinishExecution, *, limit: float, pace: Pace, job_seconds: float | None
) -> float:
    """Return for how long after its start a job keeps its device.

    Under ``Pace.INSTANT`` that is the device's own least time, if it has one; under
    ``Pace.REAL`` whatever the job consumed, up to its limit.
    """
    used = consumed(outcome, job_seconds)
    if pace is Pace.INSTANT:
        used = min(used, job_seconds or 0.0)
    return min(used, limit)


def ending(
    job_id: str, outcome: FinishExecution, *, limit: float, job_seconds: float | None
) -> Ending:
    """Return how a job ends by the outcome of its execution.

    A job that needed its device for longer than *limit* seconds was stopped there, whatever came
    out of it: it timed out with reason code 1305.
    """
    used = consumed(outcome, job_seconds)
    over = used > limit
    if over or outcome.status is ExecutionStatus.TIMED_OUT:
        given = outcome.reason if outcome.status is ExecutionStatus.TIMED_OUT and not over else None
        return Ending(
            event=JobEvent.TIME_OUT,
            quantum_seconds=min(used, limit),
            reason=given or f"Job {job_id} ran longer than its limit of {limit:g} seconds",
            reason_code=(outcome.reason_code if given else None) or 1305,
            reason_solution=(outcome.reason_solution if given else None)
            or "Give the job less work, or raise its max_execution_time up to the plan's limit.",
            result=None,
        )
    failed = outcome.status is ExecutionStatus.FAILED
    return Ending(
        event=JobEvent.FAIL if failed else JobEvent.COMPLETE,
        quantum_seconds=used,
        reason=outcome.reason,
        reason_code=outcome.reason_code,
        reason_solution=outcome.reason_solution,
        result=outcome.result,
    )


# --- one instance ------------------------------------------------------------------------------


class Window:
    """The sliding window in which usage counts, cut into 1,024 parts.

    A charge counts from its moment until the window's length after the end of the part in which
    it fell: never less than the whole window, and at most a 1,024th more.
    """

    __slots__ = ("_length", "_part")

    def __init__(self, seconds: int) -> None:
        self._length = timedelta(seconds=seconds)
        self._part = max(1, seconds * 1_000_000 // _BUCKETS)

    def expiry(self, at: datetime) -> datetime:
        """Return when a charge made at *at* stops to count."""
        parts = (at - _EPOCH) // _MICROSECOND // self._part + 1
        return _EPOCH + timedelta(microseconds=parts * self._part) + self._length


@define(eq=False)
class UsageWindow:
    """What one instance has used and what of it still counts, in whole microseconds.

    Attributes:
        used: The sum of what still counts.
        parts: When each part stops to count, and how much it is; oldest first.
    """

    used: int = 0
    parts: deque[tuple[datetime, int]] = field(factory=deque)

    def add(self, amount: int, expires: datetime) -> bool:
        """Count *amount* until *expires*; return whether this began a new part."""
        self.used += amount
        if self.parts and self.parts[-1][0] == expires:
            self.parts[-1] = (expires, self.parts[-1][1] + amount)
            return False
        self.parts.append((expires, amount))
        return True

    def forget(self, now: datetime) -> None:
        """Stop counting what has expired."""
        while self.parts and self.parts[0][0] <= now:
            self.used -= self.parts.popleft()[1]

    def below_at(self, limit: int) -> datetime | None:
        """Return when less than *limit* will count if nothing is added; None if it never will."""
        left = self.used
        for expires, amount in self.parts:
            left -= amount
            if left < limit:
                return expires
        return None
