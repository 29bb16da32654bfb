"""What the fields of the schema answer, over the port."""

import base64
import json
from collections.abc import Awaitable, Callable, Mapping
from functools import wraps
from typing import Any, Final, ParamSpec, TypeVar

from attrs import define, field
from graphql import GraphQLError

from swqr_adapters.server.call import Call
from swqr_adapters.wire import ibm
from swqr_adapters.wire import strangeworks as wire
from swqr_adapters.wire.ibm.extension import capabilities_member
from swqr_core.errors import (
    BackendNotFoundError,
    InvalidInputError,
    JobNotFoundError,
    NotFoundError,
)
from swqr_core.model.backend import Backend
from swqr_core.ports.transport import RuntimeTransport

from .job_files import job_record
from .job_pages import JobFilter, Placed, job_page
from .shelf import announced
from .workspaces import Holding, Space

__all__ = ["MOST_NODES", "Root"]

_REFUSED: Final = 1208
MOST_NODES: Final = 200
"""The most nodes that a page has, whoever asks."""

_DEFAULT_PAGE: Final = 50

Arguments = Mapping[str, Any]


P = ParamSpec("P")
T = TypeVar("T")


def _resolver(answer: Callable[P, Awaitable[T]]) -> Callable[P, Awaitable[T]]:
    """Wrap what goes wrong: the library reads fields of an error that may be of another meaning."""

    @wraps(answer)
    async def resolve(*args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return await answer(*args, **kwargs)
        except Exception as error:
            raise GraphQLError(str(error), original_error=error) from error

    return resolve


class WorkspaceNotFoundError(NotFoundError):
    """It is not this key's workspace."""

    noun = "workspace"


@define
class Root:
    """The root of one answer: each method answers the field of its name.

    Attributes:
        call: The request.
        space: Whose workspace it is about.
        most: The most nodes that a page may have.
        told: What clients of ours are told beyond the answer.
    """

    call: Call
    space: Space
    most: int = MOST_NODES
    told: dict[str, Any] = field(factory=dict)

    # --- queries -------------------------------------------------------------------------------

    @_resolver
    async def workspace(self, _: Any) -> Mapping[str, Any]:
        """Give the workspace of the key."""
        if self.call.extended:
            able = self.call.service.provider.capabilities
            self.told["capabilities"] = capabilities_member(able)
        return {
            **wire.workspace_node(self.space.workspace),
            "resources": self.resources,
            "jobs": self.jobs,
        }

    @_resolver
    async def resources(self, _: Any, pagination: Arguments | None = None) -> Mapping[str, Any]:
        """Give a page of resources."""
        first, after = _pagination(pagination, self.most)
        known = {_resource_cursor(h): h.resource for h in self.space.holdings}
        cursors = list(known)
        if after is not None and after not in known:
            raise InvalidInputError("after", "is no cursor that this server gave out", _REFUSED)
        begin = 0 if after is None else cursors.index(after) + 1
        chosen = cursors[begin : begin + first]
        page = wire.Connection(
            nodes=tuple(known[cursor] for cursor in chosen),
            cursors=tuple(chosen),
            more=begin + first < len(cursors),
        )
        return wire.connection_node(page, wire.resource_node)

    @_resolver
    async def jobs(self, _: Any, pagination: Arguments | None = None, **given: Any) -> Arguments:
        """Give a page of jobs."""
        first, after = _pagination(pagination, self.most)
        holdings = self.space.chosen(given.get("productSlugs"), given.get("resourceSlugs"))
        page = await job_page(
            [(holding, await self._transport(holding)) for holding in holdings],
            JobFilter(
                slug=given.get("jobSlug"),
                statuses=given.get("jobStatuses") or (),
                tags=given.get("jobTags") or (),
                key=given.get("swqrKey"),
            ),
            first=first,
            after=after,
        )
        if self.call.extended:
            told = self.told.setdefault("jobs", {})
            for placed in page.jobs:
                told[placed.job.id] = ibm.job_document(placed.job, extended=True)
        nodes: wire.Connection[Placed] = wire.Connection(
            nodes=page.jobs,
            cursors=tuple(placed.cursor for placed in page.jobs),
            more=page.more,
        )
        return wire.connection_node(nodes, self._job_node)

    def _job_node(self, placed: Placed) -> Mapping[str, Any]:
        logs = self.call.service.provider.capabilities.logs
        return wire.job_node(job_record(placed, self.call.url, logs=logs))

    @_resolver
    async def backends(
        self,
        _: Any,
        productSlugs: list[str] | None = None,  # noqa: N803 - the schema's names
        backendTypeSlugs: list[str] | None = None,  # noqa: N803
        backendStatuses: list[str] | None = None,  # noqa: N803
        backendTags: list[str] | None = None,  # noqa: N803
    ) -> list[Mapping[str, Any]]:
        """Give the backends of all instances, by name; mocks are not listed."""
        types = set(backendTypeSlugs or ())
        if backendTags or (types and types.isdisjoint({*wire.CHANNELS, *wire.CHANNELS.values()})):
            return []  # nothing here carries such a tag, or is of such a type
        products = list(productSlugs or ())
        if types and not types & set(wire.CHANNELS):
            named = [p for p, channel in wire.CHANNELS.items() if channel in types]
            products = [p for p in named if not products or p in products]
            if not products:
                return []
        found: dict[str, Backend] = {}
        for holding in self.space.chosen(products, None):
            for backend in await (await self._transport(holding)).backends():
                if not backend.is_mock:
                    found.setdefault(backend.name, backend)
        wanted = set(backendStatuses or ())
        chosen = [
            backend
            for _, backend in sorted(found.items())
            if not wanted or wire.BACKEND_STATUSES[backend.status] in wanted
        ]
        self._tell_backends(chosen)
        return [wire.backend_node(_backend_record(backend)) for backend in chosen]

    @_resolver
    async def backend(self, _: Any, slug: str) -> Mapping[str, Any]:
        """Give one backend with its configuration."""
        near: tuple[str, ...] = ()
        for holding in self.space.chosen(None, None):
            transport = await self._transport(holding)
            try:
                backend = await transport.backend(slug)
            except BackendNotFoundError as error:
                near = near or error.known
                continue
            data = json.loads(await transport.backend_configuration(slug))
            self._tell_backends([backend])
            return wire.backend_node(_backend_record(backend, data))
        raise BackendNotFoundError(slug, near)

    def _tell_backends(self, backends: list[Backend]) -> None:
        if self.call.extended:
            told = self.told.setdefault("backends", {})
            for backend in backends:
                told[backend.name] = ibm.backend_document(backend, extended=True)

    # --- mutations -----------------------------------------------------------------------------

    @_resolver
    async def jobAddTags(self, _: Any, input: Arguments) -> Mapping[str, Any]:  # noqa: N802 - the schema's name
        """Add tags to a job."""
        self._check_workspace(input["workspaceSlug"])
        slug = input["jobSlug"]
        for holding in self.space.chosen(None, None):
            transport = await self._transport(holding)
            try:
                job = await transport.job(slug)
            except NotFoundError:
                continue
            tags = tuple(dict.fromkeys((*job.spec.tags, *input["tags"])))
            if tags != job.spec.tags:
                await transport.set_tags(slug, tags)
            return {"tags": wire.tag_nodes(tags)}
        raise JobNotFoundError(slug)

    @_resolver
    async def workspaceUploadFile(self, _: Any, input: Arguments) -> Mapping[str, Any]:  # noqa: N802 - the schema's name
        """Announce a file of the workspace."""
        self._check_workspace(input["workspaceSlug"])
        shelf = self.call.service.platform.shelf
        slug, signed = shelf.announce(self.space.workspace.id, announced(input))
        upload = wire.FileUpload(
            signed_url=self.call.url(f"/files/uploads/{slug}?{signed}"),
            file=shelf.record(slug, self.call.url(f"/files/workspace/{slug}")),
        )
        return wire.upload_answer(upload)

    def _check_workspace(self, slug: str) -> None:
        own = self.space.workspace.slug
        if slug.lower() != own:
            raise WorkspaceNotFoundError(slug, [own])

    async def _transport(self, holding: Holding) -> RuntimeTransport:
        return await self.space.transport(self.call.service.provider, holding)


def _pagination(given: Arguments | None, most: int) -> tuple[int, str | None]:
    """Return how many nodes are wanted behind which cursor."""
    first, after = (given or {}).get("first"), (given or {}).get("after")
    if first is None:
        first = _DEFAULT_PAGE
    if first < 1:
        raise InvalidInputError("first", f"must be at least 1, not {first}", _REFUSED)
    return min(first, most), after or None


def _resource_cursor(holding: Holding) -> str:
    return base64.urlsafe_b64encode(holding.resource.slug.encode()).decode().rstrip("=")


def _backend_record(backend: Backend, data: Any = None) -> wire.BackendRecord:
    return wire.BackendRecord(
        slug=backend.name,
        name=backend.name,
        id=backend.name,
        remote_id=backend.name,
        status=wire.BACKEND_STATUSES[backend.status],
        data=data,
    )
