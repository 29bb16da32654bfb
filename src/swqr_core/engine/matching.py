"""Which jobs and sessions a query means, and which page of them."""

from collections.abc import Callable, Iterable, Iterator
from operator import attrgetter
from typing import Generic, TypeVar

from attrs import evolve

from swqr_core.model.ids import InstanceId
from swqr_core.model.job import Job
from swqr_core.model.query import JobQuery, Page, SessionQuery
from swqr_core.model.session import Session, SessionMode

__all__ = ["Found", "conditions", "page", "session_matches", "window"]

T = TypeVar("T")


def conditions(query: JobQuery) -> Iterator[Callable[[Job], bool]]:
    """Yield what a job must be to match."""
    spec_is = {
        "program_id": query.program_id,
        "backend": query.backend,
        "session_id": query.session_id,
    }
    for name, wanted in spec_is.items():
        if wanted is not None:
            value = attrgetter(name)
            yield lambda job, value=value, wanted=wanted: value(job.spec) == wanted  # type: ignore[misc]
    if query.states:
        yield lambda job: job.state in query.states
    if query.tags:
        tags = frozenset(query.tags)
        yield lambda job: tags.issubset(job.spec.tags)
    after, before = query.created_after, query.created_before
    if after is not None:
        yield lambda job: job.created_at >= after
    if before is not None:
        yield lambda job: job.created_at <= before


def session_matches(session: Session, query: SessionQuery) -> bool:
    """Return whether a query means a session."""
    created = session.created_at
    return (
        (not query.states or session.state in query.states)
        and (query.mode is None or session.mode is SessionMode(query.mode))
        and (query.backend is None or session.backend == query.backend)
        and (
            query.created_after is None or (created is not None and created >= query.created_after)
        )
        and (
            query.created_before is None
            or (created is not None and created <= query.created_before)
        )
    )


class Found(Generic[T]):
    """What the last question has found: who reads on page by page has it looked for once."""

    def __init__(self) -> None:
        self._asked: tuple[InstanceId, JobQuery | SessionQuery] | None = None
        self._items: list[T] = []

    def forget(self) -> None:
        """Look again the next time: something has changed."""
        if self._asked is not None:
            self._asked, self._items = None, []

    def of(
        self, instance: InstanceId, query: JobQuery | SessionQuery, look: Callable[[], list[T]]
    ) -> list[T]:
        """Return everything of an instance that a query means, as *look* finds it."""
        asked = instance, evolve(query, offset=0, limit=1)
        if asked != self._asked:
            self._items, self._asked = look(), asked
        return self._items


def window(items: list[T], query: JobQuery | SessionQuery) -> list[T]:
    """Return those of all items, oldest first, that are on the query's page."""
    first, last = query.offset, query.offset + query.limit
    if not query.newest_first:
        return items[first:last]
    return items[max(len(items) - last, 0) : max(len(items) - first, 0)][::-1]


def page(items: Iterable[T], total: int, query: JobQuery | SessionQuery) -> Page[T]:
    """Return them as the page of a query."""
    return Page(items=tuple(items), total=total, offset=query.offset, limit=query.limit)
