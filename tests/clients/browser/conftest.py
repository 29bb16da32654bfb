"""``swqr serve`` in a process of its own, and a Chromium without a screen that looks at it."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from attrs import frozen

from swqr_core import connect

CLOUD = "memory://?execution=threads&ideal=3&seed=1&noise=off"
BELL = (
    'OPENQASM 3.0;\ninclude "stdgates.inc";\nbit[2] c;\n'
    "h $0;\ncx $0, $1;\nc[0] = measure $0;\nc[1] = measure $1;\n"
)
PARAMS = json.dumps({"pubs": [[BELL, None, 100]], "version": 2}).encode()
EVIL = "<img src=x onerror=document.title='owned'>"
FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
)  # fmt: skip


@frozen
class Served:
    """A server, a closed session on it with a job, and a job whose program has a hostile name."""

    url: str
    session: str
    job: str


def serve(environment: dict[str, str]) -> Iterator[str]:
    command = [sys.executable, "-m", "swqr_adapters.cli", "serve", "--port", "0"]
    process = subprocess.Popen(
        [*command, "--transport", CLOUD],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, **environment},
    )
    assert process.stdout is not None
    try:
        yield process.stdout.readline().split()[-1]
    finally:
        process.terminate()
        process.communicate(timeout=60)


@pytest.fixture(scope="session")
def chromium() -> tuple[Any, str, str]:
    """Return selenium, and where Chromium and its driver are; nothing is served without them."""
    selenium = pytest.importorskip("selenium.webdriver", reason="selenium is not installed")
    browser, driver = shutil.which("chromium"), shutil.which("chromedriver")
    if browser is None or driver is None:
        pytest.skip("there is no Chromium with its driver here")
    return selenium, browser, driver


@pytest.fixture(scope="module")
def served(chromium: Any) -> Iterator[Served]:
    for url in serve({}):
        with connect(url) as runtime:
            with runtime.open_session("ideal_3") as session:
                job = session.submit("sampler", PARAMS)
                job.wait(timeout=120)
                bad = session.submit("sampler", json.dumps({"pubs": [[EVIL]]}).encode())
                bad.wait(timeout=120)
            yield Served(url, session.id, job.id)


@pytest.fixture(scope="module")
def guarded(chromium: Any) -> Iterator[str]:
    yield from serve({"SWQR_CONTROL_KEY": "master"})


@pytest.fixture
def browse(tmp_path: Path, chromium: Any) -> Iterator[Callable[..., Any]]:
    """Open an address in a fresh browser of a size."""
    selenium, binary, driver = chromium
    opened: list[Any] = []

    def browse(url: str, *, width: int = 1200, height: int = 900) -> Any:
        options = selenium.ChromeOptions()
        options.binary_location = binary
        for flag in (*FLAGS, f"--user-data-dir={tmp_path / str(len(opened))}"):
            options.add_argument(flag)
        options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
        browser = selenium.Chrome(options, selenium.ChromeService(driver))
        opened.append(browser)
        # A window has a least width; a screen of a phone has not.
        size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600}
        browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
        browser.get(url)
        return browser

    yield browse
    for browser in opened:
        browser.quit()
