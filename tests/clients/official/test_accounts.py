"""Instances, plans and regions, as an account of several sees them."""

from collections.abc import Iterator
from typing import Any

import pytest
from qiskit_ibm_runtime import Batch, QiskitRuntimeService, SamplerV2, Session
from qiskit_ibm_runtime.exceptions import IBMError

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning")

EAST = "crn:v1:bluemix:public:quantum-computing:us-east:a/team:east::"
WEST = "crn:v1:bluemix:public:quantum-computing:eu-de:a/team:frankfurt::"
FLEET = f"""
[[instance]]
name = "east"
crn = "{EAST}"
plan = "open"
pricing_type = "free"

[[instance]]
name = "frankfurt"
crn = "{WEST}"
plan = "premium"
pricing_type = "paid"
region = "eu-de"
tags = ["blue"]

[[backend]]
name = "ibm_here"
snapshot = "manila"
noise = false
instances = ["{EAST}"]

[[backend]]
name = "ibm_there"
snapshot = "manila"
noise = false
instances = ["{WEST}"]
"""


@pytest.fixture(scope="module")
def team(folder: Any, serve: Any, lead: Any) -> Iterator[Any]:
    """A server with an account of two instances, one of them in Frankfurt."""
    place = folder()
    (place / "fleet.toml").write_text(FLEET)
    options = ("--fleet", str(place / "fleet.toml"), "--api-key", "team-key")
    with serve("memory://?seed=7&workers=1", place, *options) as found, lead(found.url):
        yield found


def start(channel: str = "ibm_quantum_platform", **settings: Any) -> Any:
    return QiskitRuntimeService(channel=channel, token="team-key", **settings)


def names(service: Any) -> set[str]:
    return {backend.name for backend in service.backends()}


def test_without_an_instance_the_devices_of_all_are_there(team: Any) -> None:
    service = start()

    assert {one["name"] for one in service.instances()} == {"east", "frankfurt"}
    assert names(service) == {"ibm_here", "ibm_there"}


@pytest.mark.parametrize(
    ("instance", "device"),
    [("east", "ibm_here"), (EAST, "ibm_here"), ("frankfurt", "ibm_there"), (WEST, "ibm_there")],
)
def test_an_instance_has_its_own_devices(team: Any, instance: str, device: str) -> None:
    assert names(start(instance=instance)) == {device}


def test_a_job_is_found_from_another_instance(team: Any, make_bell: Any) -> None:
    service = start()
    backend = service.backend("ibm_there")
    job = SamplerV2(mode=backend).run([make_bell(backend)], shots=5)

    again = start().job(job.job_id())

    assert sum(again.result()[0].data.meas.get_counts().values()) == 5
    assert again.backend().name == "ibm_there"


def test_the_open_plan_has_batches_and_no_sessions(team: Any, make_bell: Any) -> None:
    backend = start(instance=EAST).backend("ibm_here")

    with Batch(backend=backend) as batch:
        job = SamplerV2(mode=batch).run([make_bell(backend)], shots=5)
        assert sum(job.result()[0].data.meas.get_counts().values()) == 5
    with pytest.raises(IBMError, match="1352"):
        Session(backend=backend)


def test_the_older_channel_finds_the_same_devices(team: Any) -> None:
    assert names(start(channel="ibm_cloud", instance=EAST)) == {"ibm_here"}


@pytest.mark.since(0, 41)
@pytest.mark.parametrize(
    ("wanted", "device"),
    [({"region": "eu-de"}, "ibm_there"), ({"plans_preference": ["premium"]}, "ibm_there")],
)
def test_preferences_choose_among_instances(team: Any, wanted: Any, device: str) -> None:
    assert next(iter(start(**wanted).backends())).name == device
