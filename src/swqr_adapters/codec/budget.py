"""How much one document may cost to decode."""

from attrs import define, field

from .errors import UnsafePayloadError

__all__ = ["Budget", "Work"]

_MIB = 2**20


@define(kw_only=True)
class Budget:
    """Limits for one document; `left` shrinks while it is decoded, so use each budget once.

    Attributes:
        document: Bytes of the document itself.
        inflated: Bytes that all its compressed blobs together may become.
        circuit: Bytes that one circuit may become.
        depth: Levels of nested lists and objects.
        qubits: Qubits of one circuit, and of one Pauli map.
        clbits: Classical bits of one circuit.
        instructions: Instructions of one circuit.
        programs: Circuits in one QPY file, where a format allows several.
        left: Bytes of `inflated` that have not been used.
    """

    document: int = 512 * _MIB
    inflated: int = 1024 * _MIB
    circuit: int = 256 * _MIB
    depth: int = 200
    qubits: int = 10_000
    clbits: int = 1_000_000
    instructions: int = 5_000_000
    programs: int = 1000
    left: int = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.left = self.inflated

    def take(self, size: int) -> None:
        """Count *size* bytes.

        Raises:
            UnsafePayloadError: They are more than is left.
        """
        if size > self.left:
            raise UnsafePayloadError("$", self.refusal(size))
        self.left -= size

    def refusal(self, size: int) -> str:
        """Return the sentence for a blob of *size* bytes (or more) that is too much."""
        return (
            f"inflates to {size} bytes or more, over the {self.left} of {self.inflated} bytes left "
            "for this document: send less in one job"
        )


@define
class Work:
    """How many bytes of parts of one file may be read: they do not overlap, so it is linear.

    Attributes:
        left: How many are left.
        of: What the parts are, for the message.
    """

    left: int
    of: str

    def spend(self, amount: int) -> None:
        """Count what is about to be read.

        Raises:
            UnsafePayloadError: That is more than the file has: its parts overlap.
        """
        self.left -= amount
        if self.left < 0:
            raise UnsafePayloadError("$", f"{self.of} in the QPY file overlap")
