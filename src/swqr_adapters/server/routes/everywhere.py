"""All that a server has, whoever it belongs to: for whoever runs it."""

from collections.abc import AsyncIterator

from swqr_adapters.server.call import Call
from swqr_core.model.principal import Principal
from swqr_core.ports.transport import RuntimeTransport

__all__ = ["everywhere"]


async def everywhere(call: Call) -> AsyncIterator[RuntimeTransport]:
    """Yield a transport for every instance."""
    seen = set()
    for account in await call.service.provider.accounts():
        for instance in account.instances:
            if instance.id not in seen:
                seen.add(instance.id)
                principal = Principal(user=account.user, instance=instance.id)
                yield await call.service.provider.transport(principal)
