"""What is cut out of a body comes back byte for byte, and what is no JSON is refused."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from swqr_adapters.wire.splicing import join, split, split_async
from swqr_core.errors import InvalidInputError, PayloadTooLargeError

SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text()
    | st.just("\u00e9\U0001f600")
)
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=20
)
OBJECTS = st.dictionaries(st.text().filter(lambda name: name != "params"), VALUES, max_size=4)
LAYOUTS = st.fixed_dictionaries(
    {
        "indent": st.none() | st.integers(0, 3),
        "separators": st.sampled_from([(",", ":"), (" , ", " :\t"), (",\r\n", ": ")]),
        "ensure_ascii": st.booleans(),
    }
)


def text_of(value: Any, layout: dict[str, Any]) -> bytes:
    return json.dumps(value, **layout).encode("utf-8", "surrogatepass")


def is_utf8(data: bytes) -> bool:
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(head=OBJECTS, params=VALUES, layout=LAYOUTS, place=st.integers(0, 4))
def test_the_exact_bytes_of_the_value_come_out(
    head: dict[str, Any], params: Any, layout: dict[str, Any], place: int, any_size: str
) -> None:
    exact = text_of(params, layout)
    members = [text_of(k, layout) + b" : " + text_of(v, layout) for k, v in head.items()]
    members.insert(place, b'"params":' + exact)
    body = b" {" + b" ,".join(members) + b"}\n"
    if not is_utf8(body):  # a lone surrogate cannot be written
        return

    found = split(body, "params")

    assert found.value == exact
    assert json.dumps(found.head) == json.dumps(json.loads(json.dumps(head)))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(head=OBJECTS, params=VALUES, layout=LAYOUTS)
def test_what_was_joined_splits_into_the_same_bytes(
    head: dict[str, Any], params: Any, layout: dict[str, Any], any_size: str
) -> None:
    exact = text_of(params, layout)
    if not is_utf8(exact):
        return

    found = split(b"".join(join(head, "params", exact)), "params")

    assert found.value == exact
    assert json.dumps(found.head) == json.dumps(json.loads(json.dumps(head)))


JSONISH = st.text(alphabet='{}[]",:\\u0 1-.eE+tnfNI\u00e9', max_size=40)


@pytest.fixture(params=["small", "large"])
def any_size(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Both ways through: the standard parser's, and the one in steps."""
    if request.param == "large":
        monkeypatch.setattr("swqr_adapters.wire.splicing._SMALL", -1)
    return str(request.param)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.binary(max_size=60) | JSONISH | VALUES.map(json.dumps))
def test_values_are_taken_as_the_standard_parser_takes_them(
    data: bytes | str, any_size: str
) -> None:
    value = data if isinstance(data, bytes) else data.encode("utf-8", "surrogatepass")
    body = b'{"params":' + value + b"}"
    try:
        names = [name for name, _ in json.loads(body.decode(), object_pairs_hook=list)]
        right = names.count("params") == 1 and len(names) == len(set(names))
    except ValueError:
        right = False

    try:
        split(body, "params")
        taken = True
    except InvalidInputError:
        taken = False

    assert taken == right


def test_no_value_is_told_from_a_null_value(any_size: str) -> None:
    assert split(b'{"a":1}', "params").value is None
    assert split(b'{"params":null}', "params").value == b"null"


def test_a_name_may_be_written_with_escapes(any_size: str) -> None:
    assert split(rb'{"p\u0061rams":[1]}', "params").value == b"[1]"


def test_only_the_outermost_object_counts(any_size: str) -> None:
    found = split(b'{"a":{"params":1},"params":{"params":2}}', "params")

    assert found.value == b'{"params":2}'
    assert found.head == {"a": {"params": 1}}


@pytest.mark.parametrize("piece", [b"A" * 700_000, b"\\u0041" * 120_000, b"\xc3\xa9" * 300_000])
def test_a_string_longer_than_one_step_is_one_string(piece: bytes) -> None:
    exact = b'["' + piece + b'"]'

    assert split(b'{"params":' + exact + b"}", "params").value == exact


