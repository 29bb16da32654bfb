"""What a build asks about its locked versions, of a stand-in for OSV on loopback."""

import json
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("pip_audit", reason="tox -e audit has it")

ROOT = Path(__file__).parents[2]
KNOWN_TO_EVERYBODY = ("pyyaml", "5.1")

# Each test starts pip-audit twice or more.
pytestmark = pytest.mark.slow


def weakness(id: str, package: str, *aliases: str, fixed: str | None = None) -> dict[str, Any]:
    events = [{"introduced": "0"}, *([{"fixed": fixed}] if fixed else [])]
    affected = {
        "package": {"name": package, "ecosystem": "PyPI"},
        "ranges": [{"type": "ECOSYSTEM", "events": events}],
    }
    return {"id": id, "aliases": list(aliases), "affected": [affected]}


class Osv:
    """A service that knows weaknesses by package and version, and counts who was asked about."""

    def __init__(self) -> None:
        self.knows = {KNOWN_TO_EVERYBODY: weakness("PYSEC-1", "pyyaml", "CVE-2020-14343")}
        self.asked: list[str] = []
        self.answers_left = 10_000
        self.broken: tuple[int, bytes] | None = None
        service = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                query = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                status, body = service.answer(query["package"]["name"], query["version"])
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: object) -> None:
                pass

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/v1/query"

    def answer(self, name: str, version: str) -> tuple[int, bytes]:
        self.asked.append(f"{name}=={version}")
        if self.broken and self.answers_left == 0:
            return self.broken
        self.answers_left -= 1
        known = self.knows.get((name, version))
        return 200, json.dumps({"vulns": [known]} if known else {}).encode()


@pytest.fixture
def osv() -> Iterator[Osv]:
    service = Osv()
    thread = threading.Thread(target=service.server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield service
    service.server.shutdown()
    service.server.server_close()
    thread.join()


@pytest.fixture
def locked(tmp_path: Path) -> Path:
    file = tmp_path / "constraints.txt"
    file.write_text("idna==3.20\nurllib3==1.24.1 ; sys_platform == 'plan9'\nurllib3==2.8.0\n")
    return file


def audit(*options: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, ROOT / ".ci" / "audit.py", *options],
        check=False,
        capture_output=True,
        text=True,
    )


def test_versions_that_nobody_knows_anything_about_pass(osv: Osv, locked: Path) -> None:
    done = audit("--osv-url", osv.url, "--locked", locked)

    assert done.returncode == 0, done.stderr
    assert "3 locked versions: 0 known weaknesses, 0 accepted" in done.stdout
    assert sorted(osv.asked[1:]) == ["idna==3.20", "urllib3==1.24.1", "urllib3==2.8.0"]


@pytest.mark.parametrize("option", [[], ["--where-possible"]])
def test_a_known_weakness_fails_and_is_named_on_whatever_platform_it_is(
    osv: Osv, locked: Path, option: list[str]
) -> None:
    osv.knows["urllib3", "1.24.1"] = weakness("PYSEC-2", "urllib3", "CVE-7", fixed="1.24.2")

    done = audit("--osv-url", osv.url, "--locked", locked, *option)

    assert done.returncode == 1
    assert "urllib3 1.24.1: CVE-7, PYSEC-2; mended in: 1.24.2" in done.stdout


def test_an_accepted_weakness_passes_in_its_package_alone(osv: Osv, locked: Path) -> None:
    locked.write_text("ecdsa==0.19.2\nidna==3.20\n")
    osv.knows["ecdsa", "0.19.2"] = weakness("PYSEC-3", "ecdsa", "CVE-2024-23342")

    done = audit("--osv-url", osv.url, "--locked", locked)
    osv.knows["idna", "3.20"] = weakness("PYSEC-3", "idna", "CVE-2024-23342")
    elsewhere = audit("--osv-url", osv.url, "--locked", locked)

    assert done.returncode == 0, done.stderr
    assert "0 known weaknesses, 1 accepted" in done.stdout
    assert elsewhere.returncode == 1
    assert "idna 3.20: CVE-2024-23342, PYSEC-3; mended in: no release yet" in elsewhere.stdout


def test_what_was_accepted_and_is_told_no_more_is_said(osv: Osv, locked: Path) -> None:
    done = audit("--osv-url", osv.url, "--locked", locked)

    assert "CVE-2024-23342 in ecdsa is not told of any more" in done.stdout


@pytest.mark.parametrize(
    ("broken", "answers"),
    [
        ((503, b""), 0),
        ((200, b"<html>a proxy</html>"), 0),
        ((404, b"{}"), 1),
        ((200, b'{"vulns"'), 2),
    ],
)
def test_a_service_that_does_not_answer_about_every_version_is_no_pass(
    osv: Osv, locked: Path, broken: tuple[int, bytes], answers: int
) -> None:
    osv.broken, osv.answers_left = broken, answers

    done = audit("--osv-url", osv.url, "--locked", locked)

    assert done.returncode == 2
    assert f"NOTHING WAS AUDITED: {osv.url}" in done.stderr
    assert "0 known weaknesses" not in done.stdout


def test_a_service_that_knows_nothing_at_all_is_no_pass(osv: Osv, locked: Path) -> None:
    osv.knows.clear()

    done = audit("--osv-url", osv.url, "--locked", locked)

    assert done.returncode == 2
    assert "does not know of CVE-2020-14343 in pyyaml 5.1" in done.stderr


def test_where_nobody_can_be_asked_a_build_goes_on_and_says_so(locked: Path) -> None:
    refused = audit("--osv-url", "http://127.0.0.1:9/", "--locked", locked)
    goes_on = audit("--osv-url", "http://127.0.0.1:9/", "--locked", locked, "--where-possible")

    assert (refused.returncode, goes_on.returncode) == (2, 0)
    assert refused.stderr == goes_on.stderr
    assert goes_on.stderr.startswith("audit: NOTHING WAS AUDITED")
    assert len(goes_on.stderr.splitlines()) == 1


def test_every_line_of_our_file_is_asked_about(osv: Osv) -> None:
    lines = (ROOT / ".ci" / "constraints.txt").read_text("utf-8").splitlines()

    done = audit("--osv-url", osv.url)

    assert done.returncode == 0, done.stderr
    assert set(osv.asked) == {line.partition(" ")[0] for line in lines} | {"pyyaml==5.1"}
    assert re.search(rf"{len(lines)} locked versions", done.stdout)
