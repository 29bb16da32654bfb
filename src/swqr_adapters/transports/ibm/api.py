"""Calls of one instance's REST interface: headers, credentials, and what an answer means."""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from swqr_adapters.http import Deadlines, HttpClient, Response, with_query
from swqr_adapters.remote.auth import Authenticator
from swqr_adapters.remote.calls import Caller, compact
from swqr_adapters.remote.errands import Errand
from swqr_adapters.wire.ibm.extension import HEADER, VERSION
from swqr_core.ports.clock import Clock

from .refusals import NAME, refused, undone

__all__ = ["API_VERSION", "Api"]

API_VERSION: Final = "2026-04-15"

_SUCCESS: Final = 2
_A_PART: Final = 206  # nobody asks for one


class Api(Caller):
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
        super().__init__(
            http, auth, name=NAME, url=url, clock=clock, refused=refused, undone=undone
        )
        self.instance = instance
        self._headers = {
            "Accept": "application/json",
            "IBM-API-Version": version,
            "Service-CRN": instance,
            **({HEADER: VERSION} if extended else {}),
        }

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
            What ``Caller.send`` raises.
        """
        if json is not None:
            body = compact(json)
        sent = {**self._headers, **(headers or {})}
        if body:
            sent.setdefault("Content-Type", "application/json")
        return await self.send(
            method,
            with_query(self.url + path, query),
            errand,
            good=lambda status: status // 100 == _SUCCESS and status != _A_PART,
            headers=sent,
            body=body,
            idempotent=idempotent,
            deadlines=deadlines,
            max_bytes=max_bytes,
            accept=accept,
        )
