"""Which instances an API key reaches: Global Search, Global Catalog, Resource Controller."""

import asyncio
from collections.abc import Sequence
from typing import Final

from swqr_adapters.http import HttpClient
from swqr_adapters.remote.auth import Authenticator
from swqr_adapters.remote.errands import Errand
from swqr_adapters.wire.ibm import (
    FoundInstance,
    load,
    parse_catalog,
    parse_resources,
    parse_search,
    region_of,
    search_request,
)
from swqr_core.errors import InstanceNotFoundError, SwqrError
from swqr_core.model.ids import InstanceId
from swqr_core.model.principal import Instance
from swqr_core.ports.clock import Clock

from .api import Api
from .urls import Addresses

__all__ = ["Discovery", "is_crn", "sort_instances"]

_FREE: Final = ("free", "trial")
_FAR_TOO_MANY: Final = 100


def is_crn(text: str) -> bool:
    """Return whether a text is a CRN rather than a name."""
    return text.startswith("crn:")


def sort_instances(instances: Sequence[Instance]) -> tuple[Instance, ...]:
    """Return instances as the official client tries them: those that cost nothing first."""
    return tuple(sorted(instances, key=lambda found: found.pricing_type not in _FREE))


class Discovery:
    """Finds instances.

    Args:
        http: The client.
        auth: Credentials of the account.
        addresses: Where the services are.
        clock: For dates.
    """

    def __init__(
        self, http: HttpClient, auth: Authenticator, *, addresses: Addresses, clock: Clock
    ) -> None:
        self._search = Api(http, auth, url=addresses.search, instance="", clock=clock)
        self._catalog = Api(http, auth, url=addresses.catalog, instance="", clock=clock)
        self._controller = Api(http, auth, url=addresses.controller, instance="", clock=clock)

    async def instances(self) -> tuple[Instance, ...]:
        """Return every instance that the account reaches, those that cost nothing first.

        Raises:
            UnreachableError: Global Search does not answer.
            AccessDeniedError: The credentials were not accepted.
        """
        found: list[FoundInstance] = []
        cursor: str | None = None
        for _ in range(_FAR_TOO_MANY):
            response = await self._search.call(
                "POST",
                "/v3/resources/search",
                Errand(action="search instances"),
                query=[("limit", "100")],
                json=search_request(cursor),
                idempotent=True,
            )
            page, cursor = parse_search(load(response.body, "resource search"))
            found += page
            if cursor is None:
                break
        plans = sorted({entry.plan_id for entry in found if entry.plan_id})
        told = dict(zip(plans, await asyncio.gather(*map(self._plan, plans)), strict=True))
        return sort_instances(
            [
                Instance(
                    id=InstanceId(entry.crn),
                    name=entry.name,
                    plan=told.get(entry.plan_id, _UNKNOWN)[0],
                    pricing_type=told.get(entry.plan_id, _UNKNOWN)[1],
                    region=region_of(entry.crn) or "unknown",
                    tags=entry.tags,
                )
                for entry in found
            ]
        )

    async def _plan(self, plan_id: str) -> tuple[str, str]:
        """Return a plan's name and pricing; unknown if the catalogue fails, as officially."""
        try:
            response = await self._catalog.call(
                "GET", f"/api/v1/{plan_id}", Errand(action="read the catalogue")
            )
            return parse_catalog(load(response.body, "catalogue"))
        except SwqrError:
            return _UNKNOWN

    async def resolve(self, name: str) -> str:
        """Return the CRN of the instance of that name, as the Resource Controller knows it.

        Raises:
            InstanceNotFoundError: There is none.
        """
        response = await self._controller.call(
            "GET",
            "/v2/resource_instances",
            Errand(action="look an instance up", instance=name),
            query=[("name", name)],
        )
        crns = [
            crn
            for crn in parse_resources(load(response.body, "resource list"))
            if ":quantum-computing:" in crn
        ]
        if not crns:
            raise InstanceNotFoundError(name)
        return crns[0]


_UNKNOWN: Final = ("unknown", "unknown")
