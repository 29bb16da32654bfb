"""The server's page, as a browser shows it."""

from collections.abc import Callable
from typing import Any

import pytest

from swqr_core import JobSpec, connect
from swqr_core.model.ids import BackendName, ProgramId

from .conftest import PARAMS, Served

Browse = Callable[..., Any]
SIZES = pytest.mark.parametrize("width", [360, 1200], ids=["phone", "desktop"])


def until(browser: Any, condition: Callable[[], Any]) -> Any:
    from selenium.webdriver.support.wait import WebDriverWait

    return WebDriverWait(browser, 30, poll_frequency=0.1).until(lambda _: condition())


def text(browser: Any, selector: str) -> str:
    return "\n".join(one.text for one in browser.find_elements("css selector", selector))


def troubles(browser: Any) -> list[str]:
    return [entry["message"] for entry in browser.get_log("browser")]


@SIZES
def test_it_shows_sessions_jobs_and_backends_and_fits(
    browse: Browse, served: Served, width: int
) -> None:
    browser = browse(served.url, width=width)

    until(browser, lambda: served.job in text(browser, "#jobs"))
    assert served.session in text(browser, "#sessions summary")
    assert "ideal_3" in text(browser, "#backends")
    assert "failed" in text(browser, "#jobs")
    assert not browser.find_element("id", "door").is_displayed()
    wide = browser.execute_script("return document.documentElement.scrollWidth")
    assert wide <= width
    assert troubles(browser) == []


@SIZES
def test_a_session_that_is_opened_shows_its_life(
    browse: Browse, served: Served, width: int
) -> None:
    browser = browse(served.url, width=width)
    until(browser, lambda: browser.find_elements("css selector", "#sessions summary"))

    browser.find_element("css selector", "#sessions summary").click()

    image = browser.find_element("css selector", "#sessions img")
    until(browser, lambda: image.get_property("naturalWidth") == 800)
    assert served.session in image.get_property("alt")
    assert troubles(browser) == []


def test_what_happens_is_seen_without_a_reload(browse: Browse, served: Served) -> None:
    browser = browse(served.url)
    until(browser, lambda: served.job in text(browser, "#jobs"))

    with connect(served.url) as runtime:
        spec = JobSpec(program_id=ProgramId("sampler"), backend=BackendName("ideal_3"))
        job = runtime.submit(spec, PARAMS)

    until(browser, lambda: job.id in text(browser, "#jobs"))


def test_a_hostile_name_is_only_text(browse: Browse, served: Served) -> None:
    evil = "<img src=x onerror=\"document.title='owned'\">"
    browser = browse(served.url)
    until(browser, lambda: served.job in text(browser, "#jobs"))

    browser.execute_script(
        "document.getElementById('jobs').replaceChildren(jobRow({id: arguments[0], state: 'x y',"
        " backend: arguments[0], program: arguments[0], session: null, elapsed: 0, usage: 0,"
        " reason: arguments[0]}))",
        evil,
    )

    assert evil in text(browser, "#jobs")
    assert browser.find_elements("css selector", "#jobs img") == []


def test_a_script_inside_the_markup_would_not_run(browse: Browse, served: Served) -> None:
    browser = browse(served.url)

    browser.execute_script(
        "const s = document.createElement('script'); s.textContent = 'window.owned = true';"
        "document.body.append(s)"
    )

    assert browser.execute_script("return window.owned") is None
    assert any("Content Security Policy" in one for one in troubles(browser))


def test_with_a_control_key_nothing_is_shown_until_it_is_given(
    browse: Browse, guarded: str
) -> None:
    browser = browse(guarded)
    until(browser, lambda: "The control key" in text(browser, "#about"))
    field = browser.find_element("id", "key")

    field.send_keys("wrong\n")
    until(browser, lambda: "not the control key" in text(browser, "#about"))
    assert not browser.find_element("id", "main").is_displayed()

    field.clear()
    field.send_keys("master\n")
    until(browser, lambda: "ideal_3" in text(browser, "#backends"))
