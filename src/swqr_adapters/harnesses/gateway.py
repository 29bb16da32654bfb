"""A server with another server behind it."""

from swqr_core.model.principal import Principal
from swqr_core.ports.transport import RuntimeTransport
from swqr_core.testing.harness import Seat

from .ibm import IbmHarness

__all__ = ["GatewayHarness"]


class GatewayHarness(IbmHarness):
    """Our client, our server, our client again, and a second server before the in-memory cloud.

    Attributes:
        server: What clients talk to, from ``start`` on.
        far_server: What it talks to.
    """

    async def start(self) -> None:
        """Make the cloud, a server before it, and another one before that."""
        await super().start()
        self.far_server = self.server
        first = await self._onward(self.seats[Seat.OWNER])
        self.server = self._serve(first.capabilities, self._onward)
        await first.aclose()
        await self.server.start()

    async def stop(self) -> None:
        """Stop the first server, then the second one and the cloud."""
        await self.server.aclose()
        self.server = self.far_server
        await super().stop()

    async def _onward(self, principal: Principal) -> RuntimeTransport:
        """Return the way from the first server to the second one, on which nothing goes wrong."""
        seat = next(seat for seat, one in self.seats.items() if one.instance == principal.instance)
        return await self._client(self.far_server, seat)
