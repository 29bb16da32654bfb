"""What is documented, item by item, against the classes and against the page that lists it."""

import ast
import inspect
import re
from pathlib import Path
from typing import Any

import pytest
import qiskit_ibm_runtime as official
from attrs import frozen

from swqr_adapters.facade import Session, contract, strangeworks
from swqr_adapters.facade.strangeworks import (
    runtime_client,
    service,
    sw_runtime_job,
    sw_session,
)

PAGE = Path(__file__).parents[4] / "docs" / "strangeworks-classes.md"
TESTS = Path(__file__).parents[3]
ROW = re.compile(
    r"^\| (?P<item>.+?) \| (?:(?P<what>.+?) \| )?(?P<tests>`[\w/]+\.py::.+?) \|$", re.MULTILINE
)
DEFECTS = 54
NO_DEFAULT = inspect.Parameter.empty


def documented(text: str) -> list[tuple[str, Any]]:
    """Return the parameters of a documented signature; what takes the rest is left out."""
    function = eval(f"lambda {text}: None", {})  # the texts are below
    return [
        (p.name, p.default)
        for p in inspect.signature(function).parameters.values()
        if p.kind is not inspect.Parameter.VAR_KEYWORD
    ]


CLIENT = "StrangeworksRuntimeClient"
SERVICE = "StrangeworksQiskitRuntimeService"
JOB = "StrangeworksRuntimeJob"
SESSION = "StrangeworksSession"

SIGNATURES = {
    CLIENT: "channel, rsc=None, sdk_client=None, **kwargs",
    f"{CLIENT}.backend_configuration": "backend_name",
    f"{CLIENT}.backend_properties": "backend_name, datetime=None",
    f"{CLIENT}.backend_pulse_defaults": "backend_name",
    f"{CLIENT}.close_session": "session_id",
    f"{CLIENT}.create_session": "backend=None, instance=None, max_time=None, channel=None, "
    "mode=None",
    f"{CLIENT}.job_get": "job_slug, **kwargs",
    f"{CLIENT}.jobs_get": "**kwargs",
    f"{CLIENT}.program_run": "program_id, backend_name, params, image, log_level, session_id, "
    "job_tags=None, max_execution_time=None, start_session=False, session_time=None, "
    "channel_strategy=None",
    SERVICE: "resource_slug=None, channel='ibm_cloud'",
    f"{SERVICE}.backend": "name=None, instance=None",
    f"{SERVICE}.backend_options": "name=None, combined=None, min_num_qubits=None, instance=None, "
    "filters=None, **kwargs",
    f"{SERVICE}.backends": "",
    f"{SERVICE}.job": "job_id",
    f"{SERVICE}.jobs": "",
    "Backend": "name",
    JOB: "job_slug, service=None, backend=None, params=None, session_id=None, tags=None",
    f"{JOB}.backend": "",
    f"{JOB}.cancel": "",
    f"{JOB}.error_message": "",
    f"{JOB}.interim_results": "decoder=None",
    f"{JOB}.job_id": "",
    f"{JOB}.result": "timeout=None, decoder=None",
    f"{JOB}.status": "",
    SESSION: "service=None, backend=None, max_time=1440",
    f"{SESSION}.close": "",
    f"{SESSION}.run": "program_id, inputs, options=None, callback=None, result_decoder=None",
}
PROPERTIES = (f"{JOB}.job_slug", f"{JOB}.session_id", f"{JOB}.tags")
KEYWORDS = {
    f"{CLIENT}.jobs_get": "limit skip backend_name pending program_id hub group project job_tags "
    "session_id created_after created_before descending",
    f"{CLIENT}.program_run": "hub group project",
}
"""Parameters that the text of a method names and its signature does not."""


def find(item: str) -> Any:
    """Return a class or a member of one."""
    kind, _, member = item.partition(".")
    found = getattr(strangeworks, kind)
    return getattr(found, member) if member else found


def parameters(item: str) -> dict[str, inspect.Parameter]:
    """Return what a callable takes, without the object itself."""
    function = find(item)
    if item == "Backend":
        function = find(item).__new__
    found = list(inspect.signature(function).parameters.values())
    return {p.name: p for p in (found[1:] if "." in item or item == "Backend" else found)}


