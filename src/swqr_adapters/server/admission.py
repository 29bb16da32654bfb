"""Who asks: credentials, the instance that is meant, and what the sender may ask for."""

import hmac
import ipaddress
import re
from typing import Final, TypeVar

from aiohttp import web

from swqr_adapters.wire.ibm import region_of
from swqr_core.errors import (
    AccessDeniedError,
    InstanceNotFoundError,
    InvalidInputError,
    PayloadTooLargeError,
)
from swqr_core.model.principal import Instance, Principal
from swqr_core.ports.clock import Clock
from swqr_core.ports.transport import RuntimeTransport

from .allowances import Allowances
from .call import Call
from .problems import HttpProblem
from .providers import Account, TransportProvider
from .routing import Route
from .settings import ServerSettings
from .tokens import TokenDesk

__all__ = ["CREDENTIALS", "Admission"]

_AUTHORIZATION: Final = "Authorization"
_INSTANCE: Final = "Service-CRN"
_OLDEST: Final = "X-Access-Token"  # the oldest interface's credentials
CREDENTIALS: Final = (_AUTHORIZATION, _OLDEST, _INSTANCE)
"""The headers that say who asks, each of which may stand there once."""

_LONGEST_CRN: Final = 1024
_SUBMISSIONS: Final = ("/jobs", "/create_runtime_job")
_REMEMBERED: Final = 60.0  # seconds
_MOST_REMEMBERED: Final = 4096
_LONGEST_REMEMBERED: Final = 4096  # characters: what is longer is looked at each time
_CRN_COLONS: Final = 9
_BAD_CREDENTIALS, _INVALID_CRN, _SHORT_CRN = 1201, 1241, 1348
_REGION_HOST: Final = re.compile(r"(?:private\.)?(?:([a-z]{2}-[a-z]{2,10})\.)?quantum\.")
_HOME_REGION: Final = "us-east"

K = TypeVar("K")
V = TypeVar("V")

_Credentials = tuple[str, str]  # the headers that may hold some
_Until = tuple[float, float]  # by the clock that is never set, and by the time of day


class Admission:
    """Finds out who asks, and lets them in.

    Args:
        provider: Who may ask, and over which transports.
        settings: The limits.
        clock: The time, for tokens.

    Attributes:
        desk: Where tokens are issued and known again.
    """

    def __init__(self, provider: TransportProvider, settings: ServerSettings, clock: Clock) -> None:
        self.desk = TokenDesk(clock, settings.token_seconds)
        self._provider = provider
        self._control_key = settings.control_key
        self._clock = clock
        self._allowances = Allowances(clock, settings.allowance)
        self._bound: dict[
            tuple[str, str | None, str | None, bool],
            tuple[_Until, Account, Instance, RuntimeTransport],
        ] = {}
        self._known: dict[_Credentials, tuple[_Until, Account]] = {}

    def forget(self) -> None:
        """Forget whom credentials stand for."""
        self._bound.clear()
        self._known.clear()

    async def admit(self, call: Call, route: Route) -> None:
        """Find out who asks, as far as the route needs to know, and count the request.

        Raises:
            AccessDeniedError: Nobody knows the credentials.
            InstanceNotFoundError: The instance is not of this user, or of another region.
            InvalidInputError: The instance is missing, or no CRN.
            HttpProblem: It is one request too many, or none for this sender; nothing was done.
            PayloadTooLargeError: It is larger than the key allows.
        """
        if route.group == "runtime":
            await self._bind(call)
        elif route.group == "control":
            self.check_control(call.request)
        elif route.group == "account":
            call.bind_account(await self.account(call.request))
        self._allow(call, route)

    def _allow(self, call: Call, route: Route) -> None:
        """Count a request against what its key may ask for."""
        account, announced = call.known_account, call.request.content_length
        if account is None:
            return
        submission = route.method == "POST" and route.template.endswith(_SUBMISSIONS)
        self._allowances.spend(account, submission=submission)
        call.most_bytes = most = self._allowances.of(account).max_body_bytes
        if most is not None and announced is not None and announced > most:
            raise PayloadTooLargeError("body", announced, most)

    async def _bind(self, call: Call) -> None:
        """Find out who asks in which instance."""
        request = call.request
        given, crn = request.headers.get(_AUTHORIZATION), request.headers.get(_INSTANCE)
        token = None if given else request.headers.get(_OLDEST)
        legacy = call.legacy or token is not None
        asks = given or "", token, crn, legacy
        known = self._bound.get(asks)
        if known is None or self._is_over(known[0]):
            account, seconds = await self._authenticate(request)
            instance = _choose(account, crn, legacy=legacy)
            transport = await self._provider.transport(
                Principal(user=account.user, instance=instance.id)
            )
            known = self._until(seconds), account, instance, transport
            _remember(self._bound, asks, known, size=len(asks[0]) + len(token or ""))
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
        if known is None or self._is_over(known[0]):
            account, seconds = await self._authenticate(request)
            known = self._until(seconds), account
            _remember(self._known, given, known, size=sum(map(len, given)))
        return known[1]

    def _until(self, seconds: float) -> _Until:
        """Return until when to remember credentials that are good for so long."""
        good = min(seconds, _REMEMBERED)
        return self._clock.monotonic() + good, self._clock.now().timestamp() + good

    def _is_over(self, until: _Until) -> bool:
        """Ask both clocks: one stands still while a machine sleeps, and the other can be set."""
        monotonic, at = until
        return monotonic <= self._clock.monotonic() or at <= self._clock.now().timestamp()

    async def _authenticate(self, request: web.BaseRequest) -> tuple[Account, float]:
        """Return whose credentials a request brings, and for how many seconds they are good."""
        scheme, _, word = request.headers.get(_AUTHORIZATION, "").partition(" ")
        word, seconds = word.strip(), _REMEMBERED
        if scheme.lower() == "bearer":
            meant = self.desk.key_of(word)
            if meant is not None:
                word, seconds = meant[0], meant[1] - self._clock.now().timestamp()
        elif scheme.lower() != "apikey":
            word = request.headers.get(_OLDEST, "")
        account = await self._provider.account(word) if word else None
        if account is None:
            raise AccessDeniedError(
                "do this without valid credentials",
                "send 'Authorization: Bearer TOKEN' with a token that has not expired, or "
                "'Authorization: apikey KEY'",
                _BAD_CREDENTIALS,
            )
        return account, seconds

    def check_control(self, request: web.BaseRequest) -> None:
        """Let the control surface's owner pass, and nobody else.

        Raises:
            HttpProblem: It is somebody else.
        """
        key = self._control_key
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


def _remember(known: dict[K, V], key: K, value: V, *, size: int) -> None:
    """Keep whom credentials of so many characters stand for, unless they are too long for that."""
    if size <= _LONGEST_REMEMBERED:
        if len(known) >= _MOST_REMEMBERED:
            known.clear()
        known[key] = value


def _credentials(request: web.BaseRequest) -> _Credentials:
    headers = request.headers
    return headers.get(_AUTHORIZATION, ""), headers.get(_OLDEST, "")


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
