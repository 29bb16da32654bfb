"""``swqr serve`` as a shell sees it."""

import asyncio
import json
import os
import re
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from swqr_adapters.cli.serve import _stop_at

SERVE = [sys.executable, "-m", "swqr_adapters.cli", "serve", "--port", "0"]
CLOUD = "memory://?execution=threads&ideal=3"
LOCAL = "crn:v1:bluemix:public:quantum-computing:us-east:a/swqr:local::"


@contextmanager
def serving(*options: str, **env: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    process = subprocess.Popen(
        [*SERVE, "--transport", CLOUD, *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, **env},
    )
    assert process.stdout is not None
    line = process.stdout.readline()
    try:
        yield process, line
    finally:
        process.terminate()
        process.communicate(timeout=60)


def ask(url: str, method: str = "GET", body: Any = None, **headers: str) -> tuple[int, Any]:
    data = None if body is None else json.dumps(body).encode()
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    request = urllib.request.Request(url, data=data, method=method, headers=sent)
    if data is not None:
        request.add_header("Content-Type", "application/json")
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            text = answer.read()
            return answer.status, json.loads(text) if text else None
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.loads(error.read())


def run(*options: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*SERVE, *options], capture_output=True, text=True, check=False, timeout=60
    )


def test_it_prints_its_url_and_writes_what_a_client_needs(tmp_path: Path) -> None:
    ready = tmp_path / "ready.json"
    with serving("--ready-file", str(ready), "--api-key", "k1", "--api-key", "k2") as (_, line):
        found = json.loads(ready.read_text())
        url = line.split()[-1]
        replies = [
            ask(f"{url}/api/v1/backends", Authorization=f"apikey {key}", Service_CRN=found["crn"])
            for key in ("k1", "k2", "k3")
        ]

    assert line == f"swqr serves {url}\n"
    assert re.fullmatch(r"http://127\.0\.0\.1:\d+", url)
    assert found == {
        "url": url,
        "api_base": f"{url}/api/v1",
        "iam_url": f"{url}/iam",
        "crn": found["crn"],
        "token": "k1",
        "workspace": "local",
        "product": "ibm-qiskit-runtime",
        "resource": found["resource"],
    }
    assert [status for status, _ in replies] == [200, 200, 401]
    assert ready.stat().st_mode & 0o077 == 0


def test_without_keys_any_key_is_good_on_this_machine(tmp_path: Path) -> None:
    ready = tmp_path / "ready.json"
    with serving("--ready-file", str(ready)) as (_, line):
        crn = json.loads(ready.read_text())["crn"]
        status, _ = ask(
            f"{line.split()[-1]}/api/v1/backends", Authorization="apikey any", Service_CRN=crn
        )

    assert status == 200


def test_without_keys_it_does_not_listen_to_other_machines() -> None:
    done = run("--host", "0.0.0.0")

    assert done.returncode == 3
    assert "--api-key" in done.stderr
    assert "Traceback" not in done.stderr


def test_exports_are_shell_text() -> None:
    with serving("--print-env", "--api-key", "it's") as (process, first):
        assert process.stdout is not None
        lines = [first, *(process.stdout.readline() for _ in range(10))]
    shown = subprocess.run(
        ["sh", "-c", "".join(lines) + 'echo "$QISKIT_IBM_TOKEN $IAM_URL $QISKIT_IBM_URL"'],
        capture_output=True,
        text=True,
        check=True,
    )

    assert re.fullmatch(
        r"it's http://[\d.:]+/iam http://[\d.:]+/experimental/api/v1\n", shown.stdout
    )
    assert {line.split("=")[0] for line in lines} == {
        "export QISKIT_IBM_URL",
        "export QISKIT_IBM_CHANNEL",
        "export QISKIT_IBM_INSTANCE",
        "export QISKIT_IBM_TOKEN",
        "export IAM_URL",
        "export QISKIT_FUNCTIONS_EXPERIMENTAL",
        "export STRANGEWORKS_CONFIG_PATH",
        "export STRANGEWORKS_CONFIG_DEFAULT_URL",
        "export STRANGEWORKS_CONFIG_DEFAULT_API_KEY",
        "export STRANGEWORKS_CONFIG_LOCAL_URL",
        "export STRANGEWORKS_CONFIG_LOCAL_API_KEY",
    }


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_with_0(number: signal.Signals) -> None:
    with serving() as (process, _):
        process.send_signal(number)
        _, errors = process.communicate(timeout=60)

    assert process.returncode == 0
    assert errors == ""


