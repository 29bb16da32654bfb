"""The whole of an answer: who asks, what for, and what becomes of errors on the way."""

import asyncio
import logging
import re
from collections import OrderedDict
from collections.abc import Mapping
from datetime import datetime
from typing import Final

from aiohttp import web
from attrs import define, evolve

from swqr_adapters.clock import SystemClock
from swqr_adapters.ids import RandomIds
from swqr_adapters.wire.ibm.dialects import VERSION_HEADER, parse_version
from swqr_adapters.wire.ibm.extension import IDEMPOTENCY_KEY, is_spoken
from swqr_core.errors import (
    ClosedError,
    InvalidInputError,
    SwqrError,
    UnreachableError,
)
from swqr_core.model.ids import check_key
from swqr_core.ports.clock import Clock
from swqr_core.ports.ids import IdFactory

from .admission import CREDENTIALS, Admission
from .answers import finish, json_answer
from .audit import Audit
from .bodies import Bodies
from .call import Call
from .controls import Control
from .faults import Dropped, Faults
from .metrics import Meter
from .platform import Platform
from .problems import HttpProblem
from .providers import TransportProvider
from .routes import CATALOG_ROUTES, GROUPS
from .routing import Place, Route, Router, place_of, segments_of
from .settings import ServerSettings
from .tongues import Tongue, tongue_of

__all__ = ["Service"]

_log = logging.getLogger(__name__)

_ONCE: Final = (*CREDENTIALS, VERSION_HEADER, IDEMPOTENCY_KEY)
_LONGEST_ID: Final = 1000
_LONGEST_TOLD: Final = 100
_MOST_CALLERS: Final = 10_000
_UNSAFE: Final = frozenset({"DELETE", "PATCH", "POST", "PUT"})
_CONTROL_CHARACTERS: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")


@define
class Trail:
    """What is known of a request whatever becomes of it.

    Attributes:
        template: The route that it took.
        call: The request, once it was understood.
    """

    template: str = "unknown"
    call: Call | None = None


