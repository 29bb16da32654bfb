"""The classes that the package ``strangeworks_qiskit_runtime`` documents, over any transport.

A program for Strangeworks moves here by changing the import line::

    from swqr_adapters.facade.strangeworks import StrangeworksQiskitRuntimeService

The modules have the documented names, too: ``runtime_client``, ``service``, ``sw_runtime_job`` and
``sw_session``. Nothing is imported until a name is used.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from swqr_adapters.facade.loading import quick_import

if TYPE_CHECKING:
    from .runtime_client import StrangeworksRuntimeClient as StrangeworksRuntimeClient
    from .service import StrangeworksQiskitRuntimeService as StrangeworksQiskitRuntimeService
    from .sw_runtime_job import Backend as Backend
    from .sw_runtime_job import StrangeworksRuntimeJob as StrangeworksRuntimeJob
    from .sw_session import StrangeworksSession as StrangeworksSession

__all__ = [
    "Backend",
    "StrangeworksQiskitRuntimeService",
    "StrangeworksRuntimeClient",
    "StrangeworksRuntimeJob",
    "StrangeworksSession",
]

_MODULES = {
    "Backend": "sw_runtime_job",
    "StrangeworksQiskitRuntimeService": "service",
    "StrangeworksRuntimeClient": "runtime_client",
    "StrangeworksRuntimeJob": "sw_runtime_job",
    "StrangeworksSession": "sw_session",
}


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    with quick_import():
        value = getattr(import_module(f".{_MODULES[name]}", __name__), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
