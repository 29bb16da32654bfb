"""A fleet file says what a cloud is like, and what is wrong with it is told by its place."""

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from swqr_adapters.fleet import Fleet
from swqr_adapters.fleet.file import load_fleet
from swqr_adapters.fleet.shaped import ShapedFleet
from swqr_core.errors import ConfigurationError
from swqr_core.model.backend import BackendStatus

Write = Callable[[str], Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def make(text: str) -> Path:
        path = tmp_path / "fleet.toml"
        path.write_text(text, encoding="utf-8")
        return path

    return make


def test_what_is_not_said_is_as_usual(write: Write) -> None:
    file = load_fleet(write('[[instance]]\nname = "one"\n[[backend]]\nname = "ibm_fez"\n'))

    (shape,), (device,) = file.instances, file.backends
    assert (shape.instance.plan, shape.instance.region) == ("internal", "us-east")
    assert shape.instance.id == "crn:v1:bluemix:public:quantum-computing:us-east:a/swqr:one::"
    assert (device.snapshot, device.status, device.concurrent_jobs) == (
        "fez",
        BackendStatus.ONLINE,
        1,
    )
    assert device.instances is None


def test_a_crn_tells_the_region(write: Write) -> None:
    crn = "crn:v1:bluemix:public:quantum-computing:eu-de:a/x:y::"
    file = load_fleet(write(f'[[instance]]\nname = "one"\ncrn = "{crn}"\n'))

    assert (file.instances[0].instance.id, file.instances[0].instance.region) == (crn, "eu-de")


def test_instances_are_meant_by_name_or_crn(write: Write) -> None:
    text = '[[instance]]\nname = "one"\n[[backend]]\nname = "ibm_fez"\ninstances = ["one"]\n'
    file = load_fleet(write(text))

    assert file.backends[0].instances == frozenset({file.instances[0].instance.id})


def test_secrets_come_from_the_environment_or_a_file(
    write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("A_KEY", "from-env")
    (tmp_path / "b.key").write_text("from-file\n")
    (tmp_path / "b.key").chmod(0o600)
    text = '[[key]]\nname = "a"\nsecret = "env:A_KEY"\n[[key]]\nname = "b"\nsecret = "file:b.key"\n'

    file = load_fleet(write(text))

    assert [key.secret for key in file.keys] == ["from-env", "from-file"]
    assert [key.user for key in file.keys] == ["a", "b"]
    assert "from-" not in repr(file)


@pytest.mark.skipif(os.name != "posix", reason="modes are POSIX's")
def test_a_secret_that_others_can_read_is_refused(write: Write, tmp_path: Path) -> None:
    (tmp_path / "b.key").write_text("from-file\n")
    (tmp_path / "b.key").chmod(0o644)

    with pytest.raises(ConfigurationError, match="chmod 600") as caught:
        load_fleet(write('[[key]]\nname = "b"\nsecret = "file:b.key"\n'))

    assert "from-file" not in str(caught.value)


def test_secrets_are_left_alone_where_nobody_needs_them(write: Write) -> None:
    assert load_fleet(write('[[key]]\nname = "a"\nsecret = "env:NONE"\n'), keys=False).keys == ()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("= 1", "is not TOML"),
        ("[[backends]]\n", "did you mean 'backend'"),
        ("[backend]\nname = 'x'\n", "write [[backend]]"),
        ("[[backend]]\n", "backend 1: name is required"),
        ("[[backend]]\nname = 'x'\nsnapshots = 'y'\n", "did you mean 'snapshot'"),
        ("[[backend]]\nname = 'x'\nnoise = 1\n", "noise must be true or false"),
        ("[[backend]]\nname = 'x'\njob_seconds = -1\n", "must not be negative"),
        ("[[backend]]\nname = 'x'\njob_seconds = 'y'\n", "must be a number"),
        ("[[backend]]\nname = 'x'\nconcurrent_jobs = 0\n", "at least 1"),
        ("[[backend]]\nname = 'x'\nconcurrent_jobs = true\n", "a whole number"),
        ("[[backend]]\nname = 'x'\nstatus = 'gone'\n", "online, paused, offline"),
        ("[[backend]]\nname = 'x'\ninstances = ['y']\n", "there is no instance 'y'"),
        ("[[backend]]\nname = 'x'\ninstances = []\n", "must name one at least"),
        ("[[backend]]\nname = 'x'\n[[backend]]\nname = 'x'\n", "'x' stands there twice"),
        ("[[instance]]\nname = 'x'\ncrn = 'y'\n", "ten fields"),
        ("[[instance]]\nname = 'x'\npricing_type = 'y'\n", "pricing_type"),
        ("[[key]]\nname = 'x'\nsecret = 'the-key-itself'\n", "env:NAME"),
        ("[[key]]\nname = 'x'\nsecret = 'env:SWQR_NO_SUCH'\n", "has no SWQR_NO_SUCH"),
        ("[[key]]\nname = 'x'\nsecret = 'file:none'\n", "cannot be read"),
    ],
)
def test_what_is_wrong_is_told_by_its_place(write: Write, text: str, words: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        load_fleet(write(text))

    assert words in str(caught.value)
    assert "fleet.toml" in str(caught.value)
    assert "the-key-itself" not in str(caught.value)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"none\.toml"):
        load_fleet(tmp_path / "none.toml")


