"""A network between a client and a server, on loopback, with weather."""

import asyncio
import socket
import struct
from contextlib import suppress
from typing import Final
from urllib.parse import urlsplit

from attrs import frozen
from reliability._weather import Act, Draw, Weather

__all__ = ["Network"]

_LARGEST: Final = 2**20
_END: Final = b"\r\n\r\n"
_CALM: Final = Draw(act=Act.NOTHING, status=0, part=0.0, heard=True)
_LINGER: Final = struct.pack("ii", 1, 0)  # closing sends a reset


@frozen
class _Request:
    method: str
    path: str
    head: bytes
    body: bytes

    def wire(self) -> bytes:
        """Return it as the server gets it, on a connection of its own."""
        return self.head.removesuffix(b"\r\n") + b"Connection: close" + _END + self.body


class Network:
    """A proxy that understands as much HTTP as it takes to spoil each phase of a request.

    Args:
        url: Where the server is.
        weather: What goes wrong; None for nothing yet.
        late: The least seconds of a delay; the most are twice as many. For submissions, and for
            other requests.
        hidden: The lower-case names of headers that do not pass.

    Attributes:
        weather: What goes wrong from now on.
    """

    def __init__(
        self,
        url: str,
        weather: Weather | None,
        *,
        late: tuple[float, float],
        hidden: frozenset[bytes] = frozenset(),
    ) -> None:
        parts = urlsplit(url)
        self._there = (parts.hostname or "", parts.port or 80)
        self.weather = weather
        self._late = late
        self._hidden = hidden
        self._server: asyncio.Server | None = None
        self._work: set[asyncio.Task[None]] = set()
        self._talks: dict[asyncio.Task[None], asyncio.StreamWriter] = {}

    async def start(self) -> str:
        """Listen, and return the URL at which the server seems to be."""
        self._server = await asyncio.start_server(
            self._talk, "127.0.0.1", 0, limit=_LARGEST, backlog=1024
        )
        host, port = self._server.sockets[0].getsockname()
        return f"http://{host}:{port}"

    async def calm(self) -> None:
        """Let nothing go wrong any more, and wait until everything that was late has arrived."""
        self.weather = None
        while self._work:
            await asyncio.gather(*self._work)

    async def aclose(self) -> None:
        """Stop."""
        if self._server is not None:
            self._server.close()
        await self.calm()
        for writer in self._talks.values():
            _reset(writer)
        if self._talks:
            await asyncio.wait(self._talks)

    def _later(self, request: _Request, drawn: Draw) -> None:
        """Let a request arrive when its delay is over."""

        async def arrive() -> None:
            await asyncio.sleep(self._delay(request, drawn))
            with suppress(OSError, asyncio.IncompleteReadError):  # nobody is there to tell
                await self._forward(request)

        task = asyncio.create_task(arrive())
        self._work.add(task)
        task.add_done_callback(self._work.discard)

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._talks[task] = writer
        task.add_done_callback(self._talks.pop)
        try:
            while (request := await self._read(reader)) is not None:
                if not await self._meet(request, writer):
                    break
        except (OSError, asyncio.IncompleteReadError):
            pass  # the client hung up
        finally:
            writer.close()

    async def _read(self, reader: asyncio.StreamReader) -> _Request | None:
        try:
            head = await reader.readuntil(_END)
        except asyncio.IncompleteReadError:
            return None
        first, *lines = head.removesuffix(_END).split(b"\r\n")
        kept, length, chunked = [first], 0, False
        for line in lines:
            name, _, value = line.partition(b":")
            if name.lower() in self._hidden:
                continue
            if name.lower() == b"content-length":
                length = int(value)
            chunked = chunked or (name.lower(), value.strip()) == (b"transfer-encoding", b"chunked")
            if name.lower() != b"connection":
                kept.append(line)
        body = await _chunks(reader) if chunked else await reader.readexactly(length)
        method, path, _ = first.decode().split(" ", 2)
        return _Request(method, path, b"\r\n".join(kept) + _END, body)

    async def _meet(self, request: _Request, writer: asyncio.StreamWriter) -> bool:
        """Do with a request what the weather says; return whether the connection goes on."""
        drawn = _CALM
        if self.weather is not None:
            drawn = self.weather.draw(request.method, request.path, request.body)
        answer = await self._answer(request, drawn)
        if answer is None:
            await self._spoil(request, drawn, writer)
            _reset(writer)
            return False
        await _give(writer, answer)
        return True

    async def _answer(self, request: _Request, drawn: Draw) -> bytes | None:
        """Return the answer that the client gets; None if its connection is cut instead."""
        match drawn.act:
            case Act.NOTHING:
                return await self._forward(request)
            case Act.TWICE:
                answers = await asyncio.gather(self._forward(request), self._forward(request))
                return answers[round(drawn.part)]
            case Act.AGAIN_LATER:
                self._later(request, drawn)
                return await self._forward(request)
            case Act.FAIL_BEFORE:
                return _failure(drawn.status)
            case Act.FAIL_AFTER:
                await self._forward(request)
                return _failure(drawn.status)
        return None

    async def _spoil(self, request: _Request, drawn: Draw, writer: asyncio.StreamWriter) -> None:
        """Let the server see as much of a request as it shall, and the client of the answer."""
        match drawn.act:
            case Act.LATE_REQUEST:
                self._later(request, drawn)
                await asyncio.sleep(self._delay(request, drawn))
            case Act.LATE_ANSWER:
                await self._forward(request)
                await asyncio.sleep(self._delay(request, drawn))
            case Act.CUT_REQUEST:
                await self._begin(request, drawn.part)
            case Act.CUT_SENT:
                _reset(writer)
                await (self._forward(request) if drawn.heard else self._begin(request, 1.0))
            case Act.CUT_DONE:
                await self._forward(request)
            case Act.CUT_ANSWER:
                answer = await self._forward(request)
                await _give(writer, answer[: int(len(answer) * drawn.part)])

    def _delay(self, request: _Request, drawn: Draw) -> float:
        return self._late[request.method != "POST"] * (1 + drawn.part)

    async def _forward(self, request: _Request) -> bytes:
        """Send a request on, and return the answer as it came."""
        reader, writer = await asyncio.open_connection(*self._there, limit=_LARGEST)
        try:
            writer.write(request.wire())
            head = await reader.readuntil(_END)
            lines = [
                line
                for line in head.removesuffix(_END).split(b"\r\n")
                if not line.lower().startswith(b"connection:")
            ]
            return b"\r\n".join(lines) + _END + await reader.read(-1)
        finally:
            writer.close()

    async def _begin(self, request: _Request, part: float) -> None:
        """Send the beginning of a request, or all of it, and hang up."""
        _, writer = await asyncio.open_connection(*self._there)
        wire = request.wire()
        writer.write(wire[: int(len(wire) * part)])
        await writer.drain()
        _reset(writer)


async def _chunks(reader: asyncio.StreamReader) -> bytes:
    """Return a body that comes in chunks, as it came."""
    body = b""
    while True:
        line = await reader.readuntil(b"\r\n")
        size = int(line, 16)
        body += line + await reader.readexactly(size + 2)
        if size == 0:
            return body


async def _give(writer: asyncio.StreamWriter, answer: bytes) -> None:
    writer.write(answer)
    await writer.drain()


def _failure(status: int) -> bytes:
    head = f"HTTP/1.1 {status} Failed\r\nContent-Type: text/html\r\nContent-Length: 7\r\n\r\n"
    return head.encode() + b"<html/>"


def _reset(writer: asyncio.StreamWriter) -> None:
    handle = writer.get_extra_info("socket")
    if handle is not None and not writer.is_closing():
        handle.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER)
        writer.transport.abort()
