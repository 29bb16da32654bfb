"""A payload seen from outside: what it is called and how big it is."""

import hashlib

from attrs import field, frozen

from .validators import integer

__all__ = ["Payload"]


@frozen
class Payload:
    """The address of some bytes.

    Attributes:
        digest: ``sha256:`` and 64 hexadecimal digits.
        size: In bytes.
    """

    digest: str
    size: int = field(validator=integer(at_least=0, unit="bytes"))

    @classmethod
    def of(cls, data: bytes | bytearray | memoryview) -> "Payload":
        """Return the address of *data*; the bytes are read, not kept."""
        return cls(f"sha256:{hashlib.sha256(data).hexdigest()}", len(data))