def test_long_rows_of_numbers_are_one_value() -> None:
    exact = json.dumps([n / 7 for n in range(50_000)]).encode()

    assert split(b'{"params":' + exact + b"}", "params").value == exact


@pytest.mark.parametrize(
    ("piece", "often"), [(b'{"a":[1]},', 20), (b"[[[[1]]]],", 500)], ids=["flat", "nested"]
)
async def test_other_tasks_run_while_a_long_body_is_looked_at(
    piece: bytes, often: int, turns: Callable[[], int]
) -> None:
    body = b'{"params":[' + piece * 100_000 + b"0]}"
    before = turns()

    await split_async(body, "params")

    assert turns() - before > often


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"", "must be a JSON object"),
        (b"[]", "must be a JSON object"),
        (b'"text"', "must be a JSON object"),
        (b'{"params":', "ends early"),
        (b'{"params":{"a":1}', "ends early"),
        (b'{"params":"abc', "ends early"),
        (b'{"params":[1,]}', "unexpected"),
        (b'{"params":{"a":1,}}', "unexpected"),
        (b'{"params":01}', "unexpected b"),
        (b'{"params":1.}', "unexpected"),
        (b'{"params":truely}', "unexpected"),
        (b'{"params":"\x01"}', "unexpected b'\\x01'"),
        (b'{"params":"\\x"}', "unexpected"),
        (b'{"params":1} {}', "goes on behind the end"),
        (b'{"params":1,"params":2}', "'params' twice"),
        (b'{"a":1,"a":2}', "'a' twice"),
        (b"{'params':1}", "unexpected"),
        (b'{"params" 1}', "unexpected"),
        (b'\xef\xbb\xbf{"params":1}', "byte order mark"),
        (b'{"params":"\xff"}', "not UTF-8"),
        ('{"params":1}'.encode("utf-16"), "not UTF-8"),
        (b'{"params":' + b"[" * 500 + b"]" * 500 + b"}", "nested more than 200 deep"),
        (b'{"a":' * 100_000, "nested more than 200 deep"),
        (b'{"a":' + b"9" * 6000 + b"}", "an integer of thousands of digits"),
        (b'{"a":' + b"9" * 6000 + b',"params":1}', "an integer of thousands of digits"),
    ],
)
def test_what_is_no_json_object_is_refused(body: bytes, words: str, any_size: str) -> None:
    with pytest.raises(InvalidInputError) as caught:
        split(body, "params")

    assert words in str(caught.value)
    assert caught.value.code == 1208


def test_everything_else_together_has_a_limit() -> None:
    body = json.dumps({"tags": ["x" * 300_000], "params": {}}).encode()

    with pytest.raises(PayloadTooLargeError):
        split(body, "params")


@pytest.mark.parametrize(
    "body",
    [
        b"{" + b",".join(b'"%d":0' % n for n in range(200_000)) + b"}",
        b'{"params":"' + b"x" * 300_000 + b'","a":[' + b"[]," * 400_000 + b"0]}",
    ],
    ids=["names", "a list"],
)
def test_what_is_too_much_is_refused_before_all_of_it_was_looked_at(body: bytes) -> None:
    with pytest.raises(PayloadTooLargeError) as caught:
        split(body, "params")

    told, limit = caught.value.args[1:3]
    assert limit < told < limit + 20_000


@pytest.mark.parametrize(
    "value",
    [b"[1" + b" " * 2**22 + b"]", b"9" * 2**22, b"[0." + b"3" * 2**22 + b", 1]"],
    ids=["a blank", "a whole number", "a fraction"],
)
def test_what_would_be_looked_at_without_a_pause_is_refused(value: bytes) -> None:
    with pytest.raises(InvalidInputError, match="blank or a number of 4194304 bytes or more"):
        split(b'{"params":' + value + b"}", "params")


def test_a_name_that_stands_there_twice_is_told_as_far_as_it_can_be_read(any_size: str) -> None:
    member = b'"' + b"a" * 1000 + b'":0'

    with pytest.raises(InvalidInputError, match="twice") as caught:
        split(b"{" + member + b"," + member + b"}", "params")

    assert len(str(caught.value)) < 200