def test_the_control_surface_takes_its_key_from_the_environment() -> None:
    with serving(SWQR_CONTROL_KEY="master") as (_, line):
        url = f"{line.split()[-1]}/_swqr/health"
        replies = [ask(url), ask(url, Authorization="apikey master")]

    assert [status for status, _ in replies] == [401, 200]


@pytest.mark.parametrize(
    ("options", "word"),
    [
        (["--transport", "nothing://"], "nothing"),
        (["--transport", "memory://?sed=1"], "seed"),
        (["--transport", "memory://somewhere"], "location"),
        (["--ready-file", "/nonexistent/ready.json", "--transport", CLOUD], "--ready-file"),
        (["--store", "/", "--transport", CLOUD], "is a folder"),
        (["--store", "/nonexistent/store.db", "--transport", CLOUD], "no folder"),
        (["--store", "x", "--transport", "ibm://x"], "--store"),
        (["--audit-log", "/nonexistent/audit", "--transport", CLOUD], "--audit-log"),
        (["--host", "192.0.2.1", "--api-key", "k", "--transport", CLOUD], "cannot listen"),
    ],
)
def test_what_cannot_be_served_is_one_sentence(options: list[str], word: str) -> None:
    done = run(*options)

    assert done.returncode == 3
    assert word in done.stderr
    assert done.stderr.count("\n") == 1


def test_a_fleet_file_shapes_what_is_served(tmp_path: Path) -> None:
    fleet, ready = tmp_path / "fleet.toml", tmp_path / "ready.json"
    fleet.write_text(
        '[[instance]]\nname = "team"\n[[instance]]\nname = "other"\n'
        '[[backend]]\nname = "lab"\nsnapshot = "ideal_4"\ncalibration_ids = ["c1"]\n'
        '[[backend]]\nname = "mock_lab"\nsnapshot = "ideal_4"\nmock = true\n'
        '[[key]]\nname = "ci"\nsecret = "env:TEAM_KEY"\ninstances = ["team"]\n'
        "requests_per_minute = 5\n"
    )
    options = ("--fleet", str(fleet), "--ready-file", str(ready))
    with serving(*options, TEAM_KEY="s3cret") as (_, line):
        found = json.loads(ready.read_text())
        base = f"{line.split()[-1]}/api/v1"
        head = {
            "Authorization": "apikey s3cret",
            "Service_CRN": found["crn"],
            "IBM_API_Version": "2026-04-15",
        }
        plain = ask(f"{base}/backends", **head)
        mocks = ask(f"{base}/backends?include_mocks=True", **head)
        known = ask(f"{base}/backends/lab/configuration?calibration_id=c1", **head)
        unknown = ask(f"{base}/backends/lab/configuration?calibration_id=c2", **head)
        other = found["crn"].replace(":team:", ":other:")
        elsewhere = ask(f"{base}/backends", **{**head, "Service_CRN": other})
        within, over = [ask(f"{base}/backends", **head)[0] for _ in range(2)]

    assert found["token"] == "s3cret"
    assert [device["name"] for device in plain[1]["devices"]] == ["lab"]
    assert {device["name"]: device.get("class") for device in mocks[1]["devices"]} == {
        "lab": None,
        "mock_lab": "mock",
    }
    assert (known[0], unknown[0], elsewhere[0]) == (200, 400, 404)
    assert (within, over) == (200, 429)


