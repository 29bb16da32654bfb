"""The whole of an answer: who asks, what for, and what becomes of errors on the way."""

import asyncio
import hmac
import ipaddress
import logging
import re
from collections import OrderedDict
from collections.abc import AsyncIterator, Mapping
from datetime import datetime
from typing import Final

from aiohttp import web
from attrs import define, evolve

from swqr_adapters.clock import SystemClock
from swqr_adapters.ids import RandomIds
from swqr_adapters.wire.ibm import region_of
from swqr_adapters.wire.ibm.dialects import VERSION_HEADER, parse_version
from swqr_adapters.wire.ibm.extension import IDEMPOTENCY_KEY, is_spoken
from swqr_core.errors import (
    AccessDeniedError,
    ClosedError,
    InstanceNotFoundError,
    InvalidInputError,
    PayloadTooLargeError,
    SwqrError,
    UnreachableError,
)
from swqr_core.model.job import Job
from swqr_core.model.principal import Instance, Principal
from swqr_core.model.query import MAX_PAGE, JobQuery, SessionQuery
from swqr_core.model.session import Session
from swqr_core.ports.clock import Clock
from swqr_core.ports.ids import IdFactory
from swqr_core.ports.transport import RuntimeTransport

from .allowances import Allowances
from .answers import json_answer
from .audit import Audit
from .bodies import Bodies
from .call import Call
from .controls import Control
from .faults import Dropped, Faults
from .metrics import Meter
from .platform import Platform
from .problems import HttpProblem
from .providers import Account, TransportProvider
from .routes import CATALOG_ROUTES, GROUPS
from .routing import Place, Route, Router, place_of, segments_of
from .settings import ServerSettings
from .tokens import TokenDesk
from .tongues import Tongue, tongue_of

__all__ = ["Service"]

_log = logging.getLogger(__name__)

_AUTHORIZATION: Final = "Authorization"
_INSTANCE: Final = "Service-CRN"
_OLDEST: Final = "X-Access-Token"  # the oldest interface's credentials
_ONCE: Final = (_AUTHORIZATION, _OLDEST, _INSTANCE, VERSION_HEADER, IDEMPOTENCY_KEY)
_LONGEST_KEY: Final = 64
_LONGEST_ID: Final = 1000
_LONGEST_CRN: Final = 1024
_LONGEST_TOLD: Final = 100
_SUBMISSIONS: Final = ("/jobs", "/create_runtime_job")
_MOST_BOUND: Final = 4096
_MOST_CALLERS: Final = 10_000
_CRN_COLONS: Final = 9
_BAD_CREDENTIALS, _INVALID_CRN, _SHORT_CRN = 1201, 1241, 1348
_UNSAFE: Final = frozenset({"DELETE", "PATCH", "POST", "PUT"})
_CONTROL_CHARACTERS: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
_REGION_HOST: Final = re.compile(r"(?:private\.)?(?:([a-z]{2}-[a-z]{2,10})\.)?quantum\.")
_HOME_REGION: Final = "us-east"

