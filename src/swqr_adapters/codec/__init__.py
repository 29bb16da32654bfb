"""The tagged JSON dialect of Qiskit Runtime payloads, and the checks for what comes from outside.

`encode` and `decode` serve workers and never import qiskit-ibm-runtime. The module `official`,
which does, gives the facade encoders and decoders for the official client's own classes; import
it by name.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .budget import Budget as Budget
    from .decoder import decode as decode
    from .encoder import encode as encode
    from .errors import MalformedPayloadError as MalformedPayloadError
    from .errors import PayloadError as PayloadError
    from .errors import UnsafePayloadError as UnsafePayloadError

__all__ = [
    "Budget",
    "MalformedPayloadError",
    "PayloadError",
    "UnsafePayloadError",
    "decode",
    "encode",
]

_HOME = {
    "Budget": ".budget",
    "MalformedPayloadError": ".errors",
    "PayloadError": ".errors",
    "UnsafePayloadError": ".errors",
    "decode": ".decoder",
    "encode": ".encoder",
}


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        msg = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(msg)
    value = getattr(import_module(_HOME[name], __name__), name)
    globals()[name] = value
    return value
