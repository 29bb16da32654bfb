"""What work has cost."""

from datetime import datetime

from attrs import field, frozen

from .ids import InstanceId
from .validators import aware_utc, optional, seconds

__all__ = ["InstanceUsage", "JobUsage"]


@frozen(kw_only=True)
class JobUsage:
    """Time that a job kept the device.

    Attributes:
        quantum_seconds: Seconds (REST: ``usage.qpu_charge_time_seconds``).
        final: Whether the figure can still change (REST: ``usage.status``).
    """

    quantum_seconds: float = field(default=0.0, validator=seconds())
    final: bool = False


@frozen(kw_only=True)
class InstanceUsage:
    """What an instance has used in its current period.

    Attributes:
        instance: The instance's CRN.
        plan: The plan's id.
        consumed_seconds: Seconds charged in the period.
        limit_seconds: Seconds after which nothing starts, or None for no limit.
        allocation_seconds: Seconds that the plan grants, or None.
        period_start: Where the period starts, UTC.
        period_end: Where it ends, UTC.
    """

    instance: InstanceId
    plan: str = "internal"
    consumed_seconds: float = field(default=0.0, validator=seconds())
    limit_seconds: float | None = field(default=None, validator=optional(seconds()))
    allocation_seconds: float | None = field(default=None, validator=optional(seconds()))
    period_start: datetime | None = field(default=None, validator=optional(aware_utc))
    period_end: datetime | None = field(default=None, validator=optional(aware_utc))

    @property
    def limit_reached(self) -> bool:
        """Whether the limit is used up (REST: ``usage_limit_reached``)."""
        return self.limit_seconds is not None and self.consumed_seconds >= self.limit_seconds

    @property
    def remaining_seconds(self) -> float | None:
        """Seconds left of the limit or else of the allocation, or None without either."""
        ceiling = self.limit_seconds if self.limit_seconds is not None else self.allocation_seconds
        return None if ceiling is None else ceiling - self.consumed_seconds