_Credentials = tuple[str, str]  # the headers that may hold some


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
        self.allowances = Allowances(self._clock, settings.allowance)
        self._ids = ids or RandomIds()
        self.desk = TokenDesk(self._clock, settings.token_seconds)
        self.platform = Platform(self._clock, self._ids, settings)
        self.draining = False
        self._callers: OrderedDict[str, str] = OrderedDict()
        self._bound: dict[
            tuple[str, str | None, str | None, bool],
            tuple[float, Account, Instance, RuntimeTransport],
        ] = {}
        self._known: dict[_Credentials, tuple[float, Account]] = {}
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
        if not (0 < len(key) <= _LONGEST_KEY and key.isascii() and key.isprintable()):
            raise InvalidInputError(
                IDEMPOTENCY_KEY, f"must be 1 to {_LONGEST_KEY} printable ASCII characters", 1208
            )
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

    def forget(self) -> None:
        """Forget whom credentials stand for."""
        self._bound.clear()
        self._known.clear()

    async def all_jobs(
        self, transport: RuntimeTransport, query: JobQuery | None = None
    ) -> AsyncIterator[Job]:
        """Yield all jobs that match, page by page."""
        query = query or JobQuery(newest_first=False, limit=MAX_PAGE)
        while True:
            page = await transport.jobs(query)
            for job in page.items:
                yield job
            query = evolve(query, offset=query.offset + len(page))
            if not page.items or query.offset >= page.total:
                return

    async def all_sessions(
        self, transport: RuntimeTransport, query: SessionQuery | None = None
    ) -> AsyncIterator[Session]:
        """Yield all sessions and batches that match, page by page."""
        query = query or SessionQuery(newest_first=False, limit=MAX_PAGE)
        while True:
            page = await transport.sessions(query)
            for session in page.items:
                yield session
            query = evolve(query, offset=query.offset + len(page))
            if not page.items or query.offset >= page.total:
                return

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
            await self._admit(call, route)
            self._allow(call, route)
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

    # --- who asks ------------------------------------------------------------------------------

    async def _admit(self, call: Call, route: Route) -> None:
        """Find out who asks, as far as the route needs to know."""
        if route.group == "runtime":
            await self._bind(call)
        elif route.group == "control":
            self.check_control(call.request)
        elif route.group == "account":
            call.bind_account(await self.account(call.request))

    def _allow(self, call: Call, route: Route) -> None:
        """Count a request against what its key may ask for.

        Raises:
            HttpProblem: It is one too many; nothing was done.
            PayloadTooLargeError: It is larger than the key allows.
        """
        account, announced = call.known_account, call.request.content_length
        if account is None:
            return
        submission = route.method == "POST" and route.template.endswith(_SUBMISSIONS)
        self.allowances.spend(account, submission=submission)
        call.most_bytes = most = self.allowances.of(account).max_body_bytes
        if most is not None and announced is not None and announced > most:
            raise PayloadTooLargeError("body", announced, most)

    async def _bind(self, call: Call) -> None:
        """Find out who asks in which instance.

        Raises:
            AccessDeniedError: Nobody knows the credentials.
            InstanceNotFoundError: The instance is not of this user, or of another region.
            InvalidInputError: The instance is missing, or no CRN.
        """
        request = call.request
        given, crn = request.headers.get(_AUTHORIZATION), request.headers.get(_INSTANCE)
        token = None if given else request.headers.get(_OLDEST)
        legacy = call.legacy or token is not None
        asks = given or "", token, crn, legacy
        known = self._bound.get(asks)
        if known is None or known[0] <= self._clock.monotonic():
            account, seconds = await self._authenticate(request)
            instance = _choose(account, crn, legacy=legacy)
            transport = await self.provider.transport(
                Principal(user=account.user, instance=instance.id)
            )
            if len(self._bound) >= _MOST_BOUND:
                self._bound.clear()
            known = (self._clock.monotonic() + min(seconds, 60.0), account, instance, transport)
            self._bound[asks] = known
        _, account, instance, transport = known
        _check_region(request.host, instance)
        call.bind(account, instance, transport)

    async def account(self, request: web.BaseRequest) -> Account:
        """Find out who asks where no instance matters, or another one each time.

        Raises:
            AccessDeniedError: Nobody knows the credentials.
        """
        given = _credentials(request)
        known = self._known.get(given)
        if known is None or known[0] <= self._clock.monotonic():
            account, seconds = await self._authenticate(request)
            if len(self._known) >= _MOST_BOUND:
                self._known.clear()
            known = self._known[given] = (self._clock.monotonic() + min(seconds, 60.0), account)
        return known[1]

    async def _authenticate(self, request: web.BaseRequest) -> tuple[Account, float]:
        """Return whose credentials a request brings, and for how many seconds they are good."""
        scheme, _, word = request.headers.get(_AUTHORIZATION, "").partition(" ")
        word, seconds = word.strip(), 60.0
        if scheme.lower() == "bearer":
            meant = self.desk.key_of(word)
            if meant is not None:
                word, seconds = meant[0], meant[1] - self._clock.now().timestamp()
        elif scheme.lower() != "apikey":
            word = request.headers.get(_OLDEST, "")
        account = await self.provider.account(word) if word else None
        if account is None:
            raise AccessDeniedError(
                "do this without valid credentials",
                "send 'Authorization: Bearer TOKEN' with a token that has not expired, or "
                "'Authorization: apikey KEY'",
                _BAD_CREDENTIALS,
            )
        return account, seconds

    # --- who may control -----------------------------------------------------------------------

    def check_control(self, request: web.BaseRequest) -> None:
        """Let the control surface's owner pass, and nobody else.

        Raises:
            HttpProblem: It is somebody else.
        """
        key = self.settings.control_key
        if key is None:
            if _is_local(request.remote) and _is_local_name(request.host):
                return
            raise HttpProblem(
                403, "the control surface is for this machine alone",
                "Ask from there, or give the server a control key.", code=1200,
            )  # fmt: skip
        scheme, _, word = request.headers.get(_AUTHORIZATION, "").partition(" ")
        if scheme.lower() not in {"apikey", "bearer"} or not _same(word.strip(), key):
            raise HttpProblem(
                401, "the control surface needs its own key",
                "Send 'Authorization: apikey CONTROL_KEY'.", code=_BAD_CREDENTIALS,
            )  # fmt: skip


