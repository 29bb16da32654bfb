"""The client: what is right for every request, whatever engine sends it."""

import ipaddress
import logging
import math
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Final
from urllib.parse import quote, urlencode, urljoin, urlsplit

from attrs import evolve

from swqr_core.errors import (
    ConfigurationError,
    PayloadTooLargeError,
    ProtocolError,
    SwqrError,
)
from swqr_core.ports.clock import Clock

from .messages import AnswerLostError, Deadlines, HttpAnswer, HttpEngine, Request, Response
from .retry import TOO_MANY, RetryPolicy, retry_after
from .secret import Secret

__all__ = ["Credentials", "HttpClient", "is_loopback", "with_query"]

logger = logging.getLogger(__name__)

Credentials = Callable[[], Awaitable[Mapping[str, Secret]]]
"""What gives the secret headers of an attempt."""

_REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})
_MAX_REDIRECTS: Final = 5
_DIGITS: Final = 20  # of the longest length that is believed
_BODY_LIMIT: Final = 64 * 2**20


class HttpClient:
    """Sends requests, again where that is right, and reads whole answers.

    * Credentials go to https or to this machine, and nowhere else unless *allow_plain_http*; a
      redirect to another origin does not take them along.
    * Only GET and HEAD follow redirects, and never from https to http.
    * Every answer has a limit of size.
    * Nothing secret is logged or stands in an error.

    Args:
        engine: What moves the bytes; the client closes it.
        clock: For pauses between attempts.
        name: Whose requests these are, for messages.
        retry: When a request is sent again.
        deadlines: How long one attempt may take, unless a request says otherwise.
        max_response_bytes: The largest answer, unless a request says otherwise.
        allow_plain_http: Whether credentials may go over unencrypted connections.
    """

    def __init__(
        self,
        engine: HttpEngine,
        *,
        clock: Clock,
        name: str = "http",
        retry: RetryPolicy | None = None,
        deadlines: Deadlines | None = None,
        max_response_bytes: int = _BODY_LIMIT,
        allow_plain_http: bool = False,
    ) -> None:
        self._engine = engine
        self._clock = clock
        self._name = name
        self._retry = retry or RetryPolicy()
        self._deadlines = deadlines or Deadlines()
        self._limit = max_response_bytes
        self._allow_plain_http = allow_plain_http
        self._dated: tuple[str, datetime] | None = None
        self._welcome_at = -math.inf

    def __repr__(self) -> str:
        return f"<HttpClient of {self._name!r} over {self._engine!r}>"

    @property
    def clock_skew(self) -> float | None:
        """Seconds by which this clock is ahead of the server's; None if no answer was dated.

        The server's date has whole seconds, and the answer took its time.
        """
        if self._dated is None:
            return None
        text, at = self._dated
        try:
            date = parsedate_to_datetime(text)
        except (ValueError, OverflowError):
            return None
        return (at - (date if date.tzinfo else date.replace(tzinfo=UTC))).total_seconds()

    @property
    def unwelcome_for(self) -> float:
        """Seconds for which the server still wants to be left alone, by its latest answer."""
        return max(self._welcome_at - self._clock.monotonic(), 0.0)

    async def aclose(self) -> None:
        """Close the engine; requests that are under way fail. Closing twice is fine."""
        await self._engine.aclose()

    async def request(  # noqa: PLR0913 - what a request may have
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        credentials: Mapping[str, Secret] | Credentials | None = None,
        body: tuple[bytes, ...] = (),
        secret_body: Secret | None = None,
        idempotent: bool | None = None,
        deadlines: Deadlines | None = None,
        max_bytes: int | None = None,
        undone: Callable[[Response], bool] | None = None,
    ) -> Response:
        """Send a request and return the whole answer, whatever its status.

        Args:
            method: For example ``GET``.
            url: Absolute, with its query.
            headers: What is public.
            credentials: Headers that are secret; or what gives them, which is asked before each
                attempt, for they may expire while a request is repeated.
            body: The body in pieces; they are sent as they are.
            secret_body: What the body holds that is secret too, if anything.
            idempotent: Whether it may be done twice; None for what the method says (all but POST
                and PATCH may).
            deadlines: How long each attempt may take.
            max_bytes: The largest answer.
            undone: Returns whether a failure of the server says that nothing was done.

        Raises:
            UnreachableError: The last attempt certainly did not leave, and no other one did.
            AnswerLostError: It left and no whole answer came.
            ProtocolError: Redirects that cannot be followed.
            PayloadTooLargeError: The answer is over the limit.
            ConfigurationError: Credentials would go over an unencrypted connection.
            ClosedError: The client was closed.
            and what *credentials* raises.
        """
        sent = Request(
            method=method,
            url=url,
            headers=headers or {},
            body=body,
            secrets=() if secret_body is None else (secret_body,),
            deadlines=deadlines or self._deadlines,
        )
        if idempotent is None:
            idempotent = method not in {"POST", "PATCH"}
        limit = self._limit if max_bytes is None else max_bytes
        lost: AnswerLostError | None = None
        attempt = 0
        while True:
            attempt += 1
            last = attempt >= self._retry.attempts
            pause = self._retry.delay(attempt)
            try:
                response = await self._once(await self._allowed(sent, credentials), limit)
            except AnswerLostError as error:
                logger.debug("%s: answer lost (%s), attempt %d", self._name, error, attempt)
                if last or not idempotent:
                    raise
                lost = error
            except SwqrError as error:
                if lost is not None:  # an earlier attempt may have been done
                    raise lost from error
                raise
            else:
                asked = self._asked(response)
                again = self._retry.repeats(response.status, idempotent=idempotent)
                if last or not again or (asked or 0.0) > self._retry.longest_delay:
                    return evolve(response, attempts=attempt, unsure=lost is not None)
                refused = response.status == TOO_MANY or (undone is not None and undone(response))
                if not refused:  # a failure may come after the work
                    lost = AnswerLostError(self._name, f"{method} answered {response.status}")
                pause = pause if asked is None else asked
            await self._clock.sleep(pause)

    @asynccontextmanager
    async def stream(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        credentials: Mapping[str, Secret] | None = None,
        deadlines: Deadlines | None = None,
    ) -> AsyncIterator[HttpAnswer]:
        """Send a request once; the context gives the answer, its body still on its way.

        Raises:
            What ``request`` raises, but for limits and redirects: the caller sees to those.
        """
        sent = Request(
            method=method,
            url=url,
            headers=headers or {},
            credentials=credentials or {},
            deadlines=deadlines or self._deadlines,
        )
        self._check_privacy(sent)
        async with self._engine.send(sent) as answer:
            yield answer

    async def _once(self, request: Request, limit: int) -> Response:
        secrets = request.all_secrets
        for _ in range(_MAX_REDIRECTS + 1):
            async with self._engine.send(request) as answer:
                logger.debug("%s: %s: %d", self._name, request.where, answer.status)
                target = answer.headers.get("location", "")
                if answer.status not in _REDIRECTS or not target:
                    body = await _read(answer, limit)
                    return Response(
                        status=answer.status, headers=answer.headers, body=body, secrets=secrets
                    )
            request = self._redirected(request, target)
        raise ProtocolError(self._name, f"{request.where}: too many redirects")

    def _redirected(self, request: Request, target: str) -> Request:
        try:
            url = urljoin(request.url, target)
            here, there = _origin(request.url), _origin(url)
        except ValueError:
            problem = f"{request.where}: redirected to what is no address"
            raise ProtocolError(self._name, problem) from None
        before, after = urlsplit(request.url), urlsplit(url)
        if request.method not in {"GET", "HEAD"}:
            raise ProtocolError(
                self._name,
                f"{request.where}: redirected to {after.netloc!r}, which is for GET alone",
            )
        if after.scheme not in {"https", before.scheme}:
            raise ProtocolError(self._name, f"{request.where}: redirected to {after.scheme!r}")
        if here == there:
            return evolve(request, url=url)
        return evolve(request, url=url, credentials={})

    def _asked(self, response: Response) -> float | None:
        """Return for how many seconds an answer asks to be left alone; this notes its date."""
        now = self._clock.now()
        if "date" in response.headers:
            self._dated = response.headers["date"], now
        asked = retry_after(response.headers, now)
        self._welcome_at = self._clock.monotonic() + (asked or 0.0)
        return asked

    async def _allowed(
        self,
        request: Request,
        credentials: Mapping[str, Secret] | Credentials | None,
    ) -> Request:
        """Return a request with its credentials, if they may go where it goes."""
        given = await credentials() if callable(credentials) else credentials
        request = evolve(request, credentials=given or {})
        self._check_privacy(request)
        return request

    def _check_privacy(self, request: Request) -> None:
        parts = urlsplit(request.url)
        if not request.all_secrets or parts.scheme == "https":
            return
        if not self._allow_plain_http and not is_loopback(parts.hostname or ""):
            raise ConfigurationError(
                self._name,
                f"credentials would go unencrypted to {parts.netloc!r}: use https, or allow "
                "plain http if the network is trusted",
            )


async def _read(answer: HttpAnswer, limit: int) -> bytes:
    told = answer.headers.get("content-length", "")
    if told.isascii() and told.isdigit() and len(told) <= _DIGITS and int(told) > limit:
        raise PayloadTooLargeError("response", int(told), limit)
    chunks: list[bytes] = []
    size = 0
    async for chunk in answer.chunks():
        size += len(chunk)
        if size > limit:
            raise PayloadTooLargeError("response", size, limit)
        chunks.append(chunk)
    return chunks[0] if len(chunks) == 1 else b"".join(chunks)


def _origin(url: str) -> tuple[str, str | None, int | None]:
    parts = urlsplit(url)
    return parts.scheme, parts.hostname, parts.port or {"http": 80, "https": 443}.get(parts.scheme)


def is_loopback(host: str) -> bool:
    """Return whether a host name can only mean this machine."""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def with_query(url: str, query: Iterable[tuple[str, str]]) -> str:
    """Return a URL with a query; everything in it is encoded, ``+`` included."""
    text = urlencode(list(query), quote_via=quote)
    return f"{url}?{text}" if text else url
