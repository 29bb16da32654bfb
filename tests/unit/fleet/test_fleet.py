"""The fleet, on the snapshots of the installed qiskit-ibm-runtime."""

import json
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from swqr_adapters.fleet import DeviceEntry, Fleet
from swqr_core.errors import InvalidInputError, MissingExtraError

if find_spec("qiskit_ibm_runtime") is None:  # its snapshots are what is tested
    pytest.skip("qiskit-ibm-runtime is not installed", allow_module_level=True)

FLEET = Fleet()
#: Devices with something odd: one qubit, an old basis, a dt in seconds, split words, short
#: measurements, no coordinates, and one of each newer family.
ODD = sorted(
    {
        "armonk",
        "almaden",
        "poughkeepsie",
        "kolkata",
        "boston",
        "prague",
        "manila",
        "brisbane",
    }.union({"fez", "miami", "fractional"}).intersection(
        FLEET.snapshots
    )  # older releases ship fewer
)
REQUIRED = {
    *("backend_name", "backend_version", "basis_gates", "conditional", "coords", "coupling_map"),
    *("gates", "local", "memory", "n_qubits", "online_date", "open_pulse", "simulator"),
    "u_channel_lo",
}


def entry(name: str) -> DeviceEntry:
    found = FLEET.resolve(name)
    assert found is not None
    return found


def test_every_shipped_snapshot_is_listed_as_an_ibm_device() -> None:
    folders = {s.folder for s in FLEET.snapshots.values()}
    root = next(iter(folders)).parent
    shipped = {path.parent.name for path in root.glob("*/conf_*.json")}

    names = FLEET.names()

    assert set(names) == {f"ibm_{name}" for name in shipped} | {"ideal_32"}
    assert len(shipped) > 50


def test_listing_parses_no_device_file(monkeypatch: pytest.MonkeyPatch) -> None:
    fresh = Fleet()

    def forbidden(*_args: object, **_kwargs: object) -> None:
        raise AssertionError("a file was parsed")

    monkeypatch.setattr(json, "loads", forbidden)
    monkeypatch.setattr(json, "load", forbidden)

    summaries = [fresh.resolve(name).summary() for name in fresh.names()]  # type: ignore[union-attr]

    assert {s["name"] for s in summaries} == set(fresh.names())


def test_what_a_listing_says_is_what_the_file_says() -> None:
    for snapshot in FLEET.snapshots.values():
        document = json.loads(snapshot.configuration_file.read_bytes())
        facts = snapshot.facts()
        processor = document.get("processor_type") or None

        assert facts.num_qubits == document["n_qubits"]
        assert facts.processor_type == (
            None if processor is None else {k: str(v) for k, v in processor.items()}
        )
        assert (facts.clops is None) == (not document.get("clops_h") and not document.get("clops"))


def test_the_summary_has_what_a_backend_listing_needs() -> None:
    assert entry("ibm_brisbane").summary() == {
        "name": "ibm_brisbane",
        "status": {"name": "online", "reason": ""},
        "qubits": 127,
        "physical_qubits": 127,
        "is_simulator": False,
        "clops": {"type": "hardware", "value": 180000},
        "processor_type": {"family": "Eagle", "revision": "3"},
    }


def test_the_fleet_loads_neither_qiskit_nor_numpy() -> None:
    code = (
        "import sys; from swqr_adapters.fleet import Fleet; f = Fleet();"
        "[f.resolve(n).summary() for n in f.names()]; f.resolve('ibm_fez').configuration();"
        "print([m for m in sys.modules if m.partition('.')[0] in"
        " {'qiskit', 'qiskit_aer', 'qiskit_ibm_runtime', 'numpy'}])"
    )

    found = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True)

    assert found.stdout.strip() == "[]"