def _credentials(request: web.BaseRequest) -> _Credentials:
    headers = request.headers
    return headers.get(_AUTHORIZATION, ""), headers.get(_OLDEST, "")


def _nowhere(request: web.BaseRequest) -> HttpProblem:
    path = _CONTROL_CHARACTERS.sub("?", request.rel_url.raw_path)[:200]
    return HttpProblem(404, f"there is nothing at {path!r}", "See /openapi.json for what there is.")


def _is_id(segment: str) -> bool:
    return (
        len(segment) <= _LONGEST_ID
        and segment not in {".", ".."}
        and not _CONTROL_CHARACTERS.search(segment)
    )


def _choose(account: Account, crn: str | None, *, legacy: bool) -> Instance:
    """Return the instance that a request means."""
    if crn is None:
        if legacy and account.instances:
            return account.instances[0]  # the older interface names it elsewhere, if at all
        raise InvalidInputError(
            _INSTANCE, "this header is required: the CRN of the instance", _INVALID_CRN
        )
    for instance in account.instances:
        if crn == instance.id:
            return instance
    if crn.count(":") != _CRN_COLONS or not crn.startswith("crn:") or len(crn) > _LONGEST_CRN:
        raise InvalidInputError(
            _INSTANCE, "is no CRN: ten fields, separated by colons, of which the first is 'crn'",
            _SHORT_CRN,
        )  # fmt: skip
    raise InstanceNotFoundError(crn, [instance.name for instance in account.instances])


def _check_region(host: str, instance: Instance) -> None:
    """Refuse an instance of another region than the one whose host was asked."""
    if "quantum." not in host:
        return
    found = _REGION_HOST.match(host)
    region = region_of(instance.id)
    if found is not None and region is not None and region != (found[1] or _HOME_REGION):
        raise InstanceNotFoundError(instance.id)


def _may_change(request: web.BaseRequest, call: Call | None) -> bool:
    return request.method in _UNSAFE if call is None else not call.reads


def _nothing_happened(error: SwqrError) -> bool:
    return isinstance(error, UnreachableError | ClosedError)


def _is_local(address: str | None) -> bool:
    try:
        return address is None or ipaddress.ip_address(address).is_loopback
    except ValueError:
        return False


def _is_local_name(host: str) -> bool:
    """Return whether a Host header can only mean this machine: a page elsewhere has another."""
    name = host.rpartition(":")[0] if host.rpartition(":")[2].isdigit() else host
    name = name.strip("[]").lower()
    return name == "localhost" or name.endswith(".localhost") or (bool(name) and _is_local(name))


def _same(left: str, right: str) -> bool:
    return hmac.compare_digest(left.encode("utf-8", "replace"), right.encode())