@pytest.mark.parametrize("item", SIGNATURES)
def test_the_documented_parameters_come_first_with_the_documented_defaults(item: str) -> None:
    expected = documented(SIGNATURES[item])
    ours = list(parameters(item).values())

    assert [(p.name, p.default) for p in ours[: len(expected)]] == expected
    for more in ours[len(expected) :]:
        variable = more.kind in {inspect.Parameter.VAR_KEYWORD, inspect.Parameter.VAR_POSITIONAL}
        assert variable or more.default is not NO_DEFAULT


@pytest.mark.parametrize("item", [i for i, text in SIGNATURES.items() if "**" in text])
def test_what_takes_any_further_keyword_takes_them_or_names_those_that_are_documented(
    item: str,
) -> None:
    kinds = {p.kind for p in parameters(item).values()}

    assert inspect.Parameter.VAR_KEYWORD in kinds or item in KEYWORDS


@pytest.mark.parametrize("item", KEYWORDS)
def test_parameters_that_only_the_text_documents_are_taken(item: str) -> None:
    assert set(KEYWORDS[item].split()) <= parameters(item).keys()


@pytest.mark.parametrize("item", PROPERTIES)
def test_the_documented_properties_are_properties(item: str) -> None:
    assert isinstance(find(item), property)


def test_the_classes_extend_what_is_documented() -> None:
    assert issubclass(strangeworks.StrangeworksRuntimeClient, contract.low_level_client())
    assert issubclass(strangeworks.StrangeworksSession, official.Session)
    assert issubclass(strangeworks.StrangeworksSession, Session)


def test_the_modules_have_the_documented_names_and_classes() -> None:
    assert {
        runtime_client.StrangeworksRuntimeClient,
        service.StrangeworksQiskitRuntimeService,
        sw_runtime_job.Backend,
        sw_runtime_job.StrangeworksRuntimeJob,
        sw_session.StrangeworksSession,
    } == {getattr(strangeworks, name) for name in strangeworks.__all__}
    assert dir(strangeworks) == sorted({*vars(strangeworks), *strangeworks.__all__})


def test_a_name_that_nobody_has_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="'nothing_like_this'"):
        _ = strangeworks.nothing_like_this


# --- the page ----------------------------------------------------------------------------------


@frozen
class Row:
    """A row of the page: an item or a number, and the tests that show it."""

    item: str
    tests: tuple[str, ...]


def rows(title: str) -> list[Row]:
    """Return the rows of a section."""
    text = PAGE.read_text(encoding="utf-8").partition(f"\n## {title}\n")[2].partition("\n## ")[0]
    return [
        Row(match["item"].strip("`"), tuple(re.findall(r"`([\w/]+\.py::[^`]+)`", match["tests"])))
        for match in ROW.finditer(text)
    ]


ITEMS = rows("Item by item")
DEFECT_ROWS = rows("What goes better")


def names_in(path: Path) -> set[str]:
    """Return the names of a file's tests, as pytest writes them behind the file's name."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    found = set()
    for node in tree.body:
        inside = node.body if isinstance(node, ast.ClassDef) else [node]
        prefix = f"{node.name}::" if isinstance(node, ast.ClassDef) else ""
        found |= {
            f"{prefix}{one.name}"
            for one in inside
            if isinstance(one, ast.FunctionDef | ast.AsyncFunctionDef)
        }
    return found


def test_every_test_that_the_page_names_is_there() -> None:
    named = {test for row in (*ITEMS, *DEFECT_ROWS) for test in row.tests}
    files = {test.partition("::")[0] for test in named}
    there = {
        f"{file}::{test}"
        for file in files
        for path in TESTS.rglob(f"**/{file}")
        for test in names_in(path)
    }

    assert sorted(named - there) == []


def test_the_page_lists_every_documented_item_and_every_public_member_once() -> None:
    members = {
        f"{kind}.{name}"
        for kind in strangeworks.__all__
        for name in vars(getattr(strangeworks, kind))
        if not name.startswith("_")
    }

    assert sorted(row.item for row in ITEMS) == sorted({*SIGNATURES, *PROPERTIES, *members})


def test_the_page_numbers_what_goes_better_from_the_first_to_the_last() -> None:
    assert [row.item for row in DEFECT_ROWS] == [str(n + 1) for n in range(DEFECTS)]


def test_every_row_names_a_test() -> None:
    assert all(row.tests for row in (*ITEMS, *DEFECT_ROWS))
