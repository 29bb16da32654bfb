"""The Strangeworks platform, or any server that speaks like it."""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .settings import StrangeworksSettings as StrangeworksSettings
    from .settings import connect as connect
    from .settings import make_transport as make_transport
    from .transport import StrangeworksTransport as StrangeworksTransport

__all__ = ["StrangeworksSettings", "StrangeworksTransport", "connect", "make_transport"]

_HOME = {
    "StrangeworksSettings": ".settings",
    "StrangeworksTransport": ".transport",
    "connect": ".settings",
    "make_transport": ".settings",
}


def __getattr__(name: str) -> object:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(_HOME[name], __name__), name)
    globals()[name] = value
    return value
