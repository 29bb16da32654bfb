"""What an uploaded program may use, and how much of the machine it may be trusted with."""

from enum import StrEnum

from attrs import frozen

__all__ = ["SandboxLimits", "Trust"]

_MIB = 2**20


class Trust(StrEnum):
    """What must hold for an uploaded program to be run."""

    ISOLATED = "isolated"
    """It sees neither files nor network nor other processes, and starts no processes."""
    LIMITS = "limits"
    """Limits of the system are enough, where it offers no more: for programs of one's own."""


@frozen(kw_only=True)
class SandboxLimits:
    """Limits of one run. Its wall time is that of its job.

    Attributes:
        memory_bytes: Address space above what the interpreter and its libraries take.
        disk_bytes: What all its files may take together, which is memory too; where it has no
            file system of its own, what each of them may.
        open_files: Descriptors open at one moment.
        output_bytes: What it may print.
        result_bytes: The longest result, and the longest parameters of a circuit run.
        messages: How many interim results it may publish.
        message_bytes: The longest of them.
        messages_bytes: All of them together.
        runs_at_once: Circuit runs that it may wait for at one moment.
        start_seconds: Until it must be ready to begin.
        check_seconds: In which a document must have been checked by its schema.
        processes: Programs and checks that run side by side.
        spares: Sandboxes that wait for a program, once one has run.
        spare_seconds: How long they wait for the next one.
    """

    memory_bytes: int = 1024 * _MIB
    disk_bytes: int = 64 * _MIB
    open_files: int = 64
    output_bytes: int = 16 * _MIB
    result_bytes: int = 64 * _MIB
    messages: int = 10_000
    message_bytes: int = _MIB
    messages_bytes: int = 64 * _MIB
    runs_at_once: int = 8
    start_seconds: float = 120.0
    check_seconds: float = 10.0
    processes: int = 8
    spares: int = 1
    spare_seconds: float = 600.0
