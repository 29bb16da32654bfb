"""Which workspace, and which of its resources."""

from collections.abc import Mapping, Sequence
from typing import Final

from attrs import frozen

from swqr_adapters.remote.errands import Errand
from swqr_adapters.wire.strangeworks import (
    CHANNELS,
    GET_RESOURCES,
    GET_WORKSPACE,
    Resource,
    Workspace,
    parse_resource,
    parse_workspace,
)
from swqr_adapters.wire.values import Document
from swqr_core.errors import AccessDeniedError, ConfigurationError, InstanceNotFoundError
from swqr_core.model.ids import InstanceId
from swqr_core.model.principal import Instance

from .api import Api
from .pages import read_pages

__all__ = ["PRODUCTS", "SOURCE", "Home", "as_instances", "choose", "find_home", "list_resources"]

SOURCE: Final = "strangeworks transport"
PRODUCTS: Final[Mapping[str, str]] = {channel: product for product, channel in CHANNELS.items()}
"""The product whose jobs name a channel."""


@frozen(kw_only=True)
class Home:
    """Where an API key leads.

    Attributes:
        workspace: The workspace.
        told: What a server of ours tells of itself; empty elsewhere.
    """

    workspace: Workspace
    told: Document


async def find_home(api: Api) -> Home:
    """Return the workspace of the API key.

    Raises:
        AccessDeniedError: The workspace takes no work.
        and what ``Api.query`` raises.
    """
    answer = await api.query(GET_WORKSPACE, Errand(action="read the workspace"), variables={})
    workspace = parse_workspace(answer.data)
    if workspace.disabled:
        raise AccessDeniedError("use the workspace", f"{workspace.slug!r} is disabled there")
    return Home(workspace=workspace, told=answer.documents("capabilities"))


async def list_resources(api: Api) -> tuple[Resource, ...]:
    """Return all resources of the workspace, deleted ones too."""
    found: list[Resource] = []
    pages = read_pages(
        api,
        GET_RESOURCES,
        "resources",
        parse_resource,
        lambda resource: resource.slug,
        errand=Errand(action="list the resources"),
        variables={},
    )
    async for page, _ in pages:
        found += page
    return tuple(found)


def choose(
    resources: Sequence[Resource],
    *,
    wanted: str | None,
    product: str | None,
    usual: Mapping[str, str],
) -> Resource:
    """Return the resource to use.

    Args:
        resources: All there are.
        wanted: The slug of a resource, or of a product; None to choose.
        product: The slug of the product that it must be of.
        usual: The resource that the user has chosen for each product.

    Raises:
        InstanceNotFoundError: There is none of that slug.
        ConfigurationError: It cannot be used, or several would do.
    """
    alive = [r for r in resources if not r.deleted]
    if wanted is not None:
        named = [r for r in resources if r.slug == wanted]
        if named:
            return _usable(next((r for r in named if not r.deleted), named[0]), product, alive)
        if wanted not in CHANNELS:
            raise InstanceNotFoundError(wanted, _slugs(alive))
        if product not in {None, wanted}:
            raise ConfigurationError(SOURCE, f"the product is {wanted!r} and {product!r}: say one")
        product = wanted
    for kind in [product] if product is not None else CHANNELS:
        fitting = [r for r in alive if r.product == kind]
        mine = [r for r in fitting if r.slug == usual.get(str(kind))]
        if len(mine or fitting) == 1:
            return (mine or fitting)[0]
        if fitting:
            raise ConfigurationError(
                SOURCE,
                f"several resources are of product {kind!r}: name one of "
                f"{', '.join(_slugs(fitting))}, as in 'strangeworks://{fitting[0].slug}'",
            )
    what = "runs Qiskit Runtime jobs" if product is None else f"is of product {product!r}"
    raise ConfigurationError(
        SOURCE,
        f"no resource of the workspace {what}: add one there; it has "
        f"{', '.join(f'{r.slug} ({r.product})' for r in alive) or 'none'}",
    )


def _usable(resource: Resource, product: str | None, alive: list[Resource]) -> Resource:
    slug = resource.slug
    if resource.deleted:
        others = ", ".join(_slugs(alive)) or "none"
        raise ConfigurationError(
            SOURCE, f"the resource {slug!r} was deleted: choose another; there is {others}"
        )
    if product is not None and resource.product != product:
        raise ConfigurationError(
            SOURCE, f"the resource {slug!r} is of product {resource.product!r}, not {product!r}"
        )
    if resource.channel is None:
        fitting = ", ".join(_slugs([r for r in alive if r.channel is not None])) or "none"
        raise ConfigurationError(
            SOURCE,
            f"the resource {slug!r} is of product {resource.product!r}, which runs no Qiskit "
            f"Runtime jobs: choose another; there is {fitting}",
        )
    return resource


def as_instances(resources: Sequence[Resource]) -> tuple[Instance, ...]:
    """Return the resources that take jobs, as instances."""
    return tuple(
        Instance(
            id=InstanceId(resource.slug),
            name=resource.slug,
            plan=resource.product,
            region="unknown",
        )
        for resource in resources
        if not resource.deleted and resource.channel is not None
    )


def _slugs(resources: Sequence[Resource]) -> list[str]:
    return sorted(resource.slug for resource in resources)
