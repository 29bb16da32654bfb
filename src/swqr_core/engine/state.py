"""What the engine keeps in memory about what is alive.

These objects change, for speed: only ``cloud.Cloud.apply`` changes them, and they never leave the
engine.
"""

from collections import deque
from collections.abc import Iterator
from datetime import datetime, timedelta

from attrs import define, field, frozen

from swqr_core.lifecycle.job import JobState
from swqr_core.lifecycle.session import SessionState
from swqr_core.model.backend import BackendStatus
from swqr_core.model.ids import InstanceId, JobId, ProgramId, SessionId
from swqr_core.model.session import SessionMode, SessionSpec

from .charging import UsageWindow, microseconds
from .heaps import LazyHeap
from .inputs import FinishExecution
from .settings import Device, Plan

__all__ = ["Account", "EndedJob", "Line", "LiveDevice", "LiveJob", "LiveSession"]


@frozen
class EndedJob:
    """All that is kept of a job that has ended; jobs that ended alike share one object.

    Attributes:
        private_result: Whether it has a private result that was not taken yet.
    """

    instance: InstanceId
    state: JobState
    private_result: bool


@define(eq=False)
class Account:
    """An instance, as far as queueing and charging are concerned.

    Attributes:
        number: Its place in the order in which instances were first seen.
        accepted: How many jobs were accepted in all.
        queued: Its queued jobs by their place in the order of acceptance.
        running: How many of its jobs run.
        waiting: How many of its jobs are queued on each device, by device number.
        started: Its sessions that have started and are not closed, by number.
        lines: Its lines in the normal queues, by device number.
        held_batches: Active batches that lost their turn while the instance was over its limit.
    """

    id: InstanceId
    number: int
    plan: Plan
    usage: UsageWindow = field(factory=UsageWindow)
    accepted: int = 0
    running: int = 0
    queued: "dict[int, LiveJob]" = field(factory=dict)
    waiting: dict[int, int] = field(factory=dict)
    started: "dict[int, LiveSession]" = field(factory=dict)
    lines: "dict[int, Line]" = field(factory=dict)
    held_batches: "dict[int, LiveSession]" = field(factory=dict)
    job_keys: dict[str, tuple[str, JobId]] = field(factory=dict)
    session_keys: dict[str, tuple[str, SessionId]] = field(factory=dict)
    program_keys: dict[str, tuple[str, ProgramId]] = field(factory=dict)
    endings: dict[tuple[JobState, bool], EndedJob] = field(factory=dict)
    limit: int | None = None

    def __attrs_post_init__(self) -> None:
        if self.plan.usage_seconds is not None:
            self.limit = microseconds(self.plan.usage_seconds)

    @property
    def held(self) -> bool:
        """Whether the instance has used up its time."""
        return self.limit is not None and self.usage.used >= self.limit

    @property
    def share(self) -> float:
        """What it has used of its share: who has least comes first."""
        return self.usage.used / self.plan.weight

    def ending(self, state: JobState, *, private_result: bool) -> EndedJob:
        """Return what to keep of a job that has ended; equal ones are one object."""
        key = state, private_result
        found = self.endings.get(key)
        if found is None:
            found = self.endings[key] = EndedJob(self.id, state, private_result)
        return found


@define(eq=False)
class LiveJob:
    """A job that is queued or running.

    Attributes:
        seq: Its place in the order of acceptance in the whole cloud.
        outcome: What came of its execution, while it still keeps its device.
    """

    id: JobId
    seq: int
    account: Account
    device: "LiveDevice"
    session: "LiveSession | None"
    time_limit: int
    private: bool
    state: JobState = JobState.QUEUED
    started_at: datetime | None = None
    outcome: FinishExecution | None = None

    @property
    def instance(self) -> InstanceId:
        """Whose it is."""
        return self.account.id