# --- devices -----------------------------------------------------------------------------------


def shaped(write: Write, text: str) -> ShapedFleet:
    return ShapedFleet(load_fleet(write(text)).backends)


def test_a_device_has_the_documents_of_its_snapshot_under_its_own_name(write: Write) -> None:
    fleet = shaped(write, '[[backend]]\nname = "ibm_lab"\nsnapshot = "ibm_manila"\n')

    entry = fleet.resolve("ibm_lab")

    assert entry is not None
    assert fleet.names() == ("ibm_lab",)
    assert entry.num_qubits == 5
    assert json.loads(entry.configuration())["backend_name"] == "ibm_lab"
    assert json.loads(entry.properties() or b"")["backend_name"] == "ibm_lab"
    assert fleet.resolve("ibm_manila") is None


def test_an_ideal_device_may_have_any_name(write: Write) -> None:
    fleet = shaped(write, '[[backend]]\nname = "my_toy"\nsnapshot = "ideal_4"\n')

    entry = fleet.resolve("my_toy")

    assert entry is not None
    assert (entry.num_qubits, entry.snapshot) == (4, None)


@pytest.mark.parametrize("wanted", [True, False])
def test_fractional_gates_come_and_go_in_both_documents(write: Write, wanted: bool) -> None:
    name = "fez" if wanted else "fractional"
    flag = "true" if wanted else "false"
    fleet = shaped(
        write, f'[[backend]]\nname = "ibm_lab"\nsnapshot = "{name}"\nfractional_gates = {flag}\n'
    )

    entry = fleet.resolve("ibm_lab")

    assert entry is not None
    configuration = json.loads(entry.configuration())
    properties = json.loads(entry.properties() or b"")
    gates = {gate["name"]: gate for gate in configuration["gates"]}
    for gate in ("rx", "rzz"):
        assert (gate in configuration["basis_gates"]) is wanted
        assert (gate in configuration["supported_instructions"]) is wanted
        assert (gate in gates) is wanted
        assert any(known["gate"] == gate for known in properties["gates"]) is wanted


def test_noise_is_the_devices_own_if_the_file_says(write: Write) -> None:
    text = (
        '[[backend]]\nname = "ibm_a"\nsnapshot = "fez"\nnoise = false\n'
        '[[backend]]\nname = "ibm_b"\nsnapshot = "fez"\n'
    )
    fleet = shaped(write, text)

    specs = [fleet.resolve(name).device_spec(noise=True)["noise"] for name in fleet.names()]  # type: ignore[union-attr]

    assert specs == [False, True]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('name = "ibm_nowhere"', "there is no snapshot 'nowhere'"),
        ('name = "ibm_lab"\nsnapshot = "fes"', "fez"),
        ('name = "ideal_4"\nfractional_gates = true', "fixed"),
        ('name = "ideal_9999"', "there is no snapshot"),
    ],
)
def test_a_device_that_cannot_be_is_refused(write: Write, text: str, words: str) -> None:
    with pytest.raises(ConfigurationError, match=words):
        shaped(write, f"[[backend]]\n{text}\n")


def test_every_plain_device_serves_everybody() -> None:
    entry = Fleet().resolve("ideal_3")

    assert entry is not None
    assert entry.serves("anybody")
