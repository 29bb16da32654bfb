"""The port to pictures of a session's life."""

from collections.abc import Iterable
from datetime import datetime
from typing import Protocol

from swqr_core.model.job import Job
from swqr_core.model.session import Session

__all__ = ["TimelineDrawer"]


class TimelineDrawer(Protocol):
    """What the entry point ``timeline`` of the group ``swqr.system`` names; a pure function."""

    def __call__(self, session: Session, jobs: Iterable[Job], *, now: datetime) -> str:
        """Return the picture as an SVG document.

        Args:
            session: The session.
            jobs: Its jobs, in any order.
            now: How far the life of a session goes that has not ended, UTC.
        """
        ...
