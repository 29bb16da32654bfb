"""Questions about many things, and pages of answers."""

from collections.abc import Iterator
from datetime import datetime
from typing import Generic, TypeVar

from attrs import field, frozen

from swqr_core.lifecycle.job import JobState
from swqr_core.lifecycle.session import SessionState

from .ids import BackendName, ProgramId, SessionId
from .session import SessionMode
from .validators import aware_utc, integer, optional, texts

__all__ = ["MAX_PAGE", "JobQuery", "Page", "ProgramQuery", "SessionQuery"]

MAX_PAGE = 200
"""The most items that a page may have (REST: ``limit``)."""

T = TypeVar("T")


@frozen(kw_only=True)
class JobQuery:
    """Which jobs (REST: query of ``GET /jobs``). Every condition that is set must hold.

    Attributes:
        states: Any of these; empty for all.
        program_id: That program.
        backend: That backend.
        session_id: That session or batch.
        tags: All of these.
        key: Submitted with this idempotency key; only where ``capabilities.find_by_key`` holds.
        created_after: Accepted at or after this UTC time.
        created_before: Accepted at or before this UTC time.
        newest_first: The order, by the time of acceptance.
        limit: The most items in the page, 1 to 200.
        offset: How many to leave out at the start.
    """

    states: frozenset[JobState] = field(default=frozenset(), converter=frozenset)
    program_id: ProgramId | None = None
    backend: BackendName | None = None
    session_id: SessionId | None = None
    tags: tuple[str, ...] = field(default=(), converter=texts)
    key: str | None = None
    created_after: datetime | None = field(default=None, validator=optional(aware_utc))
    created_before: datetime | None = field(default=None, validator=optional(aware_utc))
    newest_first: bool = True
    limit: int = field(default=MAX_PAGE, validator=integer(at_least=1, at_most=MAX_PAGE))
    offset: int = field(default=0, validator=integer(at_least=0))


@frozen(kw_only=True)
class SessionQuery:
    """Which sessions and batches. Every condition that is set must hold.

    Attributes:
        states: Any of these; empty for all.
        mode: Sessions only, or batches only.
        backend: That backend.
        created_after: Opened at or after this UTC time.
        created_before: Opened at or before this UTC time.
        newest_first: The order, by the time of opening.
        limit: The most items in the page, 1 to 200.
        offset: How many to leave out at the start.
    """

    states: frozenset[SessionState] = field(default=frozenset(), converter=frozenset)
    mode: SessionMode | None = None
    backend: BackendName | None = None
    created_after: datetime | None = field(default=None, validator=optional(aware_utc))
    created_before: datetime | None = field(default=None, validator=optional(aware_utc))
    newest_first: bool = True
    limit: int = field(default=MAX_PAGE, validator=integer(at_least=1, at_most=MAX_PAGE))
    offset: int = field(default=0, validator=integer(at_least=0))


@frozen(kw_only=True)
class ProgramQuery:
    """Which programs (REST: query of ``GET /programs``). Every condition that is set must hold.

    Attributes:
        name: Of exactly that name.
        search: With that text in their name or description, in any case.
        tags: With all of these.
        limit: The most items in the page, 1 to 200.
        offset: How many to leave out at the start; the order is by id.
    """

    name: str | None = None
    search: str | None = None
    tags: tuple[str, ...] = field(default=(), converter=texts)
    limit: int = field(default=MAX_PAGE, validator=integer(at_least=1, at_most=MAX_PAGE))
    offset: int = field(default=0, validator=integer(at_least=0))


@frozen(kw_only=True)
class Page(Generic[T]):
    """A part of an answer.

    Attributes:
        items: The items of this page.
        total: How many items match in all.
        offset: How many were left out at the start.
        limit: The most items that this page could have.
    """

    items: tuple[T, ...]
    total: int
    offset: int = 0
    limit: int = MAX_PAGE

    def __iter__(self) -> Iterator[T]:
        return iter(self.items)

    def __len__(self) -> int:
        return len(self.items)
