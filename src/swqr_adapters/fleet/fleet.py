"""All devices, by name."""

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

from attrs import field, frozen

from swqr_core.errors import InvalidInputError, MissingExtraError

from .documents import MAX_IDEAL_QUBITS
from .entry import DeviceEntry
from .snapshots import Snapshot, find_snapshots

__all__ = ["Fleet"]

_IDEAL: Final = re.compile(r"ideal_([1-9]\d{0,3})")
_DEVICE: Final = re.compile(r"(?:ibm|ibmq|fake)_(\w+)", re.ASCII)


def _sizes(sizes: Iterable[int]) -> tuple[int, ...]:
    return tuple(sizes)


def _check_sizes(_fleet: object, _field: object, sizes: tuple[int, ...]) -> None:
    for size in sizes:
        if not 1 <= size <= MAX_IDEAL_QUBITS:
            raise InvalidInputError(
                "ideal_sizes", f"{size} is no size of a simulator: 1 to {MAX_IDEAL_QUBITS}"
            )


@frozen(kw_only=True)
class Fleet:
    """Every device snapshot of the installed qiskit-ibm-runtime, and ideal simulators.

    A snapshot ``brisbane`` answers to ``ibm_brisbane``, ``ibmq_brisbane`` and ``fake_brisbane``; an
    ideal simulator of n qubits, 1 to 1,000, to ``ideal_<n>``. Without qiskit-ibm-runtime there are
    only the ideal ones.

    Attributes:
        folder: A folder with one folder per snapshot; None for that of the installed package.
        ideal_sizes: The ideal simulators that a listing shows; the others exist all the same.
        snapshots: The snapshots by short name.
    """

    folder: Path | None = None
    ideal_sizes: tuple[int, ...] = field(default=(32,), converter=_sizes, validator=_check_sizes)
    snapshots: Mapping[str, Snapshot] = field(init=False, repr=False, eq=False)

    @snapshots.default
    def _find(self) -> Mapping[str, Snapshot]:
        return find_snapshots(self.folder)

    def names(self) -> tuple[str, ...]:
        """Return the listed devices: ``ibm_<snapshot>`` in alphabetical order, then ideal ones."""
        return (
            *(f"ibm_{name}" for name in self.snapshots),
            *(f"ideal_{size}" for size in self.ideal_sizes),
        )

    def resolve(self, name: str) -> DeviceEntry | None:
        """Return the device called *name*, or None if there is none.

        Raises:
            MissingExtraError: If the name is that of a real device and no snapshots are installed.
        """
        if match := _IDEAL.fullmatch(name):
            size = int(match[1])
            return DeviceEntry(name=name, num_qubits=size) if size <= MAX_IDEAL_QUBITS else None
        match = _DEVICE.fullmatch(name)
        if match is None:
            return None
        if not self.snapshots:
            raise MissingExtraError(f"the device {name!r}", "qiskit")
        snapshot = self.snapshots.get(match[1])
        if snapshot is None:
            return None
        return DeviceEntry(name=name, num_qubits=snapshot.facts().num_qubits, snapshot=snapshot)
