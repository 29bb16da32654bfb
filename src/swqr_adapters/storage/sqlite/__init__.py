"""A store in one SQLite database, with large payloads in files beside it.

``open_store`` gives an event log and a blob store that share a lock and a writer. What either of
them has confirmed outlives a crash of the process and of the machine.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .location import store_path as store_path
    from .store import Store as Store
    from .store import open_store as open_store

__all__ = ["Store", "open_store", "store_path"]

_HOME = {"Store": ".store", "open_store": ".store", "store_path": ".location"}


def __getattr__(name: str) -> object:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(_HOME[name], __name__), name)
    globals()[name] = value
    return value
