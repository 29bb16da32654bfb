"""IBM's REST interface over any transport: official clients cannot tell it from the real one."""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .app import make_app as make_app
    from .audit import AuditFile as AuditFile
    from .hosting import Server as Server
    from .providers import Account as Account
    from .providers import Allowance as Allowance
    from .providers import KeyRing as KeyRing
    from .providers import TransportProvider as TransportProvider
    from .settings import ServerSettings as ServerSettings

__all__ = [
    "Account",
    "Allowance",
    "AuditFile",
    "KeyRing",
    "Server",
    "ServerSettings",
    "TransportProvider",
    "make_app",
]

_HOME = {
    "Account": ".providers",
    "Allowance": ".providers",
    "AuditFile": ".audit",
    "KeyRing": ".providers",
    "Server": ".hosting",
    "ServerSettings": ".settings",
    "TransportProvider": ".providers",
    "make_app": ".app",
}


def __getattr__(name: str) -> object:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(_HOME[name], __name__), name)
    globals()[name] = value
    return value
