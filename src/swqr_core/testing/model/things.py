"""What there is on a platform: sessions and jobs, and by which rules they live."""

from attrs import define, field, frozen

__all__ = ["ModelJob", "ModelSession", "Refused", "Rules", "microseconds"]


def microseconds(seconds: float) -> int:
    """Return seconds as whole microseconds."""
    return round(seconds * 1_000_000)


@frozen(kw_only=True)
class Rules:
    """What differs between platforms that all keep the contract.

    Attributes:
        max_ttl: The longest and the default ``max_ttl`` of a session, in seconds.
        interactive_ttl: The default ``interactive_ttl``, in seconds.
        job_seconds: The longest and the default device time of a job, in seconds.
        idle_open_seconds: After how long without any job an open session closes; None for never.
        plain_lanes: How many plain jobs run on a backend side by side.
        session_lanes: How many jobs of one session or batch run on a backend side by side.
        lost_jobs: How the queued jobs of a session that closes end: ``failed`` or ``cancelled``.
        lost_code: The reason code that these get; None for any.
        precision: Seconds by which the platform's times may be off.
        untold: Fields of ``Session`` and ``Job`` that the platform does not tell, beside those
            that go with a capability that it lacks.
    """

    max_ttl: int = 28_800
    interactive_ttl: int = 60
    job_seconds: int = 10_800
    idle_open_seconds: int | None = 1_800
    plain_lanes: int = 1
    session_lanes: int = 5
    lost_jobs: str = "failed"
    lost_code: int | None = 1217
    precision: float = 0.0
    untold: frozenset[str] = frozenset()


class Refused(Exception):  # noqa: N818 - what happened
    """A command that a platform must refuse, and of which no trace may stay."""


@define(eq=False)
class ModelJob:
    """A job.

    Attributes:
        number: Its place in the order of acceptance on the whole platform.
        plan: What will become of its execution: ``completed`` or ``failed``, and the device time
            that it needs; None if that is undecided.
        due: When it ends, once it has started and that is decided.
        used: Device time that it has cost.
    """

    number: int
    instance: str
    backend: str
    session: "ModelSession | None"
    limit: int
    created: int
    state: str = "queued"
    plan: tuple[str, int, int | None] | None = None
    started: int | None = None
    due: int | None = None
    ended: int | None = None
    used: int = 0
    code: int | None = None

    @property
    def is_over(self) -> bool:
        """Whether it has ended."""
        return self.ended is not None


@define(eq=False)
class ModelSession:
    """A session or batch.

    Attributes:
        number: Its place in the order of opening on the whole platform.
        active: Whether it has priority on its backend.
        active_left: What is left of its active TTL, without the time since it was activated.
        quiet_since: Since when none of its jobs is queued or running.
        charged_from: From when a dedicated session's time is still to be charged.
        usage: What it has cost so far.
        settled: Whether that is final.
        story: Every state with the moment in which it was entered.
    """

    number: int
    instance: str
    backend: str
    dedicated: bool
    max_ttl: int
    interactive_ttl: int
    active_ttl: int
    created: int
    state: str = "open"
    active: bool = False
    active_left: int = 0
    quiet_since: int = 0
    started: int | None = None
    activated: int | None = None
    closed: int | None = None
    last_start: int | None = None
    last_end: int | None = None
    charged_from: int | None = None
    usage: int = 0
    settled: bool = False
    story: list[tuple[str, int]] = field(factory=list)

    @property
    def accepts_jobs(self) -> bool:
        """Whether new jobs may be submitted."""
        return self.state not in {"draining", "closed"}
