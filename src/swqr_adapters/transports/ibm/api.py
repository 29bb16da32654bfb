"""Calls of one instance's REST interface: headers, credentials, and what an answer means."""

import json as json_module
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, Final
from urllib.parse import quote

from swqr_adapters.http import AnswerLostError, Deadlines, HttpClient, Response, Secret, with_query
from swqr_adapters.wire.ibm.extension import HEADER, VERSION
from swqr_core.errors import ClosedError, NotFoundError, OutcomeUnknownError, UnreachableError
from swqr_core.ports.clock import Clock

from .auth import Authenticator
from .refusals import NAME, Errand, refused

__all__ = ["API_VERSION", "Api", "segment"]

API_VERSION: Final = "2026-04-15"

_UNAUTHORIZED: Final = 401
_FIRST_ERROR: Final = 400


def segment(id: str, missing: type[NotFoundError]) -> str:
    """Return an id as one segment of a path.

    Raises:
        NotFoundError: No such thing can exist under that id.
    """
    if id in {"", ".", ".."}:  # these would name another resource
        raise missing(id)
    return quote(id, safe="")


class Api:
    """One instance's REST interface.

    Args:
        http: The client; ``aclose`` closes it.
        auth: Where credentials come from; likewise.
        url: The base URL, up to and with ``/api/v1``.
        instance: The instance's CRN; empty for calls that need none.
        clock: For dates.
        version: The date of the interface's version.
        extended: Whether to tell a server of ours that a client of ours asks.
    """

    def __init__(
        self,
        http: HttpClient,
        auth: Authenticator,
        *,
        url: str,
        instance: str,
        clock: Clock,
        version: str = API_VERSION,
        extended: bool = True,
    ) -> None:
        self.http = http
        self.auth = auth
        self.url = url
        self.instance = instance
        self.clock = clock
        self._headers = {
            "Accept": "application/json",
            "IBM-API-Version": version,
            "Service-CRN": instance,
            **({HEADER: VERSION} if extended else {}),
        }
        self._closed = False

    def __repr__(self) -> str:
        return f"<Api at {self.url}>"

    def check(self) -> None:
        """Raise ``ClosedError`` once it is closed."""
        if self._closed:
            raise ClosedError("the ibm transport")

    def stop(self) -> None:
        """Take no more calls."""
        self._closed = True

    async def aclose(self) -> None:
        """Give up what is under way, and close the client. Closing twice is fine."""
        self.stop()
        await self.auth.aclose()
        await self.http.aclose()

    async def call(  # noqa: PLR0913 - what a call may have
        self,
        method: str,
        path: str,
        errand: Errand,
        *,
        query: Iterable[tuple[str, str]] = (),
        json: Mapping[str, Any] | None = None,
        body: tuple[bytes, ...] = (),
        headers: Mapping[str, str] | None = None,
        idempotent: bool | None = None,
        deadlines: Deadlines | None = None,
        max_bytes: int | None = None,
        accept: Iterable[int] = (),
    ) -> Response:
        """Call the interface and return a good answer.

        Args:
            method: The method.
            path: The path below the base URL, ready encoded.
            errand: What it is for, for errors.
            query: The query.
            json: The body as an object.
            body: The body as pieces of JSON text instead.
            headers: Further headers.
            idempotent: Whether it may be done twice; None for what the method says.
            deadlines: How long each attempt may take.
            max_bytes: The largest answer.
            accept: Statuses from 400 on that the caller deals with.

        Raises:
            UnreachableError: A query was not answered, or nothing was sent.
            OutcomeUnknownError: A command was sent and not answered.
            and what an error answer means.
        """
        self.check()
        if json is not None:
            body = (json_module.dumps(json, separators=(",", ":")).encode(),)
        sent = {**self._headers, **(headers or {})}
        if body:
            sent["Content-Type"] = "application/json"
        try:
            response = await self._authorized(
                method,
                with_query(self.url + path, query),
                headers=sent,
                body=body,
                idempotent=idempotent,
                deadlines=deadlines,
                max_bytes=max_bytes,
            )
        except AnswerLostError as error:
            self.check()
            if errand.query:
                raise UnreachableError(NAME, f"{errand.action}: {error.problem}") from error
            raise OutcomeUnknownError(NAME, errand.action, errand.key) from error
        except (UnreachableError, OutcomeUnknownError):
            self.check()
            raise
        if response.status >= _FIRST_ERROR and response.status not in set(accept):
            raise refused(response, errand, self.clock)
        return response

    async def _authorized(self, method: str, url: str, **request: Any) -> Response:
        """Send a request; with new credentials once more if the first were refused."""
        value = await self.auth.authorization()
        response = await self._with(value, method, url, **request)
        # A 401 was not done, whatever it was, so a POST may follow too.
        if response.status == _UNAUTHORIZED and self.auth.renew(value):
            response = await self._with(await self.auth.authorization(), method, url, **request)
        return response

    async def _with(self, value: Secret, method: str, url: str, **request: Any) -> Response:
        return await self.http.request(method, url, credentials={"Authorization": value}, **request)

    def date_of(self, response: Response) -> datetime:
        """Return when the server answered, by its clock or else by ours."""
        try:
            return parsedate_to_datetime(response.headers.get("date", "")).astimezone(UTC)
        except ValueError:
            return self.clock.now()