@define(eq=False)
class LiveSession:
    """A session or batch that is not closed, or is closed and still has running jobs.

    Attributes:
        number: Its place in the order of opening.
        queue: Its queued jobs in order; jobs that are not queued any more may still be in it.
        active: Whether it has priority on its device: it began to run a job and was neither
            inactivated nor closed since. A draining session can be either.
        active_left: What is left of its active TTL, without the time since *activated_at*.
        charged_from: From when a dedicated session's time is still to be charged.
        busy_since: Since when at least one of its jobs runs.
        busy: How long jobs of it ran since *charged_from*, up to *busy_since*.
        used: What jobs that have ended since *charged_from* used of the device, in microseconds.
    """

    id: SessionId
    number: int
    account: Account
    device: "LiveDevice"
    spec: SessionSpec
    max_ttl: timedelta
    interactive_ttl: timedelta
    active_left: timedelta
    dedicated: bool = field(init=False)
    state: SessionState = SessionState.OPEN
    active: bool = False
    queue: deque[LiveJob] = field(factory=deque)
    queued: int = 0
    running: int = 0
    started_at: datetime | None = None
    activated_at: datetime | None = None
    charged_from: datetime | None = None
    busy_since: datetime | None = None
    busy: timedelta = timedelta()
    used: int = 0

    def __attrs_post_init__(self) -> None:
        self.dedicated = self.spec.mode is SessionMode.DEDICATED

    @property
    def has_work(self) -> bool:
        """Whether any of its jobs is queued or running."""
        return bool(self.queued or self.running)

    def head(self) -> LiveJob | None:
        """Return the first queued job."""
        queue = self.queue
        while queue and queue[0].state is not JobState.QUEUED:
            queue.popleft()
        return queue[0] if queue else None

    def enqueue(self, job: LiveJob) -> None:
        """Add a job at the end."""
        if len(self.queue) > 2 * self.queued + 32:
            self.queue = deque(self.queued_jobs())
        self.queue.append(job)
        self.queued += 1

    def queued_jobs(self) -> Iterator[LiveJob]:
        """Yield the queued jobs in order."""
        return (job for job in self.queue if job.state is JobState.QUEUED)


def _is_candidate(entry: tuple[int, LiveJob]) -> bool:
    return entry[1].state is JobState.QUEUED


@define(eq=False)
class Line:
    """One instance's part of a device's normal queue.

    Attributes:
        candidates: Plain jobs, and the first job of each session that is not active.
        entry: The one that stands for this line in the device's ``shares``; never higher than
            it is true. None if the line was empty or held when it came up.
    """

    account: Account
    entry: tuple[float, int, int] | None = None
    candidates: LazyHeap[tuple[int, LiveJob]] = field(factory=lambda: LazyHeap(_is_candidate))

    def head(self) -> LiveJob | None:
        """Return the oldest candidate."""
        first = self.candidates.first()
        return None if first is None else first[1]


def _has_turn(entry: tuple[int, int, LiveSession]) -> bool:
    session = entry[2]
    if not session.active:
        return False
    head = session.head()
    return head is not None and head.seq == entry[0]


@define(eq=False)
class LiveDevice:
    """A backend with its queues.

    Attributes:
        number: Its place in the order of being added.
        running: How many jobs run on it.
        holder: The batch whose jobs run, or the dedicated session that keeps the device; None if
            plain jobs run or nothing does.
        lines: The normal queue, by instance number.
        shares: A heap of the lines' entries: share, oldest candidate and instance number.
        batches: Active batches with queued jobs, by the oldest.
    """

    device: Device
    number: int
    status: BackendStatus = BackendStatus.ONLINE
    reason: str = ""
    running: int = 0
    holder: LiveSession | None = None
    lines: dict[int, Line] = field(factory=dict)
    shares: list[tuple[float, int, int]] = field(factory=list)
    batches: LazyHeap[tuple[int, int, LiveSession]] = field(factory=lambda: LazyHeap(_has_turn))