def test_nothing_that_a_server_writes_holds_a_key(tmp_path: Path) -> None:
    canary, wrong = "canary-of-a-key-0123456789", "canary-of-another-key"
    files = ("--audit-log", str(tmp_path / "audit.log"), "--store", str(tmp_path / "store.db"))
    with serving("--api-key", canary, *files) as (process, line):
        url = line.split()[-1]
        body = {"program_id": "sampler", "backend": "ideal_3", "params": {}}
        for key in (canary, wrong):
            head = {"Authorization": f"apikey {key}", "Service_CRN": LOCAL}
            ask(f"{url}/api/v1/jobs", "POST", body, **head)
            ask(f"{url}/api/v1/jobs/none", **head)
        shown = [str(ask(f"{url}/_swqr/{what}")) for what in ("jobs", "sessions", "faults")]
        process.terminate()
        shown += process.communicate(timeout=60)
    written = [path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()]

    assert len(written) >= 2
    assert not any("canary-of" in text for text in shown)
    assert not any(b"canary-of" in data for data in written)


def test_limits_and_the_audit_log_are_options(tmp_path: Path) -> None:
    log = tmp_path / "audit.log"
    options = ("--jobs-per-minute", "1", "--audit-log", str(log))
    with serving(*options) as (_, line):
        url = f"{line.split()[-1]}/api/v1/jobs"
        head = {"Authorization": "apikey any", "Service_CRN": LOCAL}
        body = {"program_id": "sampler", "backend": "ideal_3", "params": {}}
        statuses = [ask(url, "POST", body, **head)[0] for _ in range(2)]

    assert statuses == [200, 429]
    assert [json.loads(line)["status"] for line in log.read_text().splitlines()] == statuses


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_with_a_store_sessions_outlive_their_server(tmp_path: Path, number: signal.Signals) -> None:
    store = str(tmp_path / "store.db")
    head = {"Authorization": "apikey any", "Service_CRN": LOCAL}
    with serving("--store", store) as (process, line):
        base = f"{line.split()[-1]}/api/v1"
        _, opened = ask(f"{base}/sessions", "POST", {"backend": "ideal_3", "mode": "batch"}, **head)
        second = run("--transport", CLOUD, "--store", store)
        reset = ask(f"{line.split()[-1]}/_swqr/reset", "POST")
        process.send_signal(number)
        process.wait(60)
    with serving("--store", store) as (_, line):
        status, found = ask(f"{line.split()[-1]}/api/v1/sessions/{opened['id']}", **head)

    assert (status, found["id"], found["backend_name"]) == (200, opened["id"], "ideal_3")
    assert second.returncode == 3
    assert f"in use by process {process.pid}" in second.stderr
    assert reset[0] == 400


def test_running_work_is_finished_before_it_ends() -> None:
    with serving("--grace", "60") as (process, line):
        url = line.split()[-1]
        head = {"Authorization": "apikey any", "Service_CRN": LOCAL}
        qasm = (
            'OPENQASM 3.0;\ninclude "stdgates.inc";\nbit[1] c;\nqubit[1] q;\nx q[0];\n'
            "c[0] = measure q[0];\n"
        )
        body = {
            "program_id": "sampler",
            "backend": "ideal_3",
            "params": {"pubs": [[qasm, None, 10]], "version": 2},
        }
        status, _ = ask(f"{url}/api/v1/jobs", "POST", body, **head)
        process.terminate()
        _, errors = process.communicate(timeout=90)

    assert (status, process.returncode) == (200, 0)
    assert errors == ""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_stops_at_once_while_the_platform_behind_it_does_not_answer(number: int) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        process = subprocess.Popen([*SERVE, "--transport", url], stderr=subprocess.PIPE, text=True)
        silent.settimeout(60)
        connection, _ = silent.accept()
        with connection:
            process.send_signal(number)
            _, errors = process.communicate(timeout=20)

    assert (process.returncode, errors) == (0, "")


async def test_where_loops_know_no_signals_a_signal_stops_it_all_the_same(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refuse(*_: object) -> None:
        raise NotImplementedError

    loop, stopped = asyncio.get_running_loop(), asyncio.Event()
    monkeypatch.setattr(loop, "add_signal_handler", refuse)
    before = signal.getsignal(signal.SIGTERM)
    try:
        _stop_at(signal.SIGTERM, loop, stopped)
        signal.raise_signal(signal.SIGTERM)
        async with asyncio.timeout(10):
            await stopped.wait()
    finally:
        signal.signal(signal.SIGTERM, before)
