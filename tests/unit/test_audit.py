"""What a build asks about its locked versions, of stand-ins for OSV and an index on loopback."""

import json
import re
import subprocess
import sys
import threading
from collections.abc import Iterable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
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


def wheel(name: str, version: str, yanked: bool | str = False) -> dict[str, Any]:
    return {"filename": f"{name.replace('-', '_')}-{version}-py3-none-any.whl", "yanked": yanked}


class Services:
    """OSV, which knows weaknesses by package and version, and an index with files of packages."""

    def __init__(self) -> None:
        self.knows = {KNOWN_TO_EVERYBODY: weakness("PYSEC-1", "pyyaml", "CVE-2020-14343")}
        self.asked: list[str] = []
        self.answers_left = 10_000
        self.broken: tuple[int, bytes] | None = None
        self.files: dict[str, list[dict[str, Any]]] = {}
        service = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                query = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                self.send(*service.answer(query["package"]["name"], query["version"]))

            def do_GET(self) -> None:
                files = service.files.get(self.path.split("/")[-2])
                self.send(404 if files is None else 200, json.dumps({"files": files}).encode())

            def send(self, status: int, body: bytes) -> None:
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        here = f"http://127.0.0.1:{self.server.server_port}"
        self.url = f"{here}/v1/query"
        self.options = ["--osv-url", self.url, "--index-url", f"{here}/simple"]

    def list(self, lines: Iterable[str]) -> None:
        """Have a file in the index for each line of a file of locked versions."""
        for line in lines:
            name, version = line.partition(" ")[0].split("==")
            self.files.setdefault(name, []).append(wheel(name, version))

    def answer(self, name: str, version: str) -> tuple[int, bytes]:
        self.asked.append(f"{name}=={version}")
        if self.broken and self.answers_left == 0:
            return self.broken
        self.answers_left -= 1
        known = self.knows.get((name, version))
        return 200, json.dumps({"vulns": [known]} if known else {}).encode()


@pytest.fixture
def services() -> Iterator[Services]:
    service = Services()
    thread = threading.Thread(target=service.server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield service
    service.server.shutdown()
    service.server.server_close()
    thread.join()


@pytest.fixture
def locked(tmp_path: Path, services: Services) -> Path:
    lines = ["ecdsa==0.19.2", "idna==3.20", "urllib3==1.24.1 ; sys_platform == 'plan9'"]
    lines.append("urllib3==2.8.0")
    services.list(lines)
    file = tmp_path / "constraints.txt"
    file.write_text("\n".join(lines))
    return file


def audit(*options: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, ROOT / ".ci" / "audit.py", *options],
        check=False,
        capture_output=True,
        text=True,
    )


def test_versions_that_nobody_knows_anything_about_pass(services: Services, locked: Path) -> None:
    done = audit(*services.options, "--locked", locked)

    assert done.returncode == 0, done.stderr
    assert "4 locked versions: 0 known weaknesses, 0 accepted" in done.stdout
    lines = ["ecdsa==0.19.2", "idna==3.20", "urllib3==1.24.1", "urllib3==2.8.0"]
    assert sorted(services.asked[1:]) == lines


@pytest.mark.parametrize("option", [[], ["--where-possible"]])
def test_a_known_weakness_fails_and_is_named_on_whatever_platform_it_is(
    services: Services, locked: Path, option: list[str]
) -> None:
    services.knows["urllib3", "1.24.1"] = weakness("PYSEC-2", "urllib3", "CVE-7", fixed="1.24.2")

    done = audit(*services.options, "--locked", locked, *option)

    assert done.returncode == 1
    assert "urllib3 1.24.1: CVE-7, PYSEC-2; mended in: 1.24.2" in done.stdout


def test_an_accepted_weakness_passes_in_its_package_alone(services: Services, locked: Path) -> None:
    services.knows["ecdsa", "0.19.2"] = weakness("PYSEC-3", "ecdsa", "CVE-2024-23342")

    done = audit(*services.options, "--locked", locked)
    services.knows["idna", "3.20"] = weakness("PYSEC-3", "idna", "CVE-2024-23342")
    elsewhere = audit(*services.options, "--locked", locked)

    assert done.returncode == 0, done.stderr
    assert "0 known weaknesses, 1 accepted" in done.stdout
    assert elsewhere.returncode == 1
    assert "idna 3.20: CVE-2024-23342, PYSEC-3; mended in: no release yet" in elsewhere.stdout


