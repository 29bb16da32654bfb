"""A small server that does as a test says, and clients of both engines."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from swqr_adapters.http import AiohttpEngine, Deadlines, HttpClient, HttpEngine, HttpxEngine
from swqr_core.clock import VirtualClock

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Site:
    """A server on loopback: every request goes to ``handler``, and is kept in ``seen``."""

    def __init__(self) -> None:
        self.seen: list[tuple[str, str, dict[str, str], bytes]] = []
        self.handler: Handler = self._fine
        app = web.Application(client_max_size=2**30)
        app.router.add_route("*", "/{path:.*}", self._any)
        self.server = TestServer(app)

    async def _any(self, request: web.Request) -> web.StreamResponse:
        body = await request.read()
        headers = {name.lower(): value for name, value in request.headers.items()}
        self.seen.append((request.method, request.path_qs, headers, body))
        return await self.handler(request)

    async def _fine(self, request: web.Request) -> web.StreamResponse:
        return web.Response(text="fine")

    def url(self, path: str = "/") -> str:
        return str(self.server.make_url(path))

    def answers(self, *answers: web.Response | str) -> None:
        """Give these answers one after the other; ``"drop"`` cuts the connection instead."""
        left = list(answers)

        async def handler(request: web.Request) -> web.StreamResponse:
            answer = left.pop(0)
            if isinstance(answer, web.Response):
                return answer
            assert request.transport is not None
            request.transport.abort()
            await asyncio.Event().wait()
            raise AssertionError

        self.handler = handler


class EagerClock(VirtualClock):
    """Virtual time that passes by itself as soon as somebody sleeps."""

    def __init__(self) -> None:
        super().__init__()
        self.slept: list[float] = []

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self._elapsed += seconds
        await asyncio.sleep(0)


@pytest.fixture
async def site() -> AsyncIterator[Site]:
    made = Site()
    await made.server.start_server()
    yield made
    await made.server.close()


@pytest.fixture
async def other_site() -> AsyncIterator[Site]:
    made = Site()
    await made.server.start_server()
    yield made
    await made.server.close()


@pytest.fixture
def clock() -> EagerClock:
    return EagerClock()


@pytest.fixture(params=["aiohttp", "httpx"])
async def engine(request: pytest.FixtureRequest) -> AsyncIterator[HttpEngine]:
    made: HttpEngine = AiohttpEngine() if request.param == "aiohttp" else HttpxEngine()
    yield made
    await made.aclose()


@pytest.fixture
def client(engine: HttpEngine, clock: EagerClock) -> HttpClient:
    return HttpClient(engine, clock=clock, deadlines=Deadlines(connect=5, read=5, total=20))


@pytest.fixture
def make_client(engine: HttpEngine, clock: EagerClock) -> Callable[..., HttpClient]:
    def make(**settings: Any) -> HttpClient:
        return HttpClient(engine, clock=clock, **settings)

    return make
