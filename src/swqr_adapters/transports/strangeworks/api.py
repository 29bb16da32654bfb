"""Calls of the platform: GraphQL, operations on one resource, and files."""

from collections.abc import Iterable, Mapping
from typing import Any, Final
from urllib.parse import urlsplit

from swqr_adapters.http import AnswerLostError, Deadlines, HttpClient, Response
from swqr_adapters.remote.auth import Authenticator
from swqr_adapters.remote.calls import Caller, compact
from swqr_adapters.remote.errands import Errand
from swqr_adapters.wire.ibm.extension import HEADER, VERSION
from swqr_adapters.wire.strangeworks import (
    Answer,
    graphql_request,
    load,
    operation_path,
    parse_answer,
)
from swqr_adapters.wire.values import Document
from swqr_core.errors import OutcomeUnknownError, ProtocolError
from swqr_core.ports.clock import Clock

from .refusals import NAME, refused, refused_query, undone

__all__ = ["Api"]

_OK: Final = 200
_WRITTEN: Final = frozenset({200, 204})
_SUCCESS: Final = 2
_JSON: Final = {"Content-Type": "application/json"}
_CLIENT: Final = {
    "X-Strangeworks-API-Version": "0",
    "X-Strangeworks-Client-ID": "strangeworks-sdk-python",
    "X-Strangeworks-Client-Version": "",
}
_TRIAL: Final = "x-strangeworks-experiment-trial-id"
_AGAIN: Final = {"X-SW-SDK-Re-Auth": "True"}
_FORM: Final = "application/x-www-form-urlencoded"
_BIG: Final = Deadlines(connect=10.0, read=120.0, total=900.0)


