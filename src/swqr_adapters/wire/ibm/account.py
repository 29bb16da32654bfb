"""Who pays: instances, their usage, tokens, and how instances are discovered."""

from typing import Any, Final

from attrs import frozen

from swqr_core.model.ids import InstanceId
from swqr_core.model.principal import Instance
from swqr_core.model.usage import InstanceUsage

from .values import Document, Reader, reading, timestamp

__all__ = [
    "SEARCH_FIELDS",
    "SEARCH_QUERY",
    "FoundInstance",
    "Token",
    "instance_document",
    "parse_catalog",
    "parse_resources",
    "parse_search",
    "parse_token",
    "parse_usage",
    "region_of",
    "search_request",
    "usage_document",
]

SEARCH_QUERY: Final = "service_name:quantum-computing"
SEARCH_FIELDS: Final = ("crn", "service_plan_unique_id", "name", "doc", "tags")
_CRN_FIELDS: Final = 10
_REGION: Final = 5


def region_of(crn: str) -> str | None:
    """Return the region that a CRN names, or None if it is no CRN."""
    fields = crn.split(":")
    is_crn = len(fields) == _CRN_FIELDS and fields[0] == "crn"
    return fields[_REGION] or None if is_crn else None


def usage_document(usage: InstanceUsage) -> dict[str, Any]:
    """Return an instance's usage (REST: ``GET /instances/usage``).

    A limit that does not exist is left out: clients compute with one that is null.
    """
    document: dict[str, Any] = {
        "instance_id": usage.instance,
        "plan_id": usage.plan,
        "usage_consumed_seconds": usage.consumed_seconds,
    }
    if usage.period_start is not None and usage.period_end is not None:
        document["usage_period"] = {
            "start_time": timestamp(usage.period_start),
            "end_time": timestamp(usage.period_end),
        }
    if usage.limit_seconds is not None:
        document["usage_limit_seconds"] = usage.limit_seconds
        document["usage_limit_reached"] = usage.limit_reached
    if usage.allocation_seconds is not None:
        document["usage_allocation_seconds"] = usage.allocation_seconds
    return document


def instance_document(instance: Instance) -> dict[str, Any]:
    """Return an instance as the official client lists it."""
    return {
        "crn": instance.id,
        "plan": instance.plan,
        "name": instance.name,
        "tags": list(instance.tags),
        "pricing_type": instance.pricing_type,
        "region": instance.region,
    }


@reading
def parse_usage(document: object) -> InstanceUsage:
    """Read an instance's usage.

    Raises:
        ProtocolError: It has no instance, or a field has a wrong type.
    """
    read = Reader(document, "instance usage")
    period = Reader(read.object("usage_period"), "instance usage period")
    return InstanceUsage(
        instance=InstanceId(read.text("instance_id")),
        plan=read.text_or_none("plan_id") or "unknown",
        consumed_seconds=max(read.number("usage_consumed_seconds") or 0.0, 0.0),
        limit_seconds=read.number("usage_limit_seconds"),
        allocation_seconds=read.number("usage_allocation_seconds"),
        period_start=period.time("start_time"),
        period_end=period.time("end_time"),
    )


# --- tokens ------------------------------------------------------------------------------------


@frozen(kw_only=True, repr=False)
class Token:
    """An answer of ``POST /identity/token``. Its ``repr`` does not show the token.

    Attributes:
        access_token: The token itself, a secret.
        lifetime: Seconds from now for which it is good.
    """

    access_token: str
    lifetime: float

    def __repr__(self) -> str:
        return f"<Token for {self.lifetime:g} s>"


def parse_token(document: object, *, now: float) -> Token:
    """Read a token.

    Args:
        document: The answer.
        now: The time in seconds since the epoch, for answers that only tell when it expires.

    Raises:
        ProtocolError: There is no token in it.
    """
    # Nothing of the document may be shown, so complaints are made from a part of it.
    read = Reader(document, "IAM token")
    safe = {k: v for k, v in read.document.items() if k in {"expires_in", "expiration"}}
    times = Reader(safe, "IAM token")
    token = read.document.get("access_token")
    if not isinstance(token, str) or not token:
        times.text("access_token")
    lifetime, expiration = times.number("expires_in"), times.number("expiration")
    if lifetime is None:
        lifetime = 3600.0 if expiration is None else max(expiration - now, 0.0)
    return Token(access_token=str(token), lifetime=lifetime)


# --- discovery ---------------------------------------------------------------------------------


@frozen(kw_only=True)
class FoundInstance:
    """An instance as Global Search knows it.

    Attributes:
        crn: Its CRN.
        name: Its name.
        plan_id: The catalogue's id of its plan; empty if there is none.
        tags: The account's tags on it.
    """

    crn: str
    name: str
    plan_id: str = ""
    tags: tuple[str, ...] = ()


def search_request(cursor: str | None = None) -> Document:
    """Return the body of ``POST /v3/resources/search``."""
    body: dict[str, Any] = {"query": SEARCH_QUERY, "fields": list(SEARCH_FIELDS)}
    if cursor:
        body["search_cursor"] = cursor
    return body


def parse_search(document: object) -> tuple[tuple[FoundInstance, ...], str | None]:
    """Read a page of Global Search; return its instances and the cursor of the next page.

    Raises:
        ProtocolError: A field has a wrong type.
    """
    read = Reader(document, "resource search")
    found = []
    for item in read.items("items"):
        entry = Reader(item, "resource search item")
        # The official client leaves out what has no extensions: those are no usable instances.
        if not Reader(entry.object("doc"), "resource search item").document.get("extensions"):
            continue
        found.append(
            FoundInstance(
                crn=entry.text("crn"),
                name=entry.text_or_none("name") or "",
                plan_id=entry.text_or_none("service_plan_unique_id") or "",
                tags=entry.texts("tags"),
            )
        )
    return tuple(found), read.text_or_none("search_cursor") or None


def parse_catalog(document: object) -> tuple[str, str]:
    """Read a plan of the Global Catalog; return its name and pricing type, in lower case.

    Either is ``unknown`` where the catalogue does not tell.
    """
    plan = _dig(document, "overview_ui", "en", "display_name")
    pricing = _dig(document, "metadata", "pricing", "type")
    return plan.lower() or "unknown", pricing.lower() or "unknown"


def _dig(document: object, *path: str) -> str:
    for name in path:
        document = document.get(name) if isinstance(document, dict) else None
    return document if isinstance(document, str) else ""


def parse_resources(document: object) -> tuple[str, ...]:
    """Read an answer of the Resource Controller; return the CRNs in it.

    Raises:
        ProtocolError: It is no list of resources.
    """
    read = Reader(document, "resource list")
    return tuple(Reader(item, "resource").text("crn") for item in read.items("resources"))
