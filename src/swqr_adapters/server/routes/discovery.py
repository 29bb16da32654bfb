"""What clients ask before they ask for work: tokens, instances and plans."""

from typing import Any, Final

from aiohttp import web

from swqr_adapters.server.answers import json_answer
from swqr_adapters.server.call import Call
from swqr_adapters.server.problems import HttpProblem
from swqr_adapters.server.routing import Route
from swqr_core.errors import InstanceNotFoundError, InvalidInputError
from swqr_core.model.principal import Instance

from .account import account_of, plan_id

__all__ = ["CATALOG_ROUTES", "IAM_ROUTES", "RESOURCE_ROUTES", "SEARCH_ROUTES"]

_GRANT: Final = "urn:ibm:params:oauth:grant-type:apikey"
_SERVICE: Final = "quantum-computing"
_LONGEST_KEY: Final = 4096
_MOST_ITEMS: Final = 100
_REFUSED: Final = 1208


# --- IAM ---------------------------------------------------------------------------------------


async def token(call: Call) -> web.StreamResponse:
    """Exchange an API key for a token."""
    service = call.service
    form = await service.bodies.form(call.request)
    if form.get("grant_type") != _GRANT:
        return _iam_refusal(call, "BXNIM0109E", "Property missing or not valid: grant_type.")
    key = form.get("apikey", "")
    account = await service.provider.account(key) if 0 < len(key) <= _LONGEST_KEY else None
    if account is None:
        return _iam_refusal(call, "BXNIM0415E", "Provided API key could not be found.")
    paying = account_of(account.instances[0]) if account.instances else "local"
    return json_answer(
        service.admission.desk.issue(key, user=account.user, account=paying),
        headers={"Cache-Control": "no-store"},
    )


def _iam_refusal(call: Call, code: str, message: str) -> web.Response:
    return json_answer(
        {
            "errorCode": code,
            "errorMessage": message,
            "context": {"requestId": call.service.trace(), "requestType": "incoming.Identity_API"},
        },
        status=400,
    )


# --- Global Search and Global Catalog ----------------------------------------------------------


async def search(call: Call) -> web.StreamResponse:
    """List the instances that the sender can reach, in pages."""
    body = await call.service.bodies.document(call.request)
    query, cursor = body.get("query", ""), body.get("search_cursor") or "0"
    if not isinstance(query, str) or not isinstance(cursor, str):
        raise InvalidInputError("query", "must be text", _REFUSED)
    if not (cursor.isascii() and cursor.isdigit() and len(cursor) < 10):  # noqa: PLR2004 - no more instances
        raise InvalidInputError("search_cursor", "is none that this server gave out", _REFUSED)
    limit = call.query.number("limit", default=_MOST_ITEMS, at_least=1, at_most=_MOST_ITEMS)
    found = call.account.instances if not query or _SERVICE in query or query == "*" else ()
    page = found[int(cursor) : int(cursor) + limit]
    document: dict[str, Any] = {"items": [_search_item(one) for one in page], "limit": limit}
    if int(cursor) + limit < len(found):
        document["search_cursor"] = str(int(cursor) + limit)
    return json_answer(document)


def _search_item(instance: Instance) -> dict[str, Any]:
    return {
        "crn": instance.id,
        "name": instance.name,
        "service_name": _SERVICE,
        "service_plan_unique_id": plan_id(instance),
        "region": instance.region,
        "tags": list(instance.tags),
        "doc": {"extensions": {"swqr": {"plan": instance.plan}}, "state": "ACTIVE"},
    }


async def _find_plan(call: Call, wanted: str) -> Instance | None:
    """Return an instance with a plan of that id, whoever may reach it."""
    for account in await call.service.provider.accounts():
        for instance in account.instances:
            if plan_id(instance) == wanted:
                return instance
    return None


def _catalog_entry(instance: Instance) -> dict[str, Any]:
    """Return an instance's plan as the Global Catalog describes it."""
    name = instance.plan
    words = {"display_name": name.capitalize(), "description": name, "long_description": name}
    return {
        "id": plan_id(instance),
        "name": name,
        "kind": "plan",
        "active": True,
        "disabled": False,
        "overview_ui": {"en": words},
        "metadata": {"pricing": {"type": instance.pricing_type}},
        "tags": [],
    }


# --- Resource Controller -----------------------------------------------------------------------


async def resources(call: Call) -> web.StreamResponse:
    """List the instances that the sender can reach, perhaps those of one name or CRN."""
    name, guid = call.query.text("name", 500), call.query.text("guid", 500)
    found = [
        one
        for one in call.account.instances
        if (name is None or name in {one.name, one.id}) and (guid is None or guid == _guid(one))
    ]
    return json_answer(
        {"rows_count": len(found), "next_url": None, "resources": [_resource(i) for i in found]}
    )


async def resource(call: Call) -> web.StreamResponse:
    """Describe one instance, by CRN, by the id in it, or by name."""
    wanted = call.names[0]
    for one in call.account.instances:
        if wanted in {one.id, one.name, _guid(one)}:
            return json_answer(_resource(one))
    raise InstanceNotFoundError(wanted[:200], [one.name for one in call.account.instances])


def _guid(instance: Instance) -> str:
    fields = instance.id.split(":")
    return fields[7] if len(fields) > 7 else instance.id  # noqa: PLR2004 - the CRN's eighth field


def _resource(instance: Instance) -> dict[str, Any]:
    return {
        "id": instance.id,
        "crn": instance.id,
        "guid": _guid(instance),
        "name": instance.name,
        "account_id": account_of(instance),
        "region_id": instance.region,
        "resource_plan_id": plan_id(instance),
        "state": "active",
        "type": "service_instance",
    }


async def catalog(call: Call) -> web.StreamResponse:
    """Describe a plan."""
    found = await _find_plan(call, call.names[0])
    if found is None:
        raise HttpProblem(404, "there is no such plan in the catalogue", "Check the id.", code=1279)
    return json_answer(_catalog_entry(found))


IAM_ROUTES: Final = (Route("POST", "/identity/token", token, "public"),)
SEARCH_ROUTES: Final = (Route("POST", "/v3/resources/search", search, "account"),)
RESOURCE_ROUTES: Final = (
    Route("GET", "/v2/resource_instances", resources, "account"),
    Route("GET", "/v2/resource_instances/{id}", resource, "account"),
)
CATALOG_ROUTES: Final = (Route("GET", "/{plan}", catalog, "public"),)
