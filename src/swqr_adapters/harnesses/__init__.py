"""Platforms for the conformance kit that are reached over a wire: servers on this machine.

Only the kit and tests import this room; the entry points of the group ``swqr.harnesses`` name what
is in it. The names below are imported when they are first used.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .blocking import RuntimeHarness as RuntimeHarness
    from .gateway import GatewayHarness as GatewayHarness
    from .ibm import IbmHarness as IbmHarness
    from .ibm import PlainIbmHarness as PlainIbmHarness
    from .strangeworks import PlainStrangeworksHarness as PlainStrangeworksHarness
    from .strangeworks import StrangeworksHarness as StrangeworksHarness

__all__ = [
    "GatewayHarness",
    "IbmHarness",
    "PlainIbmHarness",
    "PlainStrangeworksHarness",
    "RuntimeHarness",
    "StrangeworksHarness",
]

_HOME = {
    "GatewayHarness": ".gateway",
    "IbmHarness": ".ibm",
    "PlainIbmHarness": ".ibm",
    "PlainStrangeworksHarness": ".strangeworks",
    "RuntimeHarness": ".blocking",
    "StrangeworksHarness": ".strangeworks",
}


def __getattr__(name: str) -> object:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(_HOME[name], __name__), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOME})
