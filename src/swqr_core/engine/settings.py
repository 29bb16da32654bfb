"""What a cloud is like: its plans, limits and policies, and its devices."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

from attrs import field, frozen

from swqr_core.model.ids import BackendName, InstanceId
from swqr_core.model.job import MAX_EXECUTION_SECONDS
from swqr_core.model.validators import integer, optional, seconds

__all__ = ["AtSessionCancel", "AtUsageLimit", "Device", "EngineSettings", "Pace", "Plan"]

_LONGEST: Final = 100 * 365 * 86_400
"""Seconds that a limit may take: a date that lies so far ahead is still one."""


class Pace(StrEnum):
    """How long a job keeps its device busy."""

    INSTANT = "instant"
    """Until its execution is done, however long that takes (but see ``Device.job_seconds``)."""
    REAL = "real"
    """For its quantum seconds, counted from its start."""


class AtUsageLimit(StrEnum):
    """What happens when an instance has used up its time. Guides describe both."""

    HOLD = "hold"
    """What runs goes on; what is queued stays queued until there is time again."""
    CLOSE = "close"
    """Its started sessions close: what runs goes on, what is queued is cancelled."""


class AtSessionCancel(StrEnum):
    """What becomes of a cancelled session's queued jobs."""

    FAIL = "fail"
    """They fail with code 1217, as seen on the service."""
    CANCEL = "cancel"
    """They are cancelled, as the guides word it."""


@frozen(kw_only=True)
class Plan:
    """What an instance may do.

    Attributes:
        name: The plan's name, for example ``internal`` or ``open``.
        max_ttl: The longest and the default ``max_ttl`` of a session, in seconds; up to a century.
        interactive_ttl: The default ``interactive_ttl`` of a session, in seconds.
        job_seconds: The longest and the default device time of a job, in seconds.
        dedicated: Whether dedicated sessions may be opened.
        custom_ttls: Whether ``interactive_ttl`` and ``active_ttl`` may be chosen.
        pending_jobs: How many jobs may be queued or running at once; None for any number.
        programs: How many uploaded programs each user may keep in it; None for any number.
        usage_seconds: Seconds of usage in the window after which nothing starts; None for any.
        weight: The share of a contended backend, relative to other instances.
    """

    name: str = "internal"
    max_ttl: int = field(
        default=28_800, validator=integer(at_least=1, at_most=_LONGEST, unit="seconds")
    )
    interactive_ttl: int = field(default=60, validator=integer(at_least=0, unit="seconds"))
    job_seconds: int = field(
        default=MAX_EXECUTION_SECONDS, validator=integer(at_least=1, unit="seconds")
    )
    dedicated: bool = True
    custom_ttls: bool = True
    pending_jobs: int | None = field(default=None, validator=optional(integer(at_least=0)))
    programs: int | None = field(default=100, validator=optional(integer(at_least=0)))
    usage_seconds: float | None = field(default=None, validator=optional(seconds()))
    weight: float = field(default=1.0, validator=seconds(above_zero=True))


@frozen(kw_only=True)
class Device:
    """A backend, as far as queueing is concerned.

    Attributes:
        name: Its name.
        concurrent_jobs: How many plain jobs run on it side by side.
        session_lanes: How many jobs of one session or batch run on it side by side.
        job_seconds: The least time that a job keeps it busy, whatever the pace; None for none.
    """

    name: BackendName
    concurrent_jobs: int = field(default=1, validator=integer(at_least=1))
    session_lanes: int = field(default=5, validator=integer(at_least=1))
    job_seconds: float | None = field(default=None, validator=optional(seconds()))


@frozen(kw_only=True)
class EngineSettings:
    """What the whole cloud is like.

    Attributes:
        plans: The plan of each instance that differs from *default_plan*.
        default_plan: The plan of all others.
        pace: How long jobs keep their devices busy.
        idle_open_seconds: How long a session may stay open without any job.
        usage_window_seconds: The window in which usage counts, for limits and fair shares.
        at_usage_limit: What happens when an instance has used up its time.
        at_session_cancel: What becomes of a cancelled session's queued jobs.
    """

    plans: Mapping[InstanceId, Plan] = field(factory=dict)
    default_plan: Plan = field(factory=Plan)
    pace: Pace = field(default=Pace.INSTANT, converter=Pace)
    idle_open_seconds: int = field(
        default=1_800, validator=integer(at_least=1, at_most=_LONGEST, unit="seconds")
    )
    usage_window_seconds: int = field(
        default=28 * 86_400, validator=integer(at_least=1, at_most=_LONGEST, unit="seconds")
    )
    at_usage_limit: AtUsageLimit = field(default=AtUsageLimit.HOLD, converter=AtUsageLimit)
    at_session_cancel: AtSessionCancel = field(
        default=AtSessionCancel.FAIL, converter=AtSessionCancel
    )

    def plan(self, instance: InstanceId) -> Plan:
        """Return the plan of an instance."""
        return self.plans.get(instance, self.default_plan)
