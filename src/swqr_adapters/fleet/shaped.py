"""Devices as a fleet file shapes them: snapshots under other names, with other gates."""

import difflib
import json
import shutil
import tempfile
import weakref
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

from attrs import evolve

from swqr_core.errors import ConfigurationError, InvalidInputError

from .entry import DeviceEntry
from .file import BackendShape
from .fleet import Fleet
from .snapshots import Snapshot

__all__ = ["ShapedFleet"]

_SOURCE: Final = "fleet file"
_FRACTIONAL: Final = ("rx", "rzz")
_DEFINITIONS: Final = {
    "rx": "gate rx(theta) q { U(theta, -pi/2, pi/2) q; }",
    "rzz": "gate rzz(theta) a, b { cx a, b; u1(theta) b; cx a, b; }",
}
# A fractional gate is as good and as long as the fixed one that it stands for.
_MODELS: Final = {"rx": ("sx", "x"), "rzz": ("cz", "ecr", "cx")}


class ShapedFleet:
    """The devices of a fleet file, and no others; it stands in for a ``Fleet``.

    Args:
        shapes: The devices.
        folder: A folder with one folder per snapshot; None for that of the installed package.

    Raises:
        ConfigurationError: A device's snapshot does not exist, or it cannot have the gates that
            are asked for.
    """

    def __init__(self, shapes: Iterable[BackendShape], *, folder: Path | None = None) -> None:
        self._known = Fleet(folder=folder, ideal_sizes=())
        self._room: Path | None = None
        self._entries = {shape.name: self._make(shape) for shape in shapes}

    def __repr__(self) -> str:
        return f"<ShapedFleet of {len(self._entries)} devices>"

    def names(self) -> tuple[str, ...]:
        """Return the devices in the order of the file."""
        return tuple(self._entries)

    def resolve(self, name: str) -> DeviceEntry | None:
        """Return the device called *name*, or None if there is none."""
        return self._entries.get(name)

    def _make(self, shape: BackendShape) -> DeviceEntry:
        entry = self._base(shape)
        snapshot = entry.snapshot
        if shape.fractional_gates is not None:
            if snapshot is None:
                raise ConfigurationError(
                    _SOURCE, f"backend {shape.name!r}: an ideal simulator's gates are fixed"
                )
            snapshot = self._with_gates(shape, snapshot)
        return evolve(
            entry,
            name=shape.name,
            snapshot=snapshot,
            noise=shape.noise,
            mock=shape.mock,
            calibration_ids=shape.calibration_ids,
            instances=shape.instances,
        )

    def _base(self, shape: BackendShape) -> DeviceEntry:
        word = shape.snapshot
        known = self._known.snapshots
        for prefix in ("ibm_", "ibmq_", "fake_"):
            word = word.removeprefix(prefix) if word not in known else word
        name = word if word.startswith("ideal_") else f"ibm_{word}"
        try:
            entry = self._known.resolve(name)
        except InvalidInputError:
            entry = None
        if entry is None:
            near = difflib.get_close_matches(word, known, n=3)
            hint = f"; near it is {', '.join(near)}" if near else ""
            raise ConfigurationError(
                _SOURCE, f"backend {shape.name!r}: there is no snapshot {shape.snapshot!r}{hint}"
            )
        return entry

    def _with_gates(self, shape: BackendShape, snapshot: Snapshot) -> Snapshot:
        """Write a snapshot's documents anew, with fractional gates or without."""
        configuration = json.loads(snapshot.configuration_file.read_bytes())
        properties = json.loads(snapshot.properties_file.read_bytes())
        for gate in _FRACTIONAL:
            _drop(gate, configuration, properties)
            if shape.fractional_gates:
                _add(gate, shape.name, configuration, properties)
        if self._room is None:
            self._room = Path(tempfile.mkdtemp(prefix="swqr-fleet-"))
            weakref.finalize(self, shutil.rmtree, self._room, ignore_errors=True)
        number = str(len(list(self._room.iterdir())))
        changed = Snapshot(name=number, folder=self._room / number)
        changed.folder.mkdir()
        changed.configuration_file.write_text(json.dumps(configuration), encoding="utf-8")
        changed.properties_file.write_text(json.dumps(properties), encoding="utf-8")
        return changed


def _drop(gate: str, configuration: dict[str, Any], properties: dict[str, Any]) -> None:
    for name in ("basis_gates", "supported_instructions"):
        if configuration.get(name) is not None:
            configuration[name] = [word for word in configuration[name] if word != gate]
    configuration["gates"] = [g for g in configuration["gates"] if g["name"] != gate]
    properties["gates"] = [g for g in properties["gates"] if g["gate"] != gate]


def _add(gate: str, device: str, configuration: dict[str, Any], properties: dict[str, Any]) -> None:
    model = next((name for name in _MODELS[gate] if name in configuration["basis_gates"]), None)
    if model is None:
        raise ConfigurationError(
            _SOURCE, f"backend {device!r}: its snapshot has no gate to make {gate!r} from"
        )
    configuration["basis_gates"].append(gate)
    if configuration.get("supported_instructions") is not None:
        configuration["supported_instructions"].append(gate)
    places = next(
        (g.get("coupling_map") for g in configuration["gates"] if g["name"] == model), None
    )
    definition: dict[str, Any] = {"name": gate, "parameters": ["theta"]}
    definition["qasm_def"] = _DEFINITIONS[gate]
    if places is not None:
        definition["coupling_map"] = places
    configuration["gates"].append(definition)
    copies = [
        {**g, "gate": gate, "name": g.get("name", "").replace(model, gate, 1)}
        for g in properties["gates"]
        if g["gate"] == model
    ]
    properties["gates"].extend(copies)