class Service:
    """Answers requests over transports.

    Args:
        provider: Who may ask, and over which transports.
        settings: The limits.
        clock: The time, for tokens.
        ids: Where keys and traces come from.
        control: What the control surface may do beyond looking.
        audit: What keeps who changed what; None for nothing.
    """

    def __init__(
        self,
        provider: TransportProvider,
        settings: ServerSettings,
        *,
        clock: Clock | None = None,
        ids: IdFactory | None = None,
        control: Control | None = None,
        audit: Audit | None = None,
    ) -> None:
        self.provider = provider
        self.settings = settings
        self.bodies = Bodies(settings)
        self.audit = audit
        self.meter = Meter()
        self._clock = clock or SystemClock()
        self.faults = Faults(self._clock)
        self._ids = ids or RandomIds()
        self.admission = Admission(provider, settings, self._clock)
        self.platform = Platform(self._clock, self._ids, settings)
        self.draining = False
        self._callers: OrderedDict[str, str] = OrderedDict()
        self.control = control or Control()
        self._routers = {name: Router(routes) for name, routes in GROUPS.items()}
        self._catalog = Router(CATALOG_ROUTES)
        self.meter.gauge(
            "swqr_bytes_in_flight",
            "Bytes of large bodies and results on their way.",
            lambda: self.bodies.budget.used,
        )

    @property
    def routers(self) -> Mapping[str, Router]:
        """The routes by the group of their base path."""
        return {**self._routers, "catalog": self._catalog}

    # --- small services to the routes ----------------------------------------------------------

    def now(self) -> datetime:
        """Return the time."""
        return self._clock.now()

    def trace(self) -> str:
        """Return a new id of a request."""
        return self._ids.session_id()

    def check_accepting(self) -> None:
        """Refuse new work while the server is going down.

        Raises:
            HttpProblem: It is; nothing was done.
        """
        if self.draining:
            raise HttpProblem(
                503, "the server is going down and takes no new work", "Try again later.",
                code=1999, headers={"Retry-After": "5"},
            )  # fmt: skip

    def idempotency_key(self, request: web.BaseRequest) -> str:
        """Return the key that a request brings, or a fresh one.

        Raises:
            InvalidInputError: It brings one that cannot be used.
        """
        key = request.headers.get(IDEMPOTENCY_KEY)
        if key is None:
            return self._ids.key()
        check_key(key, field=IDEMPOTENCY_KEY, code=1208)
        return key

    def remember_caller(self, job_id: str, caller: str | None) -> None:
        """Keep what submitted a job, for its metrics; the latest few thousand are kept."""
        if caller is not None:
            self._callers[job_id] = caller
            if len(self._callers) > _MOST_CALLERS:
                self._callers.popitem(last=False)

    def caller_of(self, job_id: str) -> str | None:
        """Return what submitted a job, if that is known."""
        return self._callers.get(job_id)

    # --- a request -----------------------------------------------------------------------------

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answer a request, whatever it is."""
        meter, loop = self.meter, asyncio.get_running_loop()
        started = loop.time()
        meter.in_flight += 1
        status, trail = 499, Trail()
        try:
            response = await self._route(request, trail)
            status = response.status
            await finish(request, response, timeout=self.settings.write_timeout)
            return response  # noqa: TRY300 - `finally` needs the status first
        except Dropped:
            if request.transport is not None:
                request.transport.abort()
            return web.Response(status=status)
        finally:
            meter.in_flight -= 1
            meter.count(request.method, trail.template, status, loop.time() - started)
            if self.audit is not None and _may_change(request, trail.call):
                self._record(self.audit, request, trail, status)

    def _record(self, audit: Audit, request: web.BaseRequest, trail: Trail, status: int) -> None:
        """Keep who asked for a change, and what became of it."""
        call = trail.call
        try:
            audit.record(
                {
                    "at": self._clock.now().isoformat(),
                    "from": request.remote,
                    **({} if call is None else call.sender()),
                    "method": request.method,
                    "route": trail.template,
                    "of": [] if call is None else [name[:_LONGEST_TOLD] for name in call.names],
                    "status": status,
                }
            )
        except OSError:
            self.meter.audit_failures += 1
            _log.exception("the audit log cannot be written")

    async def _route(self, request: web.BaseRequest, trail: Trail) -> web.StreamResponse:
        path = request.rel_url.raw_path
        place = place_of(path)
        tongue = tongue_of(place.group)
        try:
            route, names, place = self._find(request, place)
            group = "" if place.group == "runtime" else place.group
            trail.template = group + route.template
            if self.faults.rules and place.group not in {"control", "page"}:
                answer = await self.faults.meet(request.method, path, lambda: self._ask(
                    request, route, names, place, tongue=tongue, trail=trail
                ))  # fmt: skip
            else:
                answer = await self._ask(request, route, names, place, tongue=tongue, trail=trail)
        except HttpProblem as problem:
            answer = self._problem(problem, tongue)
        return answer

    def _find(self, request: web.BaseRequest, place: Place) -> tuple[Route, tuple[str, ...], Place]:
        segments = segments_of(place.rest)
        if segments is None or any(not _is_id(segment) for segment in segments):
            raise _nowhere(request)
        catalog = place.group == "runtime" and request.host.startswith("globalcatalog.")
        found = None if catalog else self._routers[place.group].find(segments)
        if found is None and place.group == "runtime" and request.rel_url.raw_path != place.rest:
            found = self._catalog.find(segments)
            place = evolve(place, group="catalog")
        if found is None:
            raise _nowhere(request)
        methods, names = found
        route = methods.get("GET" if request.method == "HEAD" else request.method)
        if route is None:
            allowed = ", ".join(sorted(methods))
            raise HttpProblem(
                405, f"{request.method} is not possible here", f"Use {allowed}.",
                headers={"Allow": allowed},
            )  # fmt: skip
        return route, names, place

    async def _ask(
        self,
        request: web.BaseRequest,
        route: Route,
        names: tuple[str, ...],
        place: Place,
        *,
        tongue: Tongue,
        trail: Trail,
    ) -> web.StreamResponse:
        call = trail.call = Call(request, self, names, legacy=place.legacy)
        headers = request.headers
        call.extended, call.reads = is_spoken(headers), route.reads or request.method not in _UNSAFE
        try:
            for name in _ONCE:
                if len(headers.getall(name, ())) > 1:
                    raise InvalidInputError(name, "stands there more than once", 1208)  # noqa: TRY301
            call.version = parse_version(headers.get(VERSION_HEADER))
            await self.admission.admit(call, route)
            return await route.answer(call)
        except HttpProblem as problem:
            return self._problem(problem, tongue)
        except SwqrError as error:
            status, body = tongue.error(error, trace=self.trace(), extended=call.extended)
            if status >= 500 and not call.reads and not _nothing_happened(error):  # noqa: PLR2004
                status = 409  # a client repeats after 5xx, and the work may have been done
            more = {"Retry-After": "1"} if status == 503 else None  # noqa: PLR2004
            return json_answer(body, status=status, headers=more)
        except (Dropped, ConnectionError):
            raise
        except Exception:  # noqa: BLE001 - whatever it is, the sender gets an answer
            trace = self.trace()
            _log.exception("request %s: %s %s failed", trace, request.method, route.template)
            # A client repeats after 5xx, and the work may have been done.
            body = tongue.failure(trace=trace, after=not call.reads)
            return json_answer(body, status=500 if call.reads else 409)

    def _problem(self, problem: HttpProblem, tongue: Tongue) -> web.Response:
        body = tongue.problem(problem, trace=self.trace())
        response = json_answer(body, status=problem.status, headers=problem.headers)
        if problem.close:
            response.force_close()
        return response


def _nowhere(request: web.BaseRequest) -> HttpProblem:
    path = _CONTROL_CHARACTERS.sub("?", request.rel_url.raw_path)[:200]
    return HttpProblem(404, f"there is nothing at {path!r}", "See /openapi.json for what there is.")


def _is_id(segment: str) -> bool:
    return (
        len(segment) <= _LONGEST_ID
        and segment not in {".", ".."}
        and not _CONTROL_CHARACTERS.search(segment)
    )


def _may_change(request: web.BaseRequest, call: Call | None) -> bool:
    return request.method in _UNSAFE if call is None else not call.reads


def _nothing_happened(error: SwqrError) -> bool:
    return isinstance(error, UnreachableError | ClosedError)
