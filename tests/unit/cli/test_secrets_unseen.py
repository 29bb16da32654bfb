"""``swqr config`` and ``swqr doctor`` with keys of every kind, right and wrong: none is seen."""

import json
import logging
import sys
import threading
import traceback
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import ModuleType

import pytest

from swqr_adapters.clock import SystemClock
from swqr_core import connect
from swqr_core.errors import SwqrError

from .conftest import Shown, serving

Swqr = Callable[..., Shown]

KEY = "canary-of-the-doctor"
TOKEN = "canary-of-a-token"
NOT_HTTP, HALF_A_TOKEN, NOT_JSON = 0, 1, 2

# The transport, and what it calls its key.
KEYS = {"http": "token", "ibm": "token", "strangeworks": "api_key"}
PLACES = ["variable", "file", "keyring", "setting", "named_variable", "named_file"]


class Gossip:
    """A platform that repeats to whoever asks what it was sent, the key or the token it gave."""

    def __init__(self) -> None:
        self.gives_tokens = False
        self.status = 401
        self.heard = ""
        gossip = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                size = int(self.headers.get("Content-Length") or 0)
                sent = self.rfile.read(size).decode()
                heard = f"{self.headers.get('Authorization', '')} {sent} {dict(self.headers)}"
                gossip.heard += heard
                said = f"you said {heard}"
                status, answer = gossip.status, {"errors": [{"message": said}]}
                body = json.dumps(answer).encode()
                if gossip.gives_tokens and self.path.endswith("/token"):
                    status = 200
                    token = {"access_token": TOKEN, "accessToken": TOKEN, "expires_in": "3600"}
                    body = json.dumps(token).encode()
                    if gossip.status == HALF_A_TOKEN:
                        body = body[:-1]
                if status == NOT_JSON:
                    status, body = 200, f"<html>{heard}</html>".encode()
                if status == NOT_HTTP:
                    self.wfile.write(heard.encode())
                    self.close_connection = True
                    return
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def do_POST(self) -> None:
                self.do_GET()

            def log_message(self, format: str, *args: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"


@pytest.fixture(scope="module")
def gossip() -> Iterator[Gossip]:
    one = Gossip()
    thread = threading.Thread(target=one.server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield one
    one.server.shutdown()
    one.server.server_close()
    thread.join()


@pytest.fixture(scope="module")
def right() -> Iterator[str]:
    with serving("--api-key", KEY) as url:
        yield url


@pytest.fixture(scope="module")
def wrong() -> Iterator[str]:
    with serving("--api-key", "another") as url:
        yield url


@pytest.fixture
def configured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Write a profile whose key is kept in that place."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "key").write_text(KEY)
    (tmp_path / "key").chmod(0o600)
    monkeypatch.setenv("MY_KEY", KEY)
    keyring, errors = ModuleType("keyring"), ModuleType("keyring.errors")
    errors.KeyringError = RuntimeError  # type: ignore[attr-defined]
    keyring.errors = errors  # type: ignore[attr-defined]
    keyring.get_password = lambda service, user: KEY  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "keyring", keyring)
    monkeypatch.setitem(sys.modules, "keyring.errors", errors)

    def configure(transport: str, place: str, url: str, engine: str = "aiohttp") -> None:
        key = KEYS[transport]
        lines = {
            "variable": f"{key} = {{ secret = 'env:MY_KEY' }}",
            "file": f"{key} = {{ secret = 'file:key' }}",
            "keyring": f"{key} = {{ secret = 'keyring:swqr/me' }}",
            "setting": "",
            "named_variable": f"{key}_env = 'MY_KEY'",
            "named_file": f"{key}_file = 'key'",
        }
        if place == "setting":
            monkeypatch.setenv(f"SWQR_{key.upper()}", KEY)
        scheme, _, location = url.partition("://")
        there = f"transport = '{scheme}'\nlocation = '{location}'"
        if transport != "http":
            there = f"transport = '{transport}'\nurl = '{url}'"
        text = f"profile = 'x'\n[profiles.x]\n{there}\nengine = '{engine}'\n{lines[place]}\n"
        (tmp_path / "swqr.toml").write_text(text)

    return configure


async def _at_once(clock: SystemClock, seconds: float) -> None:
    """Pauses between attempts are not what is looked at here."""


def _traceback() -> str:
    """Return what Python would print of a program that does not catch what happens."""
    try:
        with connect() as runtime:
            runtime.backends()
    except SwqrError as error:
        return "".join(traceback.format_exception(error))
    return ""


@pytest.fixture
def look(
    swqr: Swqr, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> Callable[[], str]:
    """Run both commands in both forms and a program; return what the doctor says.

    All that is printed, logged and raised is searched.
    """
    caplog.set_level(logging.DEBUG)
    monkeypatch.setattr(SystemClock, "sleep", _at_once)

    def commands() -> str:
        config = [swqr("config"), swqr("config", "--json")]
        doctor = [swqr("doctor"), swqr("doctor", "--json")]
        seen = "".join(one.out + one.err for one in (*config, *doctor)) + _traceback() + caplog.text
        for secret in (KEY, TOKEN):
            at = seen.find(secret)
            # It is not shown here either.
            assert at < 0, seen[max(0, at - 300) : at]
        assert [one.code for one in config] == [0, 0]
        return doctor[1].out

    return commands


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("transport", KEYS)
def test_no_key_is_seen_whether_it_is_right_or_wrong(
    *,
    look: Callable[[], str],
    configured: Callable[..., None],
    right: str,
    wrong: str,
    transport: str,
    place: str,
) -> None:
    configured(transport, place, right)
    accepted = look()
    configured(transport, place, wrong)
    refused = look()

    assert "backends in" in accepted
    assert "check the key" in refused


@pytest.mark.parametrize("engine", ["aiohttp", "httpx"])
@pytest.mark.parametrize("transport", KEYS)
def test_no_key_is_seen_where_nobody_answers_or_in_another_language(
    *,
    look: Callable[[], str],
    configured: Callable[..., None],
    right: str,
    transport: str,
    engine: str,
) -> None:
    for url in ("http://127.0.0.1:1", right.replace("http", "https")):
        configured(transport, "variable", url, engine)
        assert '"reachability"' in look()


@pytest.mark.parametrize(
    ("engine", "status"),
    [
        *(
            ("aiohttp", status)
            for status in (NOT_HTTP, NOT_JSON, HALF_A_TOKEN, 200, 400, 401, 403, 503)
        ),
        *(("httpx", status) for status in (NOT_HTTP, 401)),
    ],
)
@pytest.mark.parametrize("gives_tokens", [False, True])
@pytest.mark.parametrize("transport", KEYS)
def test_what_a_platform_repeats_of_a_key_or_token_is_not_passed_on(
    *,
    look: Callable[[], str],
    configured: Callable[..., None],
    gossip: Gossip,
    transport: str,
    gives_tokens: bool,
    status: int,
    engine: str,
) -> None:
    gossip.gives_tokens, gossip.status, gossip.heard = gives_tokens, status, ""
    configured(transport, "variable", gossip.url, engine)

    look()

    assert KEY in gossip.heard
    assert TOKEN in gossip.heard or not gives_tokens or status == HALF_A_TOKEN
