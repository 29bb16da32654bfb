"""Where uploaded programs run: processes that can do as little as the system allows."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .isolation import Isolation as Isolation
    from .isolation import probe_isolation as probe_isolation
    from .limits import SandboxLimits as SandboxLimits
    from .limits import Trust as Trust
    from .runner import SandboxRunner as SandboxRunner

__all__ = ["Isolation", "SandboxLimits", "SandboxRunner", "Trust", "probe_isolation"]

_HOME = {
    "Isolation": ".isolation",
    "SandboxLimits": ".limits",
    "SandboxRunner": ".runner",
    "Trust": ".limits",
    "probe_isolation": ".isolation",
}


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = globals()[name] = getattr(import_module(_HOME[name], __name__), name)
    return value
