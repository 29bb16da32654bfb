"""A server on a socket: what answers requests, and what keeps connections in bounds."""

import asyncio
from contextlib import suppress
from typing import Any, Final

from aiohttp import web

from swqr_adapters.wire.ibm.refusals import error_document

from .answers import json_answer
from .service import Service

__all__ = ["Server"]

_BACKLOG: Final = 1024
_MALFORMED: Final = 1208
_SERVER_ERROR: Final = 500
_MOST_FILES: Final = 65_536
_FILES_KEPT: Final = 128  # for workers, spilled blobs and the like


def _files() -> int:
    """Return how many files the process may have open, after asking for all it may get."""
    try:
        import resource
    except ImportError:  # Windows knows no such limit
        return _MOST_FILES
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _MOST_FILES if hard == resource.RLIM_INFINITY else min(hard, _MOST_FILES)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        with suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
            soft = wanted
    return _MOST_FILES if soft == resource.RLIM_INFINITY else soft


class _Connection(web.RequestHandler):
    """A connection whose errors are told in JSON, and never with a traceback."""

    __slots__ = ()

    def handle_error(
        self,
        request: web.BaseRequest,  # noqa: ARG002 - the base class gives it
        status: int = _SERVER_ERROR,
        exc: BaseException | None = None,
        message: str | None = None,  # noqa: ARG002 - it repeats what the sender sent
    ) -> web.StreamResponse:
        """Answer what could not be read, and close the connection."""
        if status >= _SERVER_ERROR:
            self.log_exception("a request failed", exc_info=exc)
            text, solution = "the server failed", "Look before sending it again."
        else:
            text = "the request is not HTTP, or one of its headers is too long"
            solution = "Correct the request line and headers."
        body = error_document(
            _MALFORMED if status < _SERVER_ERROR else 1000,
            text,
            solution=solution,
            trace="00000000-0000-0000-0000-000000000000",
        )
        response = json_answer(body, status=status)
        response.force_close()
        return response


class _Listener(web.Server):
    """Makes connections, so many and no more."""

    def __init__(self, service: Service, **options: Any) -> None:
        super().__init__(service.handle, **options)
        self._options = options
        # Without a free file the server could not even refuse.
        self._most = max(1, min(service.settings.max_connections, _files() - _FILES_KEPT))

    def __call__(self) -> web.RequestHandler:
        return _Connection(self, loop=asyncio.get_running_loop(), **self._options)

    def connection_made(self, handler: web.RequestHandler, transport: asyncio.Transport) -> None:
        super().connection_made(handler, transport)
        if len(self.connections) > self._most:
            transport.abort()


class Server:
    """Serves on a socket.

    Args:
        service: What answers.
        host: The address to listen at.
        port: The port; 0 for a free one.
    """

    def __init__(self, service: Service, *, host: str = "127.0.0.1", port: int = 8787) -> None:
        self.service = service
        self._host = host
        self._port = port
        self._runner: web.ServerRunner | None = None
        self.url = ""

    def __repr__(self) -> str:
        return f"<Server at {self.url or 'no address yet'}>"

    async def start(self) -> str:
        """Listen, and return the URL.

        Raises:
            OSError: The address cannot be used.
        """
        settings = self.service.settings
        listener = _Listener(
            self.service,
            keepalive_timeout=settings.idle_timeout,
            max_line_size=settings.max_header_bytes,
            max_field_size=settings.max_header_bytes,
            access_log=None,
        )
        self.service.meter.gauge(
            "swqr_http_connections", "Open connections.", lambda: len(listener.connections)
        )
        runner = web.ServerRunner(listener, handle_signals=False, shutdown_timeout=5.0)
        await runner.setup()
        try:
            await web.TCPSite(runner, self._host, self._port, backlog=_BACKLOG).start()
        except BaseException:
            await runner.cleanup()
            raise
        self._runner = runner
        address = runner.addresses[0]
        name = f"[{address[0]}]" if ":" in address[0] else address[0]
        self.url = f"http://{name}:{address[1]}"
        return self.url

    async def stop(self) -> None:
        """Take no more connections, let answers that are under way be finished, and close."""
        runner, self._runner = self._runner, None
        if runner is not None:
            await runner.cleanup()

    async def aclose(self) -> None:
        """Stop, and close what is behind the server. Closing twice is fine."""
        await self.stop()
        await self.service.provider.aclose()
