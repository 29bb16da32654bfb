"""The nouns: what they accept, and what they say when they do not."""

import copy
import pickle
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from swqr_core import Job, JobQuery, JobSpec, JobState, Payload, Principal, SessionSpec
from swqr_core.errors import InvalidInputError
from swqr_core.model.backend import Backend
from swqr_core.model.duration import parse_seconds
from swqr_core.model.ids import BackendName, InstanceId, JobId, ProgramId
from swqr_core.model.program import Program, ProgramSpec, ProgramUpdate
from swqr_core.model.usage import InstanceUsage


def spec(**changes: object) -> JobSpec:
    values: dict[str, object] = {"program_id": "sampler", "backend": "ibm_fez", **changes}
    return JobSpec(**values)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"program_id": ""}, "program_id"),
        ({"backend": 7}, "backend"),
        ({"session_id": "s" * 65}, "session_id"),
        ({"tags": ["t"] * 9}, "tags"),
        ({"tags": ["t" * 87]}, "tags"),
        ({"tags": [""]}, "tags"),
        ({"max_execution_time": 0}, "max_execution_time"),
        ({"max_execution_time": 1.5}, "max_execution_time"),
        ({"max_execution_time": True}, "max_execution_time"),
        ({"log_level": "loud"}, "log_level"),
        ({"calibration_id": ""}, "calibration_id"),
        ({"private": 1}, "private"),
        ({"extra": [1]}, "extra"),
    ],
)
def test_a_job_spec_refuses_what_cannot_be_and_names_the_field(
    changes: dict[str, object], field: str
) -> None:
    with pytest.raises(InvalidInputError) as caught:
        spec(**changes)

    assert caught.value.field == field


@pytest.mark.parametrize(("tags", "code"), [(["t"] * 9, 1204), (["t" * 87], 1205)])
def test_bad_tags_carry_the_code_of_the_registry(tags: list[str], code: int) -> None:
    with pytest.raises(InvalidInputError) as caught:
        spec(tags=tags)

    assert caught.value.code == code


def test_more_execution_time_than_possible_is_cut_and_not_refused() -> None:
    assert spec(max_execution_time=99_999).max_execution_time == 10_800


def test_a_log_level_may_come_in_capitals() -> None:
    assert spec(log_level="WARNING").log_level == "warning"


def test_one_text_is_one_tag_and_not_many() -> None:
    assert spec(tags="demo").tags == ("demo",)


def test_times_must_be_in_utc() -> None:
    elsewhere = datetime(2026, 1, 1, tzinfo=timezone(timedelta(hours=2)))

    with pytest.raises(InvalidInputError, match="created_at"):
        Job(id=JobId("j"), spec=spec(), state=JobState.QUEUED, created_at=elsewhere)


def test_a_naive_time_in_a_query_is_refused() -> None:
    with pytest.raises(InvalidInputError, match="created_after"):
        JobQuery(created_after=datetime(2026, 1, 1))  # noqa: DTZ001


@pytest.mark.parametrize("limit", [0, 201])
def test_a_page_has_1_to_200_items(limit: int) -> None:
    with pytest.raises(InvalidInputError, match="limit"):
        JobQuery(limit=limit)


def test_a_session_mode_may_be_its_word() -> None:
    assert SessionSpec(backend=BackendName("b"), mode="batch").mode.value == "batch"


@pytest.mark.parametrize("max_ttl", [0, -1, 1.5, "60", True])
def test_a_session_refuses_a_max_ttl_that_is_no_time(max_ttl: object) -> None:
    with pytest.raises(InvalidInputError, match="max_ttl"):
        SessionSpec(backend=BackendName("b"), max_ttl=max_ttl)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "changes",
    [
        {"name": ""},
        {"name": "n" * 53},
        {"description": "d" * 10_001},
        {"cost": 0},
        {"tags": ["t"] * 6},
        {"tags": ["t" * 25]},
    ],
)
def test_a_program_keeps_to_the_documented_limits(changes: dict[str, object]) -> None:
    with pytest.raises(InvalidInputError):
        ProgramSpec(**{"name": "vqe", **changes})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        (450, 450),
        (0.2, 1),
        ("2h 30m 40s", 9_040),
        ("1d", 86_400),
        ("90s", 90),
        (" 5M ", 300),
        ("1h40s", 3_640),
    ],
)
def test_durations_may_be_numbers_or_text(value: float | str, seconds: int) -> None:
    assert parse_seconds(value) == seconds


@pytest.mark.parametrize(
    "value", [0, -5, float("nan"), float("inf"), "", "soon", "40s 2h", "5", "0s", True, None, []]
)
def test_what_is_no_time_is_refused(value: object) -> None:
    with pytest.raises(InvalidInputError, match="max_time"):
        parse_seconds(value)  # type: ignore[arg-type]


@given(st.binary())
def test_a_payload_is_named_by_its_bytes_alone(data: bytes) -> None:
    assert Payload.of(data) == Payload.of(memoryview(data))
    assert Payload.of(data).size == len(data)


def test_usage_without_a_limit_is_never_used_up() -> None:
    usage = InstanceUsage(instance=InstanceId("crn"), consumed_seconds=1e9)

    assert (usage.limit_reached, usage.remaining_seconds) == (False, None)


def test_usage_at_its_limit_is_used_up() -> None:
    usage = InstanceUsage(instance=InstanceId("crn"), consumed_seconds=600, limit_seconds=600)

    assert (usage.limit_reached, usage.remaining_seconds) == (True, 0)


def test_models_are_values() -> None:
    at = datetime(2026, 1, 1, tzinfo=UTC)
    one, other = (
        Job(id=JobId("j"), spec=spec(), state=JobState.QUEUED, created_at=at) for _ in range(2)
    )

    assert one == other
    assert Principal(user="u") != Principal(user="v")
    assert spec(program_id=ProgramId("estimator")) != spec()


@pytest.mark.parametrize(
    "noun",
    [
        Backend(name=BackendName("b"), num_qubits=2),
        Job(
            id=JobId("j"),
            spec=spec(),
            state=JobState.QUEUED,
            created_at=datetime(2026, 1, 1, tzinfo=UTC),
        ),
        Program(id=ProgramId("p"), spec=ProgramSpec(name="p")),
        ProgramUpdate(cost=1),
    ],
    ids=lambda noun: type(noun).__name__,
)
def test_nouns_can_be_copied_and_sent_to_other_processes(noun: object) -> None:
    assert pickle.loads(pickle.dumps(noun)) == copy.deepcopy(noun) == noun
