"""Calls to a platform: credentials, what a lost answer means, and what a refusal does."""

import json as json_module
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, Final
from urllib.parse import quote

from attrs import evolve

from swqr_adapters.http import AnswerLostError, Deadlines, HttpClient, Response, Secret
from swqr_core.errors import (
    ClosedError,
    NotFoundError,
    OutcomeUnknownError,
    PayloadTooLargeError,
    SwqrError,
    UnreachableError,
)
from swqr_core.ports.clock import Clock

from .auth import Authenticator
from .errands import Errand

__all__ = ["Caller", "Refused", "compact", "segment"]

Refused = Callable[[Response, Errand, Clock], SwqrError]
"""What an error answer means."""

_UNAUTHORIZED: Final = 401
_NOT_LOOKED_AT: Final = frozenset({_UNAUTHORIZED, 403, 429})
_SERVER_FAILED: Final = 500


def segment(id: str, missing: type[NotFoundError]) -> str:
    """Return an id as one segment of a path.

    Raises:
        NotFoundError: No such thing can exist under that id.
    """
    if id in {"", ".", ".."}:  # these would name another resource
        raise missing(id)
    return quote(id, safe="")


def compact(document: Mapping[str, Any]) -> tuple[bytes]:
    """Return a document as the body of a request."""
    return (json_module.dumps(document, separators=(",", ":")).encode(),)


class Caller:
    """Sends requests with credentials, and tells a command that may have happened from a query.

    Args:
        http: The client; ``aclose`` closes it.
        auth: Where credentials come from; likewise.
        name: The transport's name.
        url: The base URL, without a slash at its end.
        clock: For dates.
        refused: What an error answer means.
        undone: Whether an error answer says that nothing was done.
        renewed: Headers that mark a request which is sent again with new credentials.
    """

    def __init__(
        self,
        http: HttpClient,
        auth: Authenticator,
        *,
        name: str,
        url: str,
        clock: Clock,
        refused: Refused,
        undone: Callable[[Response], bool],
        renewed: Mapping[str, str] | None = None,
    ) -> None:
        self.http = http
        self.auth = auth
        self.name = name
        self.url = url
        self.clock = clock
        self._refused = refused
        self._undone = undone
        self._renewed = renewed or {}
        self._closed = False

    def __repr__(self) -> str:
        return f"<{type(self).__name__} at {self.url}>"

    def check(self) -> None:
        """Raise ``ClosedError`` once it is closed."""
        if self._closed:
            raise ClosedError(f"the {self.name} transport")

    def stop(self) -> None:
        """Take no more calls."""
        self._closed = True

    async def aclose(self) -> None:
        """Give up what is under way, and close the client. Closing twice is fine."""
        self.stop()
        await self.auth.aclose()
        await self.http.aclose()

    async def send(  # noqa: PLR0913 - what a call may have
        self,
        method: str,
        url: str,
        errand: Errand,
        *,
        good: Callable[[int], bool],
        headers: Mapping[str, str],
        body: tuple[bytes, ...] = (),
        idempotent: bool | None = None,
        deadlines: Deadlines | None = None,
        max_bytes: int | None = None,
        accept: Iterable[int] = (),
    ) -> Response:
        """Send a request and return a good answer.

        Args:
            method: The method.
            url: The URL with its query, ready encoded.
            errand: What it is for, for errors.
            good: Which statuses are good ones.
            headers: Headers that are public.
            body: The body in pieces.
            idempotent: Whether it may be done twice; None for what the method says.
            deadlines: How long each attempt may take.
            max_bytes: The largest answer.
            accept: Other statuses that the caller deals with.

        Raises:
            UnreachableError: A query was not answered, or nothing was sent.
            OutcomeUnknownError: A command was sent and not answered.
            and what an error answer means.
        """
        self.check()
        try:
            response = await self._authorized(
                method,
                url,
                headers=headers,
                body=body,
                idempotent=idempotent,
                deadlines=deadlines,
                max_bytes=max_bytes,
            )
        except AnswerLostError as error:
            self.check()
            if errand.query:
                raise UnreachableError(self.name, f"{errand.action}: {error.problem}") from error
            raise OutcomeUnknownError(self.name, errand.action, errand.key) from error
        except (ClosedError, UnreachableError, OutcomeUnknownError):
            self.check()
            raise
        except PayloadTooLargeError as error:  # it was answered, nobody knows what
            if errand.query:
                raise
            raise OutcomeUnknownError(self.name, errand.action, errand.key) from error
        if not good(response.status) and response.status not in set(accept):
            refused = self._refused(response, errand, self.clock)
            if response.unsure and not errand.query and _says_nothing_of_before(response.status):
                raise OutcomeUnknownError(self.name, errand.action, errand.key) from refused
            raise refused
        return response

    async def _authorized(
        self, method: str, url: str, *, headers: Mapping[str, str], **request: Any
    ) -> Response:
        """Send a request; with other credentials once more if the first were refused."""
        used = Secret("")

        async def credentials() -> Mapping[str, Secret]:
            nonlocal used
            used = await self.auth.authorization()
            return {"Authorization": used}

        request |= {"credentials": credentials, "undone": self._undone}
        response = await self.http.request(method, url, headers=headers, **request)
        # A 401 was not done, whatever it was, so a POST may follow too.
        if response.status != _UNAUTHORIZED or not self.auth.renew(used):
            return response
        headers = {**headers, **self._renewed}
        try:
            if await self.auth.authorization() == used:
                return response  # what was refused would be refused again
            again = await self.http.request(method, url, headers=headers, **request)
        except UnreachableError as error:
            if response.unsure:  # this one did not leave, but an earlier one did
                raise AnswerLostError(self.name, str(error)) from error
            raise
        return evolve(again, unsure=again.unsure or response.unsure)

    def date_of(self, response: Response) -> datetime:
        """Return when the server answered, by its clock or else by ours."""
        try:
            return parsedate_to_datetime(response.headers.get("date", "")).astimezone(UTC)
        except (ValueError, OverflowError):
            return self.clock.now()


def _says_nothing_of_before(status: int) -> bool:
    """Return whether a refusal leaves open what became of an earlier, unanswered attempt.

    Others come from a server that looked at the work, and would have known it again by its key.
    """
    return status in _NOT_LOOKED_AT or status >= _SERVER_FAILED
