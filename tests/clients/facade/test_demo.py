"""``swqr demo``, as a person and as a program sees it."""

import json
from typing import Any

import pytest

from swqr_adapters.cli.app import run

KEYS = {"backend", "session", "jobs", "counts", "evs", "stds"}


def demo(capsys: pytest.CaptureFixture[str], *options: str) -> Any:
    """Run the demo and return what it prints as JSON."""
    code = run(["demo", "--json", *options])
    printed = capsys.readouterr()

    assert (code, printed.err) == (0, "")
    return json.loads(printed.out)


def test_the_demo_shows_what_a_person_wants_to_see(capsys: pytest.CaptureFixture[str]) -> None:
    code = run(["demo", "--backend", "ibm_manila", "--shots", "100", "--no-noise", "--seed", "1"])

    shown = capsys.readouterr().out
    assert code == 0
    for part in ("ibm_manila", "Session", "Job", "00", "11", "█", "±", "open", "closed", "charged"):
        assert part in shown


def test_the_json_has_its_keys_and_says_how_the_session_lived(
    capsys: pytest.CaptureFixture[str],
) -> None:
    report = demo(capsys, "--backend", "ideal_5", "--shots", "200", "--no-noise")

    assert set(report) >= KEYS
    assert report["backend"] == "ideal_5"
    assert (report["session"]["state"], len(report["session"]["id"])) == ("closed", 36)
    assert [step["state"] for step in report["session"]["timeline"]][:2] == ["open", "busy"]
    assert [job["state"] for job in report["jobs"]] == ["completed", "completed"]
    assert set(report["counts"]) == {"00", "11"}
    assert sum(report["counts"].values()) == 200
    assert len(report["evs"]) == len(report["stds"]) > 1


def test_a_seed_repeats_the_demo_and_noise_changes_it(capsys: pytest.CaptureFixture[str]) -> None:
    options = ("--backend", "ibm_manila", "--shots", "1000", "--seed", "7")

    first, second = demo(capsys, *options), demo(capsys, *options)
    quiet = demo(capsys, *options, "--no-noise")

    assert [first[key] for key in ("counts", "evs")] == [second[key] for key in ("counts", "evs")]
    assert set(first["counts"]) > set(quiet["counts"]) == {"00", "11"}


@pytest.mark.parametrize(
    ("options", "code", "says"),
    [
        (("--backend", "ibm_nowhere"), 4, "'ibm_nowhere' not found"),
        (("--backend", "ideal_1"), 6, "ideal_1 has 1 qubit"),
        (("--shots", "0"), 2, "--shots"),
        (("--seed", "x"), 2, "--seed"),
    ],
)
def test_what_cannot_run_is_one_sentence_and_an_exit_code(
    capsys: pytest.CaptureFixture[str], options: tuple[str, ...], code: int, says: str
) -> None:
    assert run(["demo", "--json", *options]) == code

    printed = capsys.readouterr()
    assert printed.out == ""
    assert says in printed.err
    assert "Traceback" not in printed.err
