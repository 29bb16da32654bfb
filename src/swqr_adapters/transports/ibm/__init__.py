"""IBM's platform over its REST interface, or any server that speaks like it."""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .settings import IbmSettings as IbmSettings
    from .settings import connect as connect
    from .settings import connect_http as connect_http
    from .settings import connect_https as connect_https
    from .settings import make_transport as make_transport
    from .transport import IbmTransport as IbmTransport

__all__ = [
    "IbmSettings",
    "IbmTransport",
    "connect",
    "connect_http",
    "connect_https",
    "make_transport",
]

_HOME = {
    "IbmSettings": ".settings",
    "IbmTransport": ".transport",
    "connect": ".settings",
    "connect_http": ".settings",
    "connect_https": ".settings",
    "make_transport": ".settings",
}


def __getattr__(name: str) -> object:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(_HOME[name], __name__), name)
    globals()[name] = value
    return value
