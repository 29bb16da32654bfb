"""Workspaces: what an API key opens, seen as the platform sees it.

Each instance of the account is two resources, one of each product that runs these jobs. What a
client does through either happens in that instance.
"""

import hashlib
import re
from typing import Final

from attrs import field, frozen

from swqr_adapters.server.providers import Account, TransportProvider
from swqr_adapters.wire.strangeworks import CHANNELS, PRODUCT_NAMES, Resource, Workspace
from swqr_core.errors import NotFoundError
from swqr_core.model.principal import Instance, Principal
from swqr_core.ports.transport import RuntimeTransport

__all__ = ["Holding", "ResourceNotFoundError", "Space", "space_of"]

_MAIN: Final = "ibm-qiskit-runtime"
_NO_LETTER: Final = re.compile(r"[^a-z0-9]+")
_LONGEST: Final = 40
_SHOWN: Final = 6


class ResourceNotFoundError(NotFoundError):
    """No resource of that product and slug in this workspace."""

    noun = "resource"


@frozen
class Holding:
    """A resource, and the instance that it stands for."""

    resource: Resource
    instance: Instance

    @property
    def channel(self) -> str:
        """The channel that its jobs name."""
        return CHANNELS[self.resource.product]


@frozen
class Space:
    """A workspace with everything that it holds.

    Attributes:
        workspace: The workspace.
        user: Whose it is.
        holdings: Its resources.
    """

    workspace: Workspace
    user: str
    holdings: tuple[Holding, ...] = field(repr=False)

    def find(self, product: str, resource: str) -> Holding:
        """Return a resource.

        Raises:
            ResourceNotFoundError: There is none of that slug and product here.
        """
        for holding in self.holdings:
            if (holding.resource.product, holding.resource.slug) == (product, resource):
                return holding
        known = [f"{h.resource.product}/{h.resource.slug}" for h in self.holdings]
        raise ResourceNotFoundError(f"{product}/{resource}", known[:_SHOWN])

    def named(self, slug: str) -> Holding:
        """Return the resource of a slug, whatever its product.

        Raises:
            ResourceNotFoundError: There is none here.
        """
        for holding in self.holdings:
            if holding.resource.slug == slug:
                return holding
        raise ResourceNotFoundError(slug)

    def chosen(self, products: list[str] | None, resources: list[str] | None) -> list[Holding]:
        """Return one resource for each instance: of those that are named, or the main one."""
        found: dict[str, Holding] = {}
        for holding in self.holdings:
            resource = holding.resource
            if (not products or resource.product in products) and (
                not resources or resource.slug in resources
            ):
                found.setdefault(holding.instance.id, holding)
        return list(found.values())

    async def transport(self, provider: TransportProvider, holding: Holding) -> RuntimeTransport:
        """Return what does the work of a resource."""
        return await provider.transport(Principal(user=self.user, instance=holding.instance.id))


def space_of(account: Account) -> Space:
    """Return the workspace of an account; its slugs are the same for ever."""
    instances = "\n".join(instance.id for instance in account.instances)
    workspace = Workspace(
        id=_digest(f"{account.user}\n{instances}", 16),
        slug=_slug(account.user),
        name=account.user,
    )
    holdings = [
        Holding(
            Resource(
                slug=_resource_slug(instance, product),
                product=product,
                product_name=PRODUCT_NAMES[product],
            ),
            instance,
        )
        for product in sorted(CHANNELS, key=lambda slug: slug != _MAIN)
        for instance in account.instances
    ]
    return Space(workspace, account.user, tuple(holdings))


def _resource_slug(instance: Instance, product: str) -> str:
    ending = "" if product == _MAIN else "-quantum"
    return f"{_plain(instance.name) or 'instance'}-{_digest(instance.id, 6)}{ending}"


def _slug(text: str) -> str:
    """Return a word for settings and addresses, another one for each text."""
    plain = _plain(text)
    return plain if plain == text else f"{plain or 'user'}-{_digest(text, 6)}"


def _plain(text: str) -> str:
    return _NO_LETTER.sub("-", text.lower()).strip("-")[:_LONGEST]


def _digest(text: str, length: int) -> str:
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()[:length]
