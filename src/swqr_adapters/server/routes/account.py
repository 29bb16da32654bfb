"""Instances, their usage, and accounts."""

import hashlib
import uuid
from typing import Any, Final

from aiohttp import web

from swqr_adapters.server.answers import json_answer
from swqr_adapters.server.call import Call
from swqr_adapters.server.routing import Route
from swqr_adapters.wire.ibm import usage_document
from swqr_core.errors import AccessDeniedError
from swqr_core.model.principal import Instance, Principal
from swqr_core.model.usage import InstanceUsage
from swqr_core.ports.transport import RuntimeTransport

__all__ = ["ROUTES", "account_of", "plan_id"]

_ACCOUNT: Final = 6


def account_of(instance: Instance) -> str:
    """Return the account that an instance's CRN names, without ``a/``; the user's if none."""
    fields = instance.id.split(":")
    return fields[_ACCOUNT].removeprefix("a/") if len(fields) > _ACCOUNT else "local"


def plan_id(instance: Instance) -> str:
    """Return the catalogue's id of an instance's plan; equal plans have equal ids."""
    words = f"{instance.plan}\0{instance.pricing_type}".encode()
    return str(uuid.UUID(bytes=hashlib.sha256(words).digest()[:16]))


async def usage(call: Call) -> web.StreamResponse:
    """Tell what the instance has used; a limit that does not exist is not there, never null.

    Official clients ask before each job. Where the platform behind tells no usage, they get no
    figures, which they take for no limit, and a client of ours is told why.
    """
    if not call.transport.capabilities.usage and not call.extended:
        return json_answer({"instance_id": call.instance.id, "plan_id": plan_id(call.instance)})
    return json_answer(usage_document(await call.transport.usage()))


async def _used(transport: RuntimeTransport, instance: Instance) -> InstanceUsage:
    """Return an instance's usage and its limits; none where the platform tells none."""
    if transport.capabilities.usage:
        return await transport.usage()
    return InstanceUsage(instance=instance.id, plan=instance.plan)


async def instance(call: Call) -> web.StreamResponse:
    """Describe the instance."""
    used = await _used(call.transport, call.instance)
    document: dict[str, Any] = {
        "backends": [backend.name for backend in await call.transport.backends()],
        "plan_id": plan_id(call.instance),
    }
    if used.limit_seconds is not None:
        document["instance_limit"] = used.limit_seconds
        document["instance_limit_seconds"] = f"{used.limit_seconds:g}"
    if used.allocation_seconds is not None:
        document["usage_allocation_seconds"] = f"{used.allocation_seconds:g}"
    return json_answer(document)


async def configuration(call: Call) -> web.StreamResponse:
    """Tell the instance's limit in seconds; nothing if it has none."""
    limit = (await _used(call.transport, call.instance)).limit_seconds
    return json_answer({} if limit is None else {"instance_limit": limit})


async def set_configuration(call: Call) -> web.StreamResponse:
    """Refuse: limits are set where the cloud is configured."""
    await call.service.bodies.document(call.request)
    raise AccessDeniedError(
        "change the instance's limit", "whoever runs the server sets it in its configuration"
    )


async def account(call: Call) -> web.StreamResponse:
    """Describe the plans of an account; one that nobody knows has the plan of the instance."""
    wanted, chosen = call.names[0].removeprefix("a/"), call.query.text("plan_id")
    known = [one for one in call.account.instances if account_of(one) == wanted]
    plans: dict[str, dict[str, Any]] = {}
    for one in known or [call.instance]:
        plan = plan_id(one)
        if chosen in {None, plan}:
            entry = plans.setdefault(plan, _plan(one))
            await _add(entry, call, one)
    return json_answer({"plans": list(plans.values())})


def _plan(instance: Instance) -> dict[str, Any]:
    return {
        "plan_id": plan_id(instance),
        "subscription_id": f"{account_of(instance)}.{instance.plan}",
        "subscription_name": instance.plan,
        "backends": [],
        "usage_allocation_seconds": 0.0,
        "functions": [],
    }


async def _add(plan: dict[str, Any], call: Call, instance: Instance) -> None:
    """Add to a plan what one of its instances may use."""
    principal = Principal(user=call.account.user, instance=instance.id)
    transport = await call.service.provider.transport(principal)
    names = {backend.name for backend in await transport.backends()}
    plan["backends"] = sorted(names | set(plan["backends"]))
    used = await _used(transport, instance)
    plan["usage_allocation_seconds"] += used.allocation_seconds or used.limit_seconds or 0.0
    if used.limit_seconds is not None:
        plan["usage_limit_seconds"] = plan.get("usage_limit_seconds", 0.0) + used.limit_seconds


ROUTES: Final = (
    Route("GET", "/instances/usage", usage),
    Route("GET", "/instance", instance),
    Route("GET", "/instances/configuration", configuration),
    Route("PUT", "/instances/configuration", set_configuration),
    Route("GET", "/accounts/{id}", account),
)
