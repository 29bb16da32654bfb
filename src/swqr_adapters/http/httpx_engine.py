"""The engine for those who bring their own httpx client: proxies, in-process applications."""

import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from typing import Final

import httpx

from swqr_core.errors import ClosedError, ConfigurationError, UnreachableError

from .encodings import ACCEPTED, BadEncodingError, unpacked
from .messages import AnswerLostError, Deadlines, HttpAnswer, Request, told
from .proxies import check_proxy
from .tls import ssl_context

__all__ = ["HttpxEngine"]

_PROXIES: Final = frozenset({"http", "https", "socks5", "socks5h"})

# What happens before a request leaves. All else may have happened after it.
_NOT_SENT: Final = (
    httpx.ConnectError,
    httpx.ConnectTimeout,
    httpx.InvalidURL,
    httpx.PoolTimeout,
    httpx.ProxyError,
    httpx.UnsupportedProtocol,
)


# ValueError is what a host or a header is that cannot be sent; a server may have named it.
_LOST: Final = (httpx.HTTPError, httpx.StreamError, BadEncodingError, OSError, ValueError)


class HttpxEngine:
    """Sends requests with httpx.

    Args:
        client: The client to use; whoever made it closes it. None for one of the engine's own,
            for which the other arguments are.
        name: Whose requests these are, for messages.
        proxy: The URL of a proxy for all requests, or None.
        trust_env: Whether the proxies of the environment are used.
        ca_file: Trusted certificates in PEM form, instead of the system's.
        max_connections: How many connections there may be at once.

    Raises:
        ConfigurationError: *proxy* cannot be one.
    """

    def __init__(
        self,
        client: httpx.AsyncClient | None = None,
        *,
        name: str = "http",
        proxy: str | None = None,
        trust_env: bool = False,
        ca_file: str | None = None,
        max_connections: int = 100,
    ) -> None:
        self._client = client
        self._owns = client is None
        self._name = name
        self._proxy = None if proxy is None else check_proxy(proxy, _PROXIES)
        self._trust_env = trust_env
        self._ca_file = ca_file
        self._max_connections = max_connections
        self._closed = False

    def __repr__(self) -> str:
        return f"<HttpxEngine of {self._name!r}>"

    def _ready(self) -> httpx.AsyncClient:
        if self._closed:
            raise ClosedError(f"the HTTP engine of {self._name!r}")
        if self._client is None:
            try:
                self._client = httpx.AsyncClient(
                    verify=ssl_context(self._ca_file),
                    proxy=self._proxy,
                    trust_env=self._trust_env,
                    limits=httpx.Limits(max_connections=self._max_connections),
                    headers={"User-Agent": "swqr", "Accept-Encoding": ACCEPTED},
                )
            except ImportError as error:
                raise ConfigurationError("proxy", f"cannot be used: {error}") from error
        return self._client

    @asynccontextmanager
    async def send(self, request: Request) -> AsyncIterator[HttpAnswer]:
        """Send a request; see ``HttpEngine.send``."""
        client = self._ready()
        headers = request.wire_headers()
        if request.body:
            headers["Content-Length"] = str(request.size)
        with self._told_apart(request):
            built = client.build_request(
                request.method,
                request.url,
                headers=headers,
                content=request.pieces() if request.body else None,
                timeout=_timeout(request.deadlines),
            )
        total = asyncio.timeout(request.deadlines.total)
        async with _expiring(total, self._name, request):
            with self._told_apart(request):
                response = await client.send(built, stream=True, follow_redirects=False)
            try:
                yield _Answer(response, self, request)
            finally:
                await response.aclose()

    @contextmanager
    def _told_apart(self, request: Request) -> Iterator[None]:
        """Say in our errors whether the request had left."""
        try:
            yield
        except _NOT_SENT as error:
            problem, cause = told(error, request)
            raise UnreachableError(self._name, problem) from cause
        except _LOST as error:
            problem, cause = told(error, request)
            raise AnswerLostError(self._name, problem) from cause
        except RuntimeError as error:
            if self._closed:  # httpx says so when the client goes away underneath
                raise ClosedError(f"the HTTP engine of {self._name!r}") from error
            raise

    async def aclose(self) -> None:
        """Close the client if it is the engine's own. Closing twice is fine."""
        self._closed = True
        client, self._client = self._client, None
        if client is not None and self._owns:
            await client.aclose()


@asynccontextmanager
async def _expiring(total: asyncio.Timeout, name: str, request: Request) -> AsyncIterator[None]:
    """Hold a block to the total deadline, which httpx does not know."""
    try:
        async with total:
            yield
    except TimeoutError as error:
        if not total.expired():
            raise
        raise AnswerLostError(name, f"{request.where}: not done in time") from error


class _Answer:
    """An answer of httpx."""

    def __init__(self, response: httpx.Response, engine: HttpxEngine, request: Request) -> None:
        self.status = response.status_code
        self.headers: Mapping[str, str] = {
            name.lower(): value for name, value in reversed(response.headers.multi_items())
        }
        self._response = response
        self._engine = engine
        self._request = request

    async def chunks(self) -> AsyncIterator[bytes]:
        pieces = self._response.aiter_bytes()  # of what a client brought along has read already
        if not self._response.is_stream_consumed:
            encoding = self.headers.get("content-encoding", "")
            pieces = unpacked(self._response.aiter_raw(), encoding)
        while True:
            with self._engine._told_apart(self._request):  # noqa: SLF001 - one piece in two classes
                chunk = await anext(pieces, None)
            if chunk is None:
                return
            yield chunk


def _timeout(deadlines: Deadlines) -> httpx.Timeout:
    return httpx.Timeout(deadlines.read, connect=deadlines.connect, pool=deadlines.connect)
