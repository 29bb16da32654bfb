"""A quantum cloud in this process: queues, time limits, and programs that really run."""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .cloud import MemoryCloud as MemoryCloud
    from .settings import CloudSettings as CloudSettings
    from .settings import connect as connect
    from .settings import open_cloud as open_cloud

__all__ = ["CloudSettings", "MemoryCloud", "connect", "open_cloud"]

_HOME = {
    "CloudSettings": ".settings",
    "MemoryCloud": ".cloud",
    "connect": ".settings",
    "open_cloud": ".settings",
}


def __getattr__(name: str) -> object:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(_HOME[name], __name__), name)
    globals()[name] = value
    return value
