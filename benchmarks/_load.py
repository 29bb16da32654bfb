"""A load client that costs little beside what it measures: HTTP on bare asyncio protocols."""

import asyncio
import json
from collections.abc import Coroutine, Iterable, Mapping
from typing import Any
from urllib.parse import urlsplit

from benchmarks._servers import Address

__all__ = ["Client", "run_jobs", "run_polls"]

ENDED = frozenset({"Completed", "Failed", "Cancelled"})


class Line(asyncio.Protocol):
    """One connection: one request at a time, and a new connection when the server ends it."""

    def __init__(self, host: str, port: int) -> None:
        self._host, self._port = host, port
        self._transport: asyncio.Transport | None = None
        self._answer: asyncio.Future[tuple[int, bytes]] | None = None
        self._buffer = b""

    async def ask(self, request: bytes) -> tuple[int, bytes]:
        """Send a request; return status and body."""
        loop = asyncio.get_running_loop()
        if self._transport is None or self._transport.is_closing():
            await loop.create_connection(lambda: self, self._host, self._port)
        assert self._transport is not None
        self._answer = loop.create_future()
        self._transport.write(request)
        return await self._answer

    def close(self) -> None:
        """Hang up."""
        if self._transport is not None:
            self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take the connection."""
        assert isinstance(transport, asyncio.Transport)
        self._transport, self._buffer = transport, b""

    def data_received(self, data: bytes) -> None:
        """Take a part of an answer."""
        self._buffer = self._buffer + data if self._buffer else data
        head, mark, body = self._buffer.partition(b"\r\n\r\n")
        if not mark:
            return
        head = head.lower()
        at = head.find(b"content-length:")
        status = int(head[9:12])
        length = 0 if at < 0 else int(head[at + 15 :].partition(b"\r\n")[0])
        if len(body) >= length:
            self._buffer = b""
            if self._transport is not None and (
                head.startswith(b"http/1.0") or b"connection: close" in head
            ):
                self._transport.close()
                self._transport = None
            if self._answer is not None and not self._answer.done():
                self._answer.set_result((status, body))

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell who waits."""
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(exc or ConnectionError("no answer"))


class Client:
    """Requests as official clients send them.

    Args:
        address: Where to.
    """

    def __init__(self, address: Address) -> None:
        parts = urlsplit(address.url)
        self._place = parts.hostname or "", parts.port or 80
        self._headers = (
            f"Host: {parts.netloc}\r\n"
            "User-Agent: python-requests/2.32.5\r\n"
            "Accept-Encoding: gzip, deflate\r\n"
            "Accept: application/json\r\n"
            "Connection: keep-alive\r\n"
            "X-Qx-Client-Application: qiskit-version-2/qiskit-2.6.2/SamplerV2\r\n"
            "IBM-API-Version: 2026-04-15\r\n"
            "Content-Type: application/json\r\n"
            f"Service-CRN: {address.crn}\r\n"
            f"Authorization: apikey {address.token}\r\n"
        )

    def line(self) -> Line:
        """Return a connection, not yet open."""
        return Line(*self._place)

    def request(self, method: str, path: str, body: bytes = b"") -> bytes:
        """Return a request's bytes."""
        length = f"Content-Length: {len(body)}\r\n" if body else ""
        head = f"{method} /api/v1{path} HTTP/1.1\r\n{self._headers}{length}\r\n"
        return head.encode() + body

    async def call(
        self, line: Line, method: str, path: str, body: bytes = b""
    ) -> Mapping[str, Any]:
        """Send a request that must succeed, and return its JSON."""
        status, answer = await line.ask(self.request(method, path, body))
        if status >= 300:
            raise RuntimeError(f"{method} {path}: {status} {answer[:300]!r}")
        document: Mapping[str, Any] = json.loads(answer)
        return document

    async def run(self, line: Line, body: bytes, poll: float = 0.0) -> str:
        """Submit a job, look at it every *poll* seconds, read its result; return its id."""
        job = (await self.call(line, "POST", "/jobs", body))["id"]
        while True:
            shown = await self.call(line, "GET", f"/jobs/{job}?exclude_params=true")
            if shown["state"]["status"] in ENDED:
                break
            await asyncio.sleep(poll)
        if shown["state"]["status"] != "Completed":
            raise RuntimeError(f"job {job} ended so: {shown['state']}")
        await self.call(line, "GET", f"/jobs/{job}/results")
        return str(job)


def submission(params: bytes) -> bytes:
    """Return the body of a sampler job's submission."""
    return b'{"program_id":"sampler","backend":"ibm_brisbane","params":' + params + b"}"


async def run_jobs(
    client: Client, params: bytes, *, count: int, in_flight: int, poll: float
) -> None:
    """Run so many jobs, so many at a time, each from its submission to its result."""
    body, numbers = submission(params), iter(range(count))
    lines = [client.line() for _ in range(in_flight)]

    async def work(line: Line) -> None:
        for _ in numbers:
            await client.run(line, body, poll)

    await _all(work(line) for line in lines)
    for line in lines:
        line.close()


async def run_polls(lines: list[Line], request: bytes, *, count: int) -> None:
    """Send one request so many times, over these connections at the same time."""
    numbers = iter(range(count))

    async def work(line: Line) -> None:
        for _ in numbers:
            status, answer = await line.ask(request)
            if status != 200:
                raise RuntimeError(f"{status} {answer[:300]!r}")

    await _all(work(line) for line in lines)


async def _all(works: Iterable[Coroutine[Any, Any, None]]) -> None:
    async with asyncio.TaskGroup() as group:
        for work in works:
            group.create_task(work)
