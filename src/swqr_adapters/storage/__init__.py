"""Event logs and blob stores.

The names below are imported when they are first used.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .blobs import SpillingBlobStore as SpillingBlobStore
    from .memory import MemoryEventLog as MemoryEventLog
    from .sqlite import Store as Store
    from .sqlite import open_store as open_store
    from .sqlite import store_path as store_path

__all__ = ["MemoryEventLog", "SpillingBlobStore", "Store", "open_store", "store_path"]

_HOME = {
    "MemoryEventLog": ".memory",
    "SpillingBlobStore": ".blobs",
    "Store": ".sqlite",
    "open_store": ".sqlite",
    "store_path": ".sqlite",
}


def __getattr__(name: str) -> object:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(_HOME[name], __name__), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOME})