def test_what_was_accepted_and_is_not_told_of_is_said(services: Services, locked: Path) -> None:
    done = audit(*services.options, "--locked", locked)

    assert "CVE-2024-23342 in ecdsa is accepted and was not told of" in done.stdout


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
    services: Services, locked: Path, broken: tuple[int, bytes], answers: int
) -> None:
    services.broken, services.answers_left = broken, answers

    done = audit(*services.options, "--locked", locked)

    assert done.returncode == 2
    assert f"NOTHING WAS AUDITED: {services.url}" in done.stderr
    assert "0 known weaknesses" not in done.stdout


def test_a_service_that_knows_nothing_at_all_is_no_pass(services: Services, locked: Path) -> None:
    services.knows.clear()

    done = audit(*services.options, "--locked", locked)

    assert done.returncode == 2
    assert "does not know of CVE-2020-14343 in pyyaml 5.1" in done.stderr


def test_where_nobody_can_be_asked_a_build_goes_on_and_says_so(
    services: Services, locked: Path
) -> None:
    options = [*services.options, "--osv-url", "http://127.0.0.1:9/"]

    refused = audit(*options, "--locked", locked)
    goes_on = audit(*options, "--locked", locked, "--where-possible")

    assert (refused.returncode, goes_on.returncode) == (2, 0)
    assert refused.stderr == goes_on.stderr
    assert goes_on.stderr.startswith("audit: NOTHING WAS AUDITED")
    assert len(goes_on.stderr.splitlines()) == 1


def test_versions_that_are_not_the_newest_are_named(services: Services, locked: Path) -> None:
    services.files["idna"] += [
        wheel("idna", "3.21"),
        wheel("idna", "3.22", yanked="broken"),
        wheel("idna", "4.0rc1"),
        {"filename": "idna-5.0.win32.exe"},
    ]

    done = audit(*services.options, "--locked", locked)

    assert done.returncode == 0, done.stderr
    assert (
        "2 of 4 locked versions are the newest; not idna 3.20 (3.21), urllib3 1.24.1 (2.8.0)\n"
        in (done.stdout)
    )


@pytest.mark.parametrize("weaknesses", ["known", "unknown"])
def test_a_withdrawn_version_fails_with_its_reason(
    services: Services, locked: Path, weaknesses: str
) -> None:
    services.files["idna"] = [wheel("idna", "3.20", yanked="steals keys"), wheel("idna", "3.19")]
    services.files["urllib3"] = [
        wheel("urllib3", "1.24.1", yanked=True),
        {"filename": "urllib3-1.24.1.tar.gz", "yanked": True},
        wheel("urllib3", "2.8.0", yanked="for one Python"),
        {"filename": "urllib3-2.8.0.tar.gz"},
    ]
    if weaknesses == "unknown":
        services.knows.clear()

    done = audit(*services.options, "--locked", locked, "--where-possible")

    assert done.returncode == 1
    assert "idna 3.20 was withdrawn: steals keys\n" in done.stdout
    assert "urllib3 1.24.1 was withdrawn: no reason given\n" in done.stdout
    assert "urllib3 2.8.0" not in done.stdout


def test_a_version_that_is_gone_from_the_index_counts_as_withdrawn(
    services: Services, locked: Path
) -> None:
    services.files["idna"] = [wheel("idna", "3.19")]

    done = audit(*services.options, "--locked", locked)

    assert done.returncode == 1
    assert "idna 3.20 was withdrawn: the index does not have it" in done.stdout


@pytest.mark.parametrize("broken", ["no answer", "unknown package", "another form"])
def test_an_index_that_does_not_answer_is_said_and_no_failure(
    services: Services, locked: Path, broken: str
) -> None:
    address = f"http://user:pass-to-hide@{services.options[-1].removeprefix('http://')}"
    if broken == "no answer":
        address = "http://user:pass-to-hide@127.0.0.1:9/simple"
    elif broken == "unknown package":
        del services.files["idna"]
    else:
        services.files["idna"] = [{"name": "idna-3.20.tar.gz"}]

    done = audit(*services.options, "--index-url", address, "--locked", locked)

    assert done.returncode == 0, done.stderr
    assert "the index did not answer: " in done.stderr
    assert "are the newest" not in done.stdout
    assert "pass-to-hide" not in done.stdout + done.stderr


def test_every_line_of_our_file_is_asked_about(services: Services) -> None:
    lines = (ROOT / ".ci" / "constraints.txt").read_text("utf-8").splitlines()
    services.list(lines)

    done = audit(*services.options)

    assert done.returncode == 0, done.stderr
    assert set(services.asked) == {line.partition(" ")[0] for line in lines} | {"pyyaml==5.1"}
    assert re.search(rf"about {len(lines)} locked versions", done.stdout)
    assert re.search(rf"of {len(lines)} locked versions are the newest", done.stdout)