@pytest.mark.parametrize("prefix", ["ibm", "ibmq", "fake"])
def test_a_device_keeps_the_name_it_was_asked_for_by(prefix: str) -> None:
    device = entry(f"{prefix}_manila")

    assert device.name == f"{prefix}_manila"
    assert device.num_qubits == 5
    assert json.loads(device.configuration())["backend_name"] == f"{prefix}_manila"
    assert json.loads(device.properties() or b"")["backend_name"] == f"{prefix}_manila"


@pytest.mark.parametrize(
    "name",
    [
        "ibm_nowhere",
        "manila",
        "ideal_0",
        "ideal_1001",
        "ideal_007",
        "ideal_",
        "ibm_../x",
        "IBM_FEZ",
    ],
)
def test_an_unknown_name_is_no_device(name: str) -> None:
    assert FLEET.resolve(name) is None


def test_without_snapshots_only_ideal_devices_exist(tmp_path: Path) -> None:
    fleet = Fleet(folder=tmp_path, ideal_sizes=(3, 7))

    assert fleet.names() == ("ideal_3", "ideal_7")
    assert fleet.resolve("ideal_5") == DeviceEntry(name="ideal_5", num_qubits=5)


def test_without_snapshots_a_real_device_names_the_extra(tmp_path: Path) -> None:
    with pytest.raises(MissingExtraError, match="swqr\\[qiskit\\]"):
        Fleet(folder=tmp_path).resolve("ibm_brisbane")


def test_a_listed_size_must_be_possible() -> None:
    with pytest.raises(InvalidInputError, match="1001"):
        Fleet(ideal_sizes=(1001,))


@pytest.mark.parametrize("name", [*(f"ibm_{odd}" for odd in ODD), "ideal_1", "ideal_5"])
def test_a_configuration_has_every_key_that_some_client_requires(name: str) -> None:
    document = json.loads(entry(name).configuration())

    assert document.keys() >= REQUIRED
    assert document["simulator"] is False


@pytest.mark.parametrize("fractional", [False, True, None])
@pytest.mark.parametrize("name", [*(f"ibm_{odd}" for odd in ODD), "ideal_1", "ideal_1000"])
def test_the_official_client_makes_a_target_of_it(name: str, fractional: bool | None) -> None:
    from qiskit_ibm_runtime.utils.backend_converter import convert_to_target
    from qiskit_ibm_runtime.utils.backend_decoder import (
        configuration_from_server_data,
        properties_from_server_data,
    )

    device = entry(name)
    configuration = configuration_from_server_data(
        json.loads(device.configuration()), use_fractional_gates=fractional
    )
    raw = device.properties()
    properties = raw and properties_from_server_data(
        json.loads(raw), use_fractional_gates=fractional
    )

    target = convert_to_target(configuration=configuration, properties=properties)

    assert configuration.backend_name == name
    assert target.num_qubits == device.num_qubits


def test_a_sampling_time_in_seconds_becomes_nanoseconds() -> None:
    assert json.loads(entry("ibm_poughkeepsie").configuration())["dt"] == pytest.approx(
        3.5556, 1e-4
    )


def test_split_features_become_words_again() -> None:
    assert json.loads(entry("ibm_kolkata").configuration())["supported_features"] == ["qobj"]


def test_dynamic_circuits_are_a_feature_where_the_instructions_say_so() -> None:
    assert (
        "dynamic_circuits" in json.loads(entry("ibm_manila").configuration())["supported_features"]
    )


def test_a_specification_is_plain_json_that_names_the_files() -> None:
    spec: dict[str, Any] = entry("fake_manila").device_spec(noise=False, job_seconds=3.0)

    assert json.loads(json.dumps(spec)) == spec
    assert spec["name"] == "fake_manila"
    assert spec["noise"] is False
    assert spec["job_seconds"] == 3.0
    assert Path(spec["snapshot_dir"], "conf_manila.json").is_file()


def test_an_ideal_device_has_neither_noise_nor_properties() -> None:
    device = entry("ideal_3")

    assert device.properties() is None
    assert device.device_spec()["noise"] is False
