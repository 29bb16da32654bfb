"""What a transport was asked last, for whoever has to find out why a claim does not hold."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from datetime import datetime
from enum import StrEnum
from reprlib import Repr
from typing import Final, TypeVar

from attrs import define, field, fields, has

from swqr_core.ports.transport import RuntimeTransport
from swqr_core.wrappers.delegation import Call, TransportWrapper

__all__ = ["Asked", "Asking"]

T = TypeVar("T")

_LAST: Final = 5
"""How many calls are told."""

_SHORT: Final = Repr()
_SHORT.maxother = _SHORT.maxstring = 50


@define(eq=False)
class _Line:
    call: Call
    answer: object = None
    how: str = "no answer yet"

    def __str__(self) -> str:
        given = ", ".join(f"{name}={_shown(v)}" for name, v in self.call.arguments.items())
        told = self.how or f"-> {_shown(self.answer)}"
        return f"  {self.call.method}({given}) {told}"


def _shown(value: object) -> str:
    """Return a value in short; of what has fields, those that say something."""
    kind = type(value)
    if not has(kind):
        return _short(value)
    given = {one.name: getattr(value, one.name) for one in fields(kind) if one.repr}
    usual = {one.name: one.default for one in fields(kind)}
    told = [f"{n}={_short(v)}" for n, v in given.items() if v not in ({}, usual[n])]
    return f"{kind.__name__}({', '.join(told)})"


def _short(value: object) -> str:
    return str(value) if isinstance(value, datetime | StrEnum) else _SHORT.repr(value)


@define(eq=False)
class Asked:
    """The calls of one test, of all its transports."""

    _lines: deque[_Line] = field(factory=lambda: deque(maxlen=_LAST))

    def add(self, call: Call) -> _Line:
        """Begin a line."""
        line = _Line(call)
        self._lines.append(line)
        return line

    def __str__(self) -> str:
        if not self._lines:
            return "nothing was asked of a transport"
        return "\n".join(["asked of transports, the last call last:", *map(str, self._lines)])


class Asking(TransportWrapper):
    """Notes what is asked, and changes nothing."""

    def __init__(self, inner: RuntimeTransport, asked: Asked) -> None:
        super().__init__(inner)
        self._asked = asked

    async def _around(self, call: Call, act: Callable[[], Awaitable[T]]) -> T:
        line = self._asked.add(call)
        try:
            answer = await act()
        except asyncio.CancelledError:
            line.how = "was given up"
            raise
        except Exception as error:
            line.how = f"raised {type(error).__name__}: {_SHORT.repr(str(error))}"
            raise
        line.answer, line.how = answer, ""
        return answer
