"""Requests, answers and deadlines: what crosses between this room and the rest."""

from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager
from typing import Final, Protocol

from attrs import field, frozen

from swqr_core.errors import TransportError
from swqr_core.model.validators import optional, seconds

from .secret import Secret, without

__all__ = [
    "AnswerLostError",
    "Deadlines",
    "HttpAnswer",
    "HttpEngine",
    "Request",
    "Response",
    "told",
]

_PIECE: Final = 262_144
_SHOWN: Final = 500


class AnswerLostError(TransportError):
    """The request left, wholly or in part, and no whole answer came: it may have been done."""


@frozen(kw_only=True)
class Deadlines:
    """How long a request may take, in seconds of real time; None for ever.

    Attributes:
        connect: Until there is a connection, a free one in the pool included.
        read: Between two pieces of the answer, and until its first.
        total: For everything.
    """

    connect: float | None = field(default=10.0, validator=optional(seconds(above_zero=True)))
    read: float | None = field(default=60.0, validator=optional(seconds(above_zero=True)))
    total: float | None = field(default=300.0, validator=optional(seconds(above_zero=True)))


@frozen(kw_only=True)
class Request:
    """One request, as an engine sends it. Its ``repr`` shows neither body nor credentials.

    Attributes:
        method: In capitals.
        url: Absolute, with its query, ready encoded.
        headers: What is public.
        credentials: Headers that are secret.
        body: The body in pieces, which are sent one after the other and never joined; empty for
            none.
        secrets: What the body holds that is secret.
        deadlines: How long it may take.
    """

    method: str
    url: str
    headers: Mapping[str, str] = field(factory=dict)
    credentials: Mapping[str, Secret] = field(factory=dict)
    body: tuple[bytes, ...] = field(default=(), repr=False)
    secrets: tuple[Secret, ...] = ()
    deadlines: Deadlines = field(factory=Deadlines)

    @property
    def size(self) -> int:
        """The body's length in bytes."""
        return sum(map(len, self.body))

    @property
    def where(self) -> str:
        """Method and URL for messages: ids are useful there, but searches are private."""
        return f"{self.method} {self.url.partition('?')[0]}"

    @property
    def all_secrets(self) -> tuple[Secret, ...]:
        """What whoever answers has been told, and may repeat."""
        return (*self.credentials.values(), *self.secrets)

    async def pieces(self) -> AsyncIterator[bytes]:
        """Yield the body in pieces that hold up no event loop."""
        for part in self.body:
            view = memoryview(part)
            for start in range(0, len(view), _PIECE):
                yield bytes(view[start : start + _PIECE])

    def wire_headers(self) -> dict[str, str]:
        """Return all headers, secrets revealed: for an engine, and for nobody else."""
        return {**self.headers, **{name: s.reveal() for name, s in self.credentials.items()}}


@frozen(kw_only=True)
class Response:
    """A whole answer.

    Attributes:
        status: The HTTP status.
        headers: By their names in lower case; of a repeated one the first.
        body: The body, decompressed.
        attempts: How many requests it took.
        unsure: Whether the answer to one of them was lost or a failure of the server, so that the
            work may have been done before.
        secrets: What the request has told the server.
    """

    status: int
    headers: Mapping[str, str] = field(factory=dict)
    body: bytes = field(default=b"", repr=False)
    attempts: int = 1
    unsure: bool = False
    secrets: tuple[Secret, ...] = ()

    @property
    def shown(self) -> bytes:
        """The body as an error may quote it: a server may repeat what it was sent."""
        return without(self.body, self.secrets)


class HttpAnswer(Protocol):
    """An answer whose body is still on its way."""

    @property
    def status(self) -> int:
        """The HTTP status."""
        ...

    @property
    def headers(self) -> Mapping[str, str]:
        """By their names in lower case; of a repeated one the first."""
        ...

    def chunks(self) -> AsyncIterator[bytes]:
        """Yield the body, decompressed, as it comes.

        Raises:
            AnswerLostError: It ended too early, or a deadline passed.
        """
        ...


class HttpEngine(Protocol):
    """What moves bytes. It follows no redirect, keeps no cookie and repeats no POST."""

    def send(self, request: Request) -> AbstractAsyncContextManager[HttpAnswer]:
        """Send a request; the context gives the answer once its headers are there.

        Leaving the context before the body's end gives the connection up.

        Raises:
            UnreachableError: The request certainly did not leave.
            AnswerLostError: It left, and no answer came.
        """
        ...

    async def aclose(self) -> None:
        """Release everything that the engine made. Closing twice is fine."""
        ...


def told(error: BaseException, request: Request) -> tuple[str, BaseException | None]:
    """Return what an error about a request says, or what it is if it says nothing.

    Errors quote what a server has answered. Secrets are taken out, and an error that shows one (it,
    or one that it comes from) is not returned as a cause.
    """
    said: BaseException | None = error
    while said is not None:
        text = str(said).encode(errors="replace")
        if without(text, request.all_secrets) != text:
            break
        said = said.__cause__ or said.__context__
    text = str(error).encode(errors="replace")
    shown = without(text, request.all_secrets).decode() or type(error).__name__
    if len(shown) > _SHOWN:
        shown = f"{shown[:_SHOWN]}..."
    return f"{request.where}: {shown}", error if said is None else None
