"""The server as an aiohttp application, to run on its own or inside another."""

from aiohttp import web

from swqr_core.ports.clock import Clock
from swqr_core.ports.ids import IdFactory

from .audit import Audit
from .controls import Control
from .providers import TransportProvider
from .service import Service
from .settings import ServerSettings

__all__ = ["SERVICE", "make_app"]

SERVICE = web.AppKey("swqr_service", Service)
"""Where an application keeps what answers its requests."""


def make_app(
    provider: TransportProvider,
    settings: ServerSettings | None = None,
    *,
    clock: Clock | None = None,
    ids: IdFactory | None = None,
    control: Control | None = None,
    audit: Audit | None = None,
) -> web.Application:
    """Make an application that answers IBM's REST interface; it closes *provider* at its end.

    Limits on connections and headers are those of the runner: ``Server`` sets them.

    Args:
        provider: Who may ask, and over which transports.
        settings: The limits.
        clock: The time, for tokens; the system's if None.
        ids: Where keys and traces come from; random if None.
        control: What the control surface may do beyond looking.
        audit: What keeps who changed what; None for nothing.
    """
    service = Service(
        provider, settings or ServerSettings(), clock=clock, ids=ids, control=control, audit=audit
    )
    app = web.Application()
    app[SERVICE] = service
    app.router.add_route("*", "/{path:.*}", service.handle)

    async def close(_: web.Application) -> None:
        await provider.aclose()

    app.on_cleanup.append(close)
    return app
