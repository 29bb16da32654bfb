"""The default engine, on aiohttp."""

import asyncio
import base64
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from typing import Final

import aiohttp
from yarl import URL

from swqr_core.errors import ClosedError, UnreachableError

from .encodings import ACCEPTED, BadEncodingError, unpacked
from .messages import AnswerLostError, Deadlines, HttpAnswer, Request, told
from .proxies import check_proxy
from .tls import ssl_context

__all__ = ["AiohttpEngine"]

_JOINED: Final = 65_536  # up to here one buffer is cheaper than several writes

_PROXIES: Final = frozenset({"http", "https"})

# What happens before a request leaves. All else may have happened after it.
_NOT_SENT: Final = (
    aiohttp.ClientConnectorError,
    aiohttp.ConnectionTimeoutError,
    aiohttp.ClientHttpProxyError,
    aiohttp.InvalidURL,
)


# ValueError is what a host or a header is that cannot be sent; a server may have named it.
_LOST: Final = (aiohttp.ClientError, BadEncodingError, TimeoutError, OSError, ValueError)


class AiohttpEngine:
    """Sends requests with aiohttp, over connections that are kept open.

    Its session is made at the first request, on the loop of that request.

    Args:
        name: Whose requests these are, for messages.
        proxy: The URL of a proxy for all requests, or None.
        trust_env: Whether the proxies of the environment are used (``HTTPS_PROXY``, ...).
        ca_file: Trusted certificates in PEM form, instead of the system's.
        max_connections: How many connections there may be at once.

    Raises:
        ConfigurationError: *proxy* cannot be one.
    """

    def __init__(
        self,
        *,
        name: str = "http",
        proxy: str | None = None,
        trust_env: bool = False,
        ca_file: str | None = None,
        max_connections: int = 100,
    ) -> None:
        self._name = name
        self._proxy, self._to_proxy = _apart(proxy)
        self._trust_env = trust_env
        self._ca_file = ca_file
        self._max_connections = max_connections
        self._session: aiohttp.ClientSession | None = None
        self._closed = False

    def __repr__(self) -> str:
        return f"<AiohttpEngine of {self._name!r}>"

    def _ready(self) -> aiohttp.ClientSession:
        if self._closed:
            raise ClosedError(f"the HTTP engine of {self._name!r}")
        if self._session is None:
            session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(
                    limit=self._max_connections, ssl=ssl_context(self._ca_file)
                ),
                cookie_jar=aiohttp.DummyCookieJar(),
                trust_env=self._trust_env,
                headers={"User-Agent": "swqr", "Accept-Encoding": ACCEPTED},
                auto_decompress=False,
            )
            # aiohttp would repeat a GET or DELETE by itself when a kept connection breaks, and
            # nobody would learn that the first one may have been done.
            session._retry_connection = False  # noqa: SLF001 - there is no public way
            self._session = session
        return self._session

    @asynccontextmanager
    async def send(self, request: Request) -> AsyncIterator[HttpAnswer]:
        """Send a request; see ``HttpEngine.send``."""
        session = self._ready()
        headers = request.wire_headers()
        body: bytes | AsyncIterator[bytes] | None = None
        if request.body:
            headers["Content-Length"] = str(request.size)
            body = b"".join(request.body) if request.size <= _JOINED else request.pieces()
        with self._told_apart(request):
            url = URL(request.url, encoded=True)
            tunnel = url.scheme == "https"  # the proxy sees nothing of such a request
            if not tunnel:
                headers.update(self._to_proxy)
            response = await session.request(
                request.method,
                url,
                headers=headers,
                data=body,
                allow_redirects=False,
                proxy=self._proxy,
                proxy_headers=self._to_proxy if tunnel else None,
                timeout=_timeout(request.deadlines),
            )
        try:
            yield _Answer(response, self, request)
        finally:
            response.release()

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
            if self._closed:  # aiohttp says so when the session goes away underneath
                raise ClosedError(f"the HTTP engine of {self._name!r}") from error
            raise

    async def aclose(self) -> None:
        """Close all connections; requests that are under way fail. Closing twice is fine."""
        self._closed = True
        session, self._session = self._session, None
        if session is not None:
            await session.close()
            await asyncio.sleep(0)  # what was closed gets to say so


class _Answer:
    """An answer of aiohttp."""

    def __init__(
        self, response: aiohttp.ClientResponse, engine: AiohttpEngine, request: Request
    ) -> None:
        self.status = response.status
        self.headers: Mapping[str, str] = {
            name.lower(): value for name, value in reversed([*response.headers.items()])
        }
        self._response = response
        self._engine = engine
        self._request = request

    async def chunks(self) -> AsyncIterator[bytes]:
        pieces = unpacked(self._packed(), self.headers.get("content-encoding", ""))
        while True:
            with self._engine._told_apart(self._request):  # noqa: SLF001 - one piece in two classes
                chunk = await anext(pieces, None)
            if chunk is None:
                return
            yield chunk

    async def _packed(self) -> AsyncIterator[bytes]:
        while chunk := await self._response.content.readany():
            yield chunk


def _apart(proxy: str | None) -> tuple[URL | None, dict[str, str]]:
    """Return a proxy's URL without its credentials, for errors show it, and headers with them."""
    if proxy is None:
        return None, {}
    url = URL(check_proxy(proxy, _PROXIES))
    if url.user is None and url.password is None:
        return url, {}
    word = base64.b64encode(f"{url.user or ''}:{url.password or ''}".encode()).decode()
    return url.with_user(None), {"Proxy-Authorization": f"Basic {word}"}


def _timeout(deadlines: Deadlines) -> aiohttp.ClientTimeout:
    return aiohttp.ClientTimeout(
        total=deadlines.total,
        connect=deadlines.connect,
        sock_connect=deadlines.connect,
        sock_read=deadlines.read,
    )
