"""What a transport of one's own may be built on."""

from collections.abc import Awaitable, Callable, Iterable
from typing import TypeVar

from swqr_core.engine.matching import conditions
from swqr_core.errors import ClosedError, UnsupportedOperation
from swqr_core.model.capabilities import Capabilities
from swqr_core.model.job import Job
from swqr_core.model.principal import Principal
from swqr_core.model.query import JobQuery, Page

from .delegation import Call, EveryCall

__all__ = ["TransportBase", "page_of_jobs"]

T = TypeVar("T")


class TransportBase(EveryCall):
    """A transport that can do nothing: subclass it, and override what your platform has.

    Every method of the port that is not overridden raises ``UnsupportedOperation``, or
    ``ClosedError`` once the transport is closed. Methods that the port gets later do so too.

    Attributes:
        capabilities: What the transport can do. Set this.
        principal: Whom it acts for. Set this if there are several users.
    """

    capabilities: Capabilities
    principal = Principal()
    _is_closed = False

    def __repr__(self) -> str:
        return f"<{type(self).__name__} of {self.principal.instance!r}>"

    def check_open(self) -> None:
        """Raise ``ClosedError`` if it is closed; call this first in each method."""
        if self._is_closed:
            raise ClosedError(f"the {self.capabilities.transport} transport")

    async def aclose(self) -> None:
        """Close it. Override this if there is something to release, or if somebody may wait."""
        self._is_closed = True

    async def _around(self, call: Call, act: Callable[[], Awaitable[T]]) -> T:  # noqa: ARG002
        self.check_open()
        raise UnsupportedOperation(self.capabilities.transport, call.method.replace("_", " "))


def page_of_jobs(jobs: Iterable[Job], query: JobQuery) -> Page[Job]:
    """Return the page that a query means of all these jobs; tags, dates and order included.

    Jobs do not know their keys: where a query names one, give only its job, or refuse the query.
    """
    wanted = list(conditions(query))
    found = [job for job in jobs if all(is_right(job) for is_right in wanted)]
    found.sort(key=lambda job: (job.created_at, job.id), reverse=query.newest_first)
    items = found[query.offset : query.offset + query.limit]
    return Page(items=tuple(items), total=len(found), offset=query.offset, limit=query.limit)
