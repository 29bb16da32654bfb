"""The SDK's own records, where the work goes to Strangeworks."""

from typing import Any

from swqr_adapters.facade.errors import official_errors
from swqr_core.errors import UnsupportedOperation
from swqr_core.runtime.asynchronous import AsyncRuntime
from swqr_core.runtime.blocking import Runtime
from swqr_core.wrappers import TransportWrapper

__all__ = ["ask_for_record"]


def ask_for_record(runtime: Runtime, method: str, *arguments: str) -> Any:
    """Return what a method of the transport gives that is beyond the port.

    Args:
        runtime: The runtime over the transport, or over wrappers of it.
        method: The method's name.
        *arguments: Its arguments.

    Raises:
        IBMRuntimeError: The transport is not the one of Strangeworks, or the platform cannot be
            asked.
        RuntimeJobNotFound: There is no such job.
    """

    async def ask(asynchronous: AsyncRuntime) -> Any:
        transport = asynchronous.transport
        while isinstance(transport, TransportWrapper):
            transport = transport.inner
        given = getattr(transport, method, None)
        if given is None:
            name = transport.capabilities.transport
            raise UnsupportedOperation(name, "records of the Strangeworks SDK")
        return await given(*arguments)

    with official_errors():
        return runtime.run(ask)
