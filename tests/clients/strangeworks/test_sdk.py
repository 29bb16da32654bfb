"""The Strangeworks SDK, unmodified: everything of it that touches jobs, backends and files."""

import json
import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest


def execute(sdk: Any, served: Any, operation: str, **payload: Any) -> Any:
    resource = next(r for r in sdk.resources() if r.slug == served.resource)
    return sdk.execute(resource, payload, operation)


def submit(sdk: Any, served: Any, program: str = "sampler", **fields: Any) -> str:
    inner = {"program_id": program, "params": {"pubs": []}, "backend": "ibm_manila", **fields}
    answer = execute(
        sdk,
        served,
        "create_runtime_job",
        data=json.dumps(inner),
        program_id=program,
        backend="ibm_manila",
        channel="ibm_cloud",
        runtime=True,
    )
    return str(answer["slug"])


def ended(sdk: Any, slug: str) -> Any:
    for _ in range(600):
        job = sdk.jobs(slug=slug)[0]
        if job.is_terminal_state:
            return job
        threading.Event().wait(0.1)
    raise AssertionError(f"{slug} does not end")


def test_it_logs_in_with_what_the_server_exports(served: Any) -> None:
    program = (
        "import strangeworks; strangeworks.authenticate(); "
        "print(strangeworks.workspace_info().slug, len(strangeworks.resources()))"
    )

    done = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, **served.environment},
        capture_output=True,
        text=True,
        check=True,
    )

    assert done.stdout.split() == [served.workspace, "2"]


def test_it_logs_in_with_a_key_and_an_address(sdk: Any, served: Any) -> None:
    workspace = sdk.workspace_info()

    assert (workspace.slug, workspace.is_disabled) == (served.workspace, False)


def test_a_server_that_refuses_the_key_is_an_error_of_its_own(sdk: Any, served: Any) -> None:
    served.control("POST", "/faults", {"path": "/users/token", "status": 401, "times": 1})

    with pytest.raises(Exception, match="bearer token"):
        sdk.authenticate(api_key="other", url=served.url, store_credentials=False)
    sdk.authenticate(api_key=served.key, url=served.url, store_credentials=False)


def test_it_finds_resources(sdk: Any, served: Any) -> None:
    found = {resource.slug: resource.product.slug for resource in sdk.resources()}

    assert found[served.resource] == "ibm-qiskit-runtime"
    assert set(found.values()) == {"ibm-qiskit-runtime", "ibm-quantum"}


def test_it_finds_backends(sdk: Any) -> None:
    names = [backend.name for backend in sdk.backends(product_slugs=["ibm-qiskit-runtime"])]

    assert "ibm_manila" in names
    assert names == sorted(names)
    assert sdk.backends(product_slugs=["another"]) == []
    assert {backend.remote_status for backend in sdk.backends(backend_statuses=["ONLINE"])} == {
        "ONLINE"
    }


def test_it_lists_jobs_over_pages_and_filters_them(sdk: Any, served: Any) -> None:
    slugs = [submit(sdk, served, tags=["many"]) for _ in range(53)]

    found = sdk.jobs(tags=["many"])

    assert sorted(job.slug for job in found) == sorted(slugs)
    assert [job.slug for job in sdk.jobs(slug=slugs[0])] == [slugs[0]]
    assert sdk.jobs(tags=["none"]) == []
    assert sdk.jobs(product_slugs=["another"]) == []
    assert len(sdk.jobs(resource_slugs=[served.resource], tags=["many"])) == 53


def test_it_adds_tags(sdk: Any, served: Any) -> None:
    slug = submit(sdk, served, tags=["mine"])

    sdk.add_tags(job_slug=slug, tags=["again", "mine"])

    assert sorted(sdk.jobs(slug=slug)[0].tags) == ["again", "mine"]
    assert [job.slug for job in sdk.jobs(tags=["again", "mine"], tag_operator="AND")] == [slug]


def test_it_reads_the_files_of_a_job_that_failed(sdk: Any, served: Any) -> None:
    slug = submit(sdk, served)  # a sampler without circuits

    job = ended(sdk, slug)
    files = {file.file_name: file.url for file in job.files}
    given, error = sdk.download_job_files([files["input_data.json"], files["error.json"]])

    assert (job.status.value, job.external_identifier) == ("FAILED", slug)
    assert (given["job"]["program_id"], given["job"]["params"]) == ("sampler", {"pubs": []})
    assert error["error"]["message"]
    assert job.date_created.tzinfo is not None


def test_it_tells_what_a_failed_job_says(sdk: Any, served: Any) -> None:
    slug = submit(sdk, served)
    ended(sdk, slug)

    told = sdk.get_error_messages(slug)

    assert "error" in json.dumps(told, default=str)


def test_it_uploads_a_file_and_reads_it_again(sdk: Any, tmp_path: Path) -> None:
    file = tmp_path / "data.json"
    file.write_text('{"greeting": "\u00e9"}', encoding="utf-8")

    record = sdk.upload_file(str(file))

    assert record.file_name == "data.json"
    assert sdk.download_job_files([record.url]) == [{"greeting": "\u00e9"}]


def test_what_is_refused_is_told_in_the_servers_words(sdk: Any, served: Any) -> None:
    with pytest.raises(Exception, match="job 'none' not found"):
        execute(sdk, served, "runtime_status", job_slug="none")
    with pytest.raises(Exception, match="create_runtime_job"):
        execute(sdk, served, "fly", high=True)
    with pytest.raises(Exception, match="no operation"):
        execute(sdk, served, "fly")  # nothing to send: it asks with GET


def test_a_token_that_was_refused_is_renewed(sdk: Any, served: Any) -> None:
    served.control("POST", "/faults", {"path": "/products/*", "status": 401, "times": 1})

    details = execute(sdk, served, "runtime_backend_config", name="ibm_manila")

    assert details["backend_name"] == "ibm_manila"