class Api(Caller):
    """The platform, with one resource in view.

    Args:
        http: The client; ``aclose`` closes it.
        auth: Where tokens come from; likewise.
        url: The platform's origin.
        clock: For dates.
        extended: Whether to tell a server of ours that a client of ours asks.
        trial: The experiment's trial that operations belong to, if any.
    """

    def __init__(
        self,
        http: HttpClient,
        auth: Authenticator,
        *,
        url: str,
        clock: Clock,
        extended: bool = True,
        trial: str | None = None,
    ) -> None:
        super().__init__(
            http,
            auth,
            name=NAME,
            url=url,
            clock=clock,
            refused=refused,
            undone=undone,
            renewed=_AGAIN,
        )
        self.product = ""
        self.resource = ""
        self._ours = {HEADER: VERSION} if extended else {}
        self._trial = {} if trial is None else {_TRIAL: trial}

    def bind(self, *, product: str, resource: str) -> None:
        """Say on which resource operations are done."""
        self.product, self.resource = product, resource

    async def query(
        self, document: str, errand: Errand, *, variables: Mapping[str, object], again: bool = True
    ) -> Answer:
        """Ask the platform by GraphQL. Mutations asked for here may be done twice.

        Args:
            document: What to ask.
            errand: What it is for, for errors.
            variables: The document's variables; those that are None are not sent.
            again: Whether to ask again if the platform does not answer.

        Raises:
            ProtocolError: The answer is none, or tells of errors that nobody knows.
            and what ``Caller.send`` raises, and what the answer's errors mean.
        """
        response = await self.send(
            "POST",
            f"{self.url}/sdk",
            errand,
            good=lambda status: status // 100 == _SUCCESS,
            headers={"Accept": "application/json", **_JSON, **self._ours},
            body=compact(graphql_request(document, **variables)),
            idempotent=again,
        )
        answer = parse_answer(response.body)
        if answer.errors:
            raise refused_query(parse_answer(response.shown).errors, errand)
        return answer

    async def operate(
        self,
        operation: str,
        errand: Errand,
        payload: Mapping[str, Any] | tuple[bytes, ...],
        *,
        idempotent: bool,
        headers: Mapping[str, str] | None = None,
        deadlines: Deadlines | None = None,
        max_bytes: int | None = None,
        accept: Iterable[int] = (),
    ) -> Response:
        """Do an operation on the resource and return its answer.

        Args:
            operation: Its name.
            errand: What it is for, for errors.
            payload: Its payload, or the pieces of that as JSON text.
            idempotent: Whether it may be done twice.
            headers: Further headers.
            deadlines: How long each attempt may take.
            max_bytes: The largest answer.
            accept: Statuses from 400 on that the caller deals with.

        Raises:
            What ``Caller.send`` raises.
        """
        body = payload if isinstance(payload, tuple) else compact(payload)
        return await self.send(
            "POST",
            self.url + operation_path(self.product, self.resource, operation),
            errand,
            good=lambda status: status == _OK,
            headers={
                "Accept": "application/json",
                **_JSON,
                **_CLIENT,
                **self._trial,
                **self._ours,
                **(headers or {}),
            },
            body=body,
            idempotent=idempotent,
            deadlines=deadlines,
            max_bytes=max_bytes,
            accept=accept,
        )

    async def operation(
        self, operation: str, errand: Errand, payload: Mapping[str, Any]
    ) -> Document:
        """Do an operation that may be done twice, and return the object that it answers."""
        response = await self.operate(operation, errand, payload, idempotent=True)
        return self.document(response, errand)

    def document(self, response: Response, errand: Errand) -> Document:
        """Return the object that an answer holds.

        Raises:
            ProtocolError: It holds none.
        """
        return load(response.body, f"answer to {errand.action!r}")

    async def read_file(self, url: str, errand: Errand, *, max_bytes: int) -> bytes:
        """Return the content of a file.

        Args:
            url: Its URL, or its path on the platform.
            errand: What it is for, for errors.
            max_bytes: The most bytes.

        Raises:
            ProtocolError: It is somewhere else, where no token may go.
            and what ``Caller.send`` raises.
        """
        response = await self.send(
            "GET",
            self._place(url),
            errand,
            good=lambda status: status == _OK,
            headers={"Accept": "*/*", **_CLIENT, **self._ours},
            deadlines=_BIG,
            max_bytes=max_bytes,
        )
        return response.body

    async def write_file(self, url: str, content: bytes, errand: Errand) -> None:
        """Write the content of a file that was announced.

        A URL that is signed for another place gets no token along.

        Raises:
            ProtocolError: It was not taken.
            and what ``Caller.send`` raises.
        """
        headers = {"Accept": "*/*", "Content-Type": _FORM}
        if self._is_home(url):
            await self.send(
                "PUT",
                url,
                errand,
                good=lambda status: status in _WRITTEN,
                headers={**headers, **_CLIENT, **self._ours},
                body=(content,),
                idempotent=True,
                deadlines=_BIG,
            )
            return
        try:
            response = await self.http.request(
                "PUT", url, headers=headers, body=(content,), deadlines=_BIG
            )
        except AnswerLostError as error:
            raise OutcomeUnknownError(NAME, errand.action, errand.key) from error
        if response.status not in _WRITTEN:
            raise ProtocolError(NAME, f"{errand.action} was answered with {response.status}")

    def _is_home(self, url: str) -> bool:
        try:
            parts, home = urlsplit(url), urlsplit(self.url)
        except ValueError:
            raise ProtocolError(NAME, "a file is said to be at what is no address") from None
        return (parts.scheme, parts.netloc) == (home.scheme, home.netloc)

    def _place(self, url: str) -> str:
        """Return where a file is: its token must not go to anybody else."""
        if url.startswith("/") and not url.startswith("//"):
            return self.url + url
        if not self._is_home(url):
            parts = urlsplit(url)
            raise ProtocolError(
                NAME,
                f"a file is said to be at {parts.scheme}://{parts.netloc}, not at {self.url}: "
                "set `url` to the address that the platform itself uses",
            )
        return url
