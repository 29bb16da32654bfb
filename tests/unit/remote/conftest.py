"""What scripted platforms have in common: faults on demand, and a time that passes by itself."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from email.utils import format_datetime
from typing import Self

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from swqr_core.clock import VirtualClock


async def until(true: Callable[[], bool]) -> None:
    """Let the server's tasks run, and no time pass, until something is so."""
    while not true():  # noqa: ASYNC110 - nobody tells when it is
        await asyncio.sleep(0)


class EagerClock(VirtualClock):
    """Virtual time that passes by itself as soon as somebody sleeps."""

    def __init__(self) -> None:
        super().__init__()
        self.slept: list[float] = []

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        if seconds > 0:
            self._elapsed += seconds
        await asyncio.sleep(0)

    def skip(self, seconds: float) -> None:
        self._elapsed += seconds


class Fault:
    """What happens to the next requests of a kind, instead of or after their being done."""

    def __init__(self, method: str, path: str, act: str | web.Response, times: int) -> None:
        self.method, self.path, self.act, self.left = method, path, act, times

    def hits(self, request: web.Request) -> bool:
        right = request.method == self.method and request.path.endswith(self.path)
        if right and self.left:
            self.left -= 1
            return True
        return False


class ScriptedServer:
    """A platform on loopback. Subclasses answer; what was asked stands in ``seen``.

    Whence it was asked stands in ``connections``.
    """

    def __init__(self, clock: EagerClock) -> None:
        self.clock = clock
        self.seen: list[tuple[str, str, dict[str, str], bytes]] = []
        self.connections: set[object] = set()
        self.faults: list[Fault] = []
        self.hold = asyncio.Event()
        self.held_answer: web.Response | None = None
        app = web.Application(client_max_size=2**30)
        app.router.add_route("*", "/{path:.*}", self._any)
        self.server = TestServer(app)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Self]:
        await self.server.start_server()
        try:
            yield self
        finally:
            self.hold.set()
            await self.server.close()

    async def answer(self, request: web.Request, body: bytes) -> web.Response:
        raise NotImplementedError(f"{type(self).__name__}: override `answer`")

    def internal_error(self) -> web.Response:
        return web.Response(status=500)

    def count(self, method: str, ending: str) -> int:
        return sum(m == method and path.split("?")[0].endswith(ending) for m, path, *_ in self.seen)

    def fail(self, method: str, path: str, act: str | web.Response, *, times: int = 1) -> None:
        """Let the next requests fail.

        With an answer, or ``drop``; ``drop after`` or ``500 after`` having done what was asked;
        ``hang`` until the end, or ``hold`` and then give ``held_answer``.
        """
        self.faults.append(Fault(method, path, act, times))

    async def _any(self, request: web.Request) -> web.StreamResponse:
        if request.transport is not None:
            self.connections.add(request.transport.get_extra_info("peername"))
        body = await request.read()
        headers = {name.lower(): value for name, value in request.headers.items()}
        self.seen.append((request.method, request.path_qs, headers, body))
        fault = next((fault for fault in self.faults if fault.hits(request)), None)
        if fault is not None and isinstance(fault.act, web.Response):
            told = {k: v for k, v in fault.act.headers.items() if k.lower() == "retry-after"}
            return web.Response(
                status=fault.act.status,
                body=fault.act.body,
                content_type=fault.act.content_type,
                headers=told,
            )
        if fault is not None and fault.act in {"hang", "hold"}:
            await self.hold.wait()
            return self.held_answer or web.Response(status=500)
        if fault is not None and fault.act == "drop":
            await self._drop(request)
        answer = await self.answer(request, body)
        if fault is not None and fault.act == "drop after":
            await self._drop(request)
        if fault is not None:
            return self.internal_error()
        answer.headers["Date"] = format_datetime(self.clock.now(), usegmt=True)
        return answer

    async def _drop(self, request: web.Request) -> None:
        assert request.transport is not None
        request.transport.abort()
        await asyncio.Event().wait()


@pytest.fixture
def clock() -> EagerClock:
    return EagerClock()
