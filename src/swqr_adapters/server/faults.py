"""Faults on demand: answers that are wrong, late or lost, for whoever tests a client."""

import fnmatch
import itertools
import math
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

from aiohttp import web
from attrs import asdict, define, field

from swqr_core.errors import InvalidInputError
from swqr_core.ports.clock import Clock

from .problems import HttpProblem

__all__ = ["Dropped", "FaultRule", "Faults"]

_REFUSED: Final = 1208
_TOO_MANY: Final = 1202
_INJECTED: Final = 1000
_MOST_RULES: Final = 100
_LEAST_STATUS, _MOST_STATUS = 400, 599
_LONGEST_DELAY: Final = 3600.0


class Dropped(Exception):  # noqa: N818 - it never leaves this room
    """The connection is to be cut without an answer."""


@define(kw_only=True)
class FaultRule:
    """What happens to requests that it fits.

    Attributes:
        id: Its id.
        method: The method, or ``*``.
        path: A pattern for the path, like ``*/jobs/*``.
        status: The status to answer with instead; None to answer properly.
        delay: Seconds to wait first.
        drop: ``before`` the request is processed or ``after``, the connection is cut; None not to.
        rate: How many requests pass in each *period*; the others are answered with 429.
        period: Seconds.
        skip: How many requests pass before it begins.
        times: How many requests it takes; None for all.
        seen: How many requests it has fitted.
    """

    id: str
    method: str = "*"
    path: str = "*"
    status: int | None = None
    delay: float = 0.0
    drop: str | None = None
    rate: int | None = None
    period: float = 60.0
    skip: int = 0
    times: int | None = None
    seen: int = 0
    _window: float = field(default=-math.inf, repr=False)
    _passed: int = field(default=0, repr=False)

    def document(self) -> dict[str, Any]:
        """Return it as plain JSON values."""
        shown = asdict(self)
        return {name: value for name, value in shown.items() if not name.startswith("_")}

    def takes(self, method: str, path: str) -> bool:
        """Return whether a request is its business; this counts it."""
        if self.method not in {"*", method} or not fnmatch.fnmatchcase(path, self.path):
            return False
        self.seen += 1
        last = math.inf if self.times is None else self.skip + self.times
        return self.skip < self.seen <= last

    def wait_for_rate(self, now: float) -> float | None:
        """Return the seconds until a request may pass, or None if it may now; this counts it."""
        if self.rate is None:
            return None
        if now - self._window >= self.period:
            self._window, self._passed = now, 0
        if self._passed < self.rate:
            self._passed += 1
            return None
        return self._window + self.period - now


def parse_rule(document: Mapping[str, Any], id: str) -> FaultRule:
    """Read a rule.

    Raises:
        InvalidInputError: A field is unknown or its value cannot be used.
    """
    checks: dict[str, tuple[Callable[[Any], bool], str]] = {
        "method": (lambda v: isinstance(v, str), "must be a method or *"),
        "path": (lambda v: isinstance(v, str) and len(v) <= 500, "must be a pattern"),  # noqa: PLR2004
        "status": (
            lambda v: v is None or (_whole(v) and _LEAST_STATUS <= v <= _MOST_STATUS),
            "must be 400 to 599",
        ),
        "delay": (
            lambda v: _number(v) and 0 <= v <= _LONGEST_DELAY,
            f"must be 0 to {_LONGEST_DELAY:g} seconds",
        ),
        "drop": (lambda v: v in (None, "before", "after"), "must be before or after"),
        "rate": (lambda v: v is None or (_whole(v) and v >= 0), "must be a whole number"),
        "period": (lambda v: _number(v) and v > 0, "must be seconds above 0"),
        "skip": (lambda v: _whole(v) and v >= 0, "must be a whole number"),
        "times": (lambda v: v is None or (_whole(v) and v >= 1), "must be a whole number"),
    }
    for name, value in document.items():
        if name not in checks:
            raise InvalidInputError(name, f"is unknown; known: {', '.join(checks)}", _REFUSED)
        fits, problem = checks[name]
        if not fits(value):
            raise InvalidInputError(name, f"{problem}, not {value!r:.100}", _REFUSED)
    if all(document.get(name) in {None, 0} for name in ("status", "delay", "drop", "rate")):
        raise InvalidInputError("rule", "needs a status, a delay, a drop or a rate", _REFUSED)
    return FaultRule(id=id, **document)


def _whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


class Faults:
    """The rules in force.

    Args:
        clock: What delays and rates are measured on.
    """

    def __init__(self, clock: Clock) -> None:
        self.rules: dict[str, FaultRule] = {}
        self._clock = clock
        self._numbers = itertools.count(1)

    def add(self, document: Mapping[str, Any]) -> FaultRule:
        """Put a rule in force.

        Raises:
            InvalidInputError: It cannot be used, or there are too many.
        """
        if len(self.rules) >= _MOST_RULES:
            raise InvalidInputError("rules", f"there are {_MOST_RULES}: delete some", _REFUSED)
        rule = parse_rule(document, f"fault-{next(self._numbers)}")
        self.rules[rule.id] = rule
        return rule

    async def meet(
        self, method: str, path: str, answer: Callable[[], Awaitable[web.StreamResponse]]
    ) -> web.StreamResponse:
        """Answer a request as the rules that fit it say.

        Raises:
            Dropped: The connection is to be cut.
            HttpProblem: A rule says what the answer is.
        """
        mine = [rule for rule in self.rules.values() if rule.takes(method, path)]
        for rule in mine:
            if rule.delay:
                await self._clock.sleep(rule.delay)
            wait = rule.wait_for_rate(self._clock.monotonic())
            if wait is not None:
                raise _injected(429, _TOO_MANY, {"Retry-After": str(math.ceil(wait))})
            if rule.drop == "before":
                raise Dropped
            if rule.status is not None and rule.drop is None:
                more = {"Retry-After": "1"} if rule.status in {429, 503} else {}
                raise _injected(rule.status, _INJECTED, more)
        response = await answer()
        if any(rule.drop == "after" for rule in mine):
            raise Dropped
        return response


def _injected(status: int, code: int, headers: Mapping[str, str]) -> HttpProblem:
    return HttpProblem(
        status,
        "a fault rule of the control surface says so",
        "Delete the rule, or try again.",
        code=code,
        headers=headers,
    )
