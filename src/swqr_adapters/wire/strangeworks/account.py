"""Who asks and where: tokens, the workspace of a key, and its resources."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

from attrs import field, frozen

from .values import Reader, reading

__all__ = [
    "CHANNELS",
    "PRODUCT_NAMES",
    "Resource",
    "Workspace",
    "parse_resource",
    "parse_token",
    "parse_workspace",
    "resource_node",
    "token_answer",
    "token_request",
    "workspace_node",
]

CHANNELS: Final[Mapping[str, str]] = MappingProxyType(
    {"ibm-qiskit-runtime": "ibm_cloud", "ibm-quantum": "ibm_quantum"}
)
"""The channel that jobs of a product name, by the product's slug."""

PRODUCT_NAMES: Final[Mapping[str, str]] = MappingProxyType(
    {"ibm-qiskit-runtime": "IBM Qiskit Runtime", "ibm-quantum": "IBM Quantum"}
)
"""What people call the products."""

_ACTIVE: Final = "ACTIVE"
_WORKSPACE: Final = frozenset({"id", "isDisabled", "name", "slug"})
_RESOURCE: Final = frozenset({"isDeleted", "product", "slug", "status"})


# --- tokens ------------------------------------------------------------------------------------


def token_request(key: str) -> dict[str, str]:
    """Return the body of ``POST /users/token``."""
    return {"key": key}


def token_answer(token: str) -> dict[str, str]:
    """Return the answer to it."""
    return {"accessToken": token}


def parse_token(document: object) -> str:
    """Read a token.

    Raises:
        ProtocolError: There is none.
    """
    # The whole document is a secret: a complaint must not show it.
    given = document.get("accessToken") if isinstance(document, Mapping) else None
    shown = {"accessToken": given if isinstance(given, str) and given else None}
    return Reader(shown, "token").text("accessToken")


# --- the workspace -----------------------------------------------------------------------------


@frozen(kw_only=True)
class Workspace:
    """What an API key opens (GraphQL: ``workspace``).

    Attributes:
        id: Its id.
        slug: Its name in addresses and settings.
        name: What people call it.
        disabled: Whether it takes no work.
        extra: Further fields.
    """

    id: str
    slug: str
    name: str = ""
    disabled: bool = False
    extra: Mapping[str, object] = field(factory=dict)


def workspace_node(workspace: Workspace) -> dict[str, Any]:
    """Return a workspace."""
    return {
        **workspace.extra,
        "id": workspace.id,
        "slug": workspace.slug,
        "isDisabled": workspace.disabled,
        "name": workspace.name,
    }


@reading
def parse_workspace(data: object) -> Workspace:
    """Read the ``data`` of a ``getWorkspace`` query.

    Raises:
        ProtocolError: There is no workspace with an id and a slug.
    """
    read = Reader(Reader(data, "answer").object("workspace"), "workspace")
    return Workspace(
        id=read.text("id"),
        slug=read.text("slug"),
        name=read.text_or_none("name") or "",
        disabled=read.flag("isDisabled"),
        extra=read.beyond(_WORKSPACE),
    )


# --- resources ---------------------------------------------------------------------------------


@frozen(kw_only=True)
class Resource:
    """An account with a product, in a workspace.

    Attributes:
        slug: Its name in addresses.
        product: The slug of the product.
        product_name: What people call the product.
        deleted: Whether it is gone.
        status: The platform's word for its state.
        extra: Further fields.
    """

    slug: str
    product: str
    product_name: str = ""
    deleted: bool = False
    status: str | None = _ACTIVE
    extra: Mapping[str, object] = field(factory=dict)

    @property
    def channel(self) -> str | None:
        """The channel that its jobs name; None if its product runs no such jobs."""
        return CHANNELS.get(self.product)


def resource_node(resource: Resource) -> dict[str, Any]:
    """Return a resource."""
    return {
        **resource.extra,
        "slug": resource.slug,
        "isDeleted": resource.deleted,
        "status": resource.status,
        "product": {"slug": resource.product, "name": resource.product_name},
    }


@reading
def parse_resource(node: object) -> Resource:
    """Read a resource.

    Raises:
        ProtocolError: It has no slug, or no product with one.
    """
    read = Reader(node, "resource")
    slug = read.text("slug")
    read.name = f"resource {slug!r}"
    product = Reader(read.object("product"), f"product of {read.name}")
    return Resource(
        slug=slug,
        product=product.text("slug"),
        product_name=product.text_or_none("name") or "",
        deleted=read.flag("isDeleted"),
        status=read.text_or_none("status"),
        extra=read.beyond(_RESOURCE),
    )
