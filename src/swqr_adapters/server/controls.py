"""What the control surface may do to what is behind the server."""

from collections.abc import Awaitable, Callable

from attrs import field, frozen

from swqr_core.clock import VirtualClock

__all__ = ["Control"]


@frozen(kw_only=True)
class Control:
    """Given by whoever starts the server; each part that is None is answered with a refusal.

    Attributes:
        reset: Makes everything as it was at the start.
        clock: The cloud's time, if it is virtual.
    """

    reset: Callable[[], Awaitable[None]] | None = field(default=None)
    clock: VirtualClock | None = field(default=None)
