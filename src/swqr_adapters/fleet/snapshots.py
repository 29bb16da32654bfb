"""Where the device snapshots of the installed qiskit-ibm-runtime are."""

import re
from collections.abc import Mapping
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from types import MappingProxyType
from typing import Final

from attrs import frozen

__all__ = ["Snapshot", "SnapshotFacts", "find_snapshots"]

_PACKAGE: Final = "qiskit_ibm_runtime"
_QUBITS: Final = re.compile(rb'"n_qubits"\s*:\s*(\d+)')
_CLOPS_HARDWARE: Final = re.compile(rb'"clops_h"\s*:\s*(\d+)')
_CLOPS_VIRTUAL: Final = re.compile(rb'"(?:clops|clops_v)"\s*:\s*(\d+)')
_PROCESSOR: Final = re.compile(rb'"processor_type"\s*:\s*\{([^{}]*)\}')
_PROCESSOR_FIELD: Final = re.compile(
    rb'"(family|revision|segment)"\s*:\s*(?:"([^"\\]*)"|(-?[0-9.eE+]+))'
)


@frozen(kw_only=True)
class SnapshotFacts:
    """What a listing says of a device.

    Attributes:
        num_qubits: How many qubits it has.
        clops: Its speed as ``(kind, value)``, the kind being ``hardware`` or ``virtual``; None if
            the snapshot does not say.
        processor_type: ``family``, ``revision`` and ``segment``, as far as known; always text.
    """

    num_qubits: int
    clops: tuple[str, int] | None
    processor_type: Mapping[str, str] | None


@frozen(kw_only=True)
class Snapshot:
    """The files of one device.

    Attributes:
        name: The device's short name, for example ``brisbane``.
        folder: Where the files are.
    """

    name: str
    folder: Path

    @property
    def configuration_file(self) -> Path:
        """The file with the device's configuration."""
        return self.folder / f"conf_{self.name}.json"

    @property
    def properties_file(self) -> Path:
        """The file with the device's calibration data."""
        return self.folder / f"props_{self.name}.json"

    def facts(self) -> SnapshotFacts:
        """Return what a listing needs, searched in the file's bytes; nothing is parsed."""
        return _facts(self)


def find_snapshots(folder: Path | None = None) -> Mapping[str, Snapshot]:
    """Find all snapshots, by short name.

    Args:
        folder: The folder with one folder per device; None for that of the installed
            qiskit-ibm-runtime.

    Returns:
        The snapshots in alphabetical order; none if the package is not installed.
    """
    root = folder if folder is not None else _installed_folder()
    if root is None or not root.is_dir():
        return MappingProxyType({})
    found = {}
    for path in sorted(root.iterdir()):
        snapshot = Snapshot(name=path.name, folder=path)
        if snapshot.configuration_file.is_file() and snapshot.properties_file.is_file():
            found[path.name] = snapshot
    return MappingProxyType(found)


def _installed_folder() -> Path | None:
    # For a top-level package find_spec only looks for it; nothing of it is executed.
    spec = find_spec(_PACKAGE)
    if spec is None or not spec.submodule_search_locations:
        return None
    return Path(next(iter(spec.submodule_search_locations))) / "fake_provider" / "backends"


# By snapshot, for making the file's path again would take longer than all else: this is asked for
# with every job.
@lru_cache(maxsize=1024)
def _facts(snapshot: Snapshot) -> SnapshotFacts:
    path = snapshot.configuration_file
    raw = path.read_bytes()
    qubits = _QUBITS.search(raw)
    if qubits is None:
        raise ValueError(f"{path} names no n_qubits: it is no device configuration")
    clops: tuple[str, int] | None = None
    for kind, pattern in (("hardware", _CLOPS_HARDWARE), ("virtual", _CLOPS_VIRTUAL)):
        if clops is None and (match := pattern.search(raw)):
            clops = (kind, int(match[1]))
    processor = _PROCESSOR.search(raw)
    fields = None
    if processor is not None:
        fields = {
            m[1].decode(): (m[2] if m[2] is not None else m[3]).decode()
            for m in _PROCESSOR_FIELD.finditer(processor[1])
        }
    return SnapshotFacts(num_qubits=int(qubits[1]), clops=clops, processor_type=fields or None)
