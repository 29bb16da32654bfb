"""The wrapper ``budget``, from its settings."""

import logging
from collections.abc import Mapping
from typing import Final

from attrs import asdict, frozen

from swqr_adapters.clock import SystemClock
from swqr_core.config.effective import reads
from swqr_core.config.reading import amount, number, read_settings, setting
from swqr_core.ports.transport import RuntimeTransport
from swqr_core.wrappers.budget import Budget, BudgetTransport

__all__ = ["budget"]

logger = logging.getLogger(__name__)

_SOURCE: Final = "wrapper budget"


def _count(text: str) -> int:
    value = number(text)
    if value < 0:
        raise ValueError("must be 0 or more")
    return value


@frozen(kw_only=True)
class _BudgetSettings:
    """What the wrapper can be told; see ``Budget``."""

    job_seconds: float | None = setting(amount, None)
    session_seconds: float | None = setting(amount, None)
    session_jobs: int | None = setting(_count, None)
    day_seconds: float | None = setting(amount, None)
    day_jobs: int | None = setting(_count, None)
    instance_seconds: float | None = setting(amount, None)
    instance_jobs: int | None = setting(_count, None)
    open_sessions: int | None = setting(_count, None)
    warn_idle: float | None = setting(amount, None)
    close_idle: float | None = setting(amount, None)
    refresh: float = setting(amount, 60.0)


@reads(_BudgetSettings)
async def budget(inner: RuntimeTransport, settings: Mapping[str, str]) -> RuntimeTransport:
    """Keep to a budget (entry point ``budget``); warnings go to the log.

    Raises:
        ConfigurationError: A setting is unknown or cannot be used.
    """
    chosen = read_settings(_BudgetSettings, settings, source=_SOURCE)
    return BudgetTransport(
        inner,
        Budget(**asdict(chosen)),
        clock=SystemClock(),
        warn=lambda message: logger.warning("%s", message),
    )
