"""What bytes from outside must not do, whichever decoder reads them."""

import base64
import io
import json
import pickle
import struct
import tracemalloc
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from qiskit import QuantumCircuit, qpy
from qiskit.circuit import Parameter

from swqr_adapters.codec import (
    Budget,
    MalformedPayloadError,
    PayloadError,
    UnsafePayloadError,
    decode,
    encode,
)

Read = Callable[..., Any]
OPERATORS = "qiskit.quantum_info.operators"
LAYERS = "qiskit_ibm_runtime.utils.noise_learner_result"


def b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def packed(data: bytes) -> str:
    return b64(zlib.compress(data))


def tag(name: str, value: object, **more: object) -> str:
    return json.dumps({"__type__": name, "__value__": value, **more})


def by_name(kind: str, module: str, name: str, value: object) -> str:
    return tag(kind, value, __module__=module, __class__=name)


def qpy_file(circuit: QuantumCircuit, version: int) -> bytes:
    out = io.BytesIO()
    qpy.dump(circuit, out, version=version)
    return out.getvalue()


def qpy_header(
    *,
    version: int = 17,
    programs: int = 1,
    kind: bytes = b"q",
    qubits: int = 1,
    clbits: int = 0,
    instructions: int = 0,
) -> bytes:
    head = struct.pack("!6sBBBBQc1s", b"QISKIT", version, 2, 0, 0, programs, b"p", kind)
    table = struct.pack("!Q", len(head) + 8 * programs) * programs if version >= 16 else b""
    body = struct.pack("!H1cHIIQIQI", 0, b"f", 8, qubits, clbits, 0, 0, instructions, 0)
    return head + table + body + bytes(8)


def npy(header: str, data: bytes) -> bytes:
    text = header.encode() + b"\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text + data


ONE = npy("{'descr': '<f8', 'fortran_order': False, 'shape': (1,), }", bytes(8))


@pytest.mark.parametrize(
    ("module", "name", "settings"),
    [
        ("logging", "FileHandler", {"filename": "made"}),
        ("subprocess", "Popen", {"args": ["touch", "made"]}),
        ("os.path", "join", {"a": "b"}),
        (f"{OPERATORS}.symplectic.pauli_list", "defaultdict", {}),
        (f"{OPERATORS}.operator", "QuantumCircuit", {}),
        (f"{OPERATORS}_evil", "Pauli", {"data": "X"}),
        (f"{OPERATORS}.dihedral.dihedral", "CNOTDihedral", {"num_qubits": 900}),
        (f"{OPERATORS}.dihedral.polynomial", "SpecialPolynomial", {"num_vars": 900}),
        (None, ["Pauli"], {}),
    ],
)
def test_a_class_that_is_not_in_the_table_is_refused(  # noqa: PLR0917 - three are fixtures
    read: Read,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    module: Any,
    name: Any,
    settings: dict[str, object],
) -> None:
    monkeypatch.chdir(tmp_path)

    with pytest.raises(UnsafePayloadError, match="is not accepted"):
        read(by_name("settings", module, name, settings))

    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["np", "Any", "__class__", "TYPE_CHECKING"])
def test_another_attribute_of_the_noise_learner_module_is_refused(read: Read, name: str) -> None:
    with pytest.raises(UnsafePayloadError, match="is not accepted"):
        read(by_name("_json", LAYERS, name, {}))


def test_a_key_of_a_bindings_array_is_decoded_by_the_same_rules(read: Read) -> None:
    evil = by_name("settings", f"{OPERATORS}.operator", "QuantumCircuit", {})
    values = json.loads(encode(np.zeros((1, 1))))
    document = tag("BindingsArray", {"shape": [1], "data": {f"[{evil}]": values}})

    with pytest.raises(UnsafePayloadError, match="is not accepted"):
        read(document)


def test_a_key_of_a_bindings_array_is_on_the_same_budget(read: Read) -> None:
    array = json.loads(encode(np.zeros(1000)))
    keys = [json.dumps([array]), json.dumps([array, 1])]
    document = tag("BindingsArray", {"data": dict.fromkeys(keys, array)})

    with pytest.raises(UnsafePayloadError, match="bytes left"):
        read(document, Budget(inflated=20_000))


@pytest.mark.parametrize("version", [1, 6, 9])
def test_a_qpy_version_that_is_too_old_is_refused_unread(read: Read, version: int) -> None:
    good = bytearray(qpy_file(QuantumCircuit(1), 13))
    good[6] = version

    with pytest.raises(UnsafePayloadError, match="version 10 or newer"):
        read(tag("QuantumCircuit", packed(bytes(good))))


# What Qiskit 1.4 writes as version 11: a circuit with a rotation of 0.25, the expression 1 + t in
# Symengine's form, and 1 + 2*t in Sympy's.
OLD_CIRCUIT = (
    "eNoL9Az29gzhZmRhY4AAxtRCBu40Bg4gkwmKGdDYrMmZRcmlmSW6hqbmUCGG6tpCRrASRsZCBlTAmAyT"
    "SUaXgbNYMURQgYd7YkkqxGA2qDJcSoOi4GrToEIcEOqCPQMbknewOIbROQKuuRAsxo4si8U239TE4tIi"
    "iA6I90jQAQ4QkJr/SACmDgDnQCZy"
)
OLD_SYMENGINE = (
    "eNoL9Az29gzhZmRhY4AAxtRCBu40Bg4QkwEBmJD4jMmZRcmlmSW6hqYWMPnq2kJGsBJGxkIGdMAG1czI"
    "gB0ERbknlqSC9aVChcpgdkFpTyCDF8RrEIC4pgFZ1hDGYAZK8CLLlLCgKy0ogNvL+OXjRaYFt539dq+e"
    "yhtS5zu3BCj4HwnAFAIAAmAliA=="
)
OLD_SYMPY = (
    "eNoL9Az29gzhZmRhY4AAxoJCBu40Bg4QkwEBmJD4TMmZRcmlmSW6hqaWMPnq2kJGsBJGxkIGdMAG1czI"
    "gB0ERbknlqSC9RVAhYQZGL98vMi04Laz3+7VU3lD6nznlhA2JwJuTipUKArmLSit65iSouFbmqPhmVeS"
    "mp5apGGkqaMQXJmblJ+joV6irgnkwWQMNTULCuBmY3EOA8N/JABTCAC5dDwN"
)


def old(text: str) -> bytes:
    return zlib.decompress(base64.b64decode(text))


def test_what_clients_of_2024_write_is_read(read: Read) -> None:
    plain = read(tag("QuantumCircuit", packed(old(OLD_CIRCUIT))))
    swept = read(tag("QuantumCircuit", packed(old(OLD_SYMPY))))

    assert [item.operation.name for item in plain.data] == ["h", "rz", "cx", "measure", "measure"]
    assert plain.data[1].operation.params == [0.25]
    bound = swept.assign_parameters([0.5])
    assert float(bound.data[1].operation.params[0]) == 2.0


def test_an_expression_in_symengines_form_is_refused_and_says_what_to_do(read: Read) -> None:
    with pytest.raises(UnsafePayloadError, match="assign the parameters"):
        read(tag("QuantumCircuit", packed(old(OLD_SYMENGINE))))


def old_qpy_file(expression: bytes, encoding: bytes) -> bytes:
    """Return a file of version 11 whose global phase is an expression of a parameter."""
    name = b"t"
    symbol = struct.pack("!H16s", len(name), bytes(16)) + name
    phase = (
        struct.pack("!QQ", 1, len(expression))
        + expression
        + struct.pack("!ccQ", b"p", b"p", 0)
        + symbol
    )
    head = struct.pack("!6sBBBBQc1s", b"QISKIT", 11, 1, 4, 6, 1, encoding, b"q")
    circuit = struct.pack("!H1cHIIQIQ", 0, b"e", len(phase), 1, 0, 2, 0, 0) + phase + b"{}"
    return head + circuit + struct.pack("!Q", 0) + struct.pack("!Bq", 0, -1) + b"\x00" * 16


@pytest.mark.parametrize(
    "expression",
    [
        b"__import__('os').system('true')",
        b"Symbol('t').__class__",
        b"(lambda: 0)()",
        b"open('x')",
        b"\xff\x00binary",
    ],
)
@pytest.mark.parametrize("encoding", [b"p", b"e"])
def test_an_expression_in_an_old_file_is_never_evaluated(
    read: Read, expression: bytes, encoding: bytes
) -> None:
    with pytest.raises((UnsafePayloadError, MalformedPayloadError)):
        read(tag("QuantumCircuit", packed(old_qpy_file(expression, encoding))))


@pytest.mark.parametrize("kind", ["QuantumCircuit", "Instruction"])
@pytest.mark.parametrize("version", [13, 17])
@pytest.mark.parametrize(
    "header",
    [
        {"qubits": 2_000_000_000},
        {"qubits": 30_000_000},
        {"clbits": 30_000_000},
        {"instructions": 2**40},
        {"instructions": 1_000_000},
        {"programs": 2},
        {"programs": 0},
        {"kind": b"s"},
    ],
)
def test_a_qpy_header_that_announces_too_much_is_refused_unread(
    read: Read, kind: str, version: int, header: dict[str, Any]
) -> None:
    raw = qpy_header(version=version, **header)

    with pytest.raises(PayloadError):
        read(tag(kind, packed(raw)))


@pytest.mark.parametrize("raw", [b"", b"QISKIT", b"QISKIT\x11", qpy_header()[:24], b"x" * 100])
def test_a_file_that_is_no_whole_qpy_file_is_malformed(read: Read, raw: bytes) -> None:
    with pytest.raises(MalformedPayloadError):
        read(tag("QuantumCircuit", packed(raw)))


def test_a_circuit_that_qiskit_cannot_read_is_malformed(read: Read) -> None:
    raw = qpy_file(QuantumCircuit(2, 2), 17)
    cut = raw[: len(raw) - 20]

    with pytest.raises(MalformedPayloadError, match="cannot read the circuit"):
        read(tag("QuantumCircuit", packed(cut)))


@pytest.mark.parametrize("kind", ["QuantumCircuit", "Instruction", "ndarray"])
def test_a_zlib_bomb_is_refused_in_bounded_memory(read: Read, kind: str) -> None:
    size = 64 * 2**20
    head = npy(f"{{'descr': '|u1', 'fortran_order': False, 'shape': ({size},), }}", b"")
    document = tag(kind, packed((head if kind == "ndarray" else qpy_header()) + bytes(size)))
    read(tag("QuantumCircuit", packed(qpy_file(QuantumCircuit(1), 17))))  # imports allocate too
    tracemalloc.start()

    try:
        with pytest.raises(UnsafePayloadError, match="send less"):
            read(document, Budget(inflated=2**20))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()

    assert peak < 8 * 2**20


def test_all_blobs_of_a_document_share_one_budget(read: Read) -> None:
    arrays = json.loads(encode([np.full(1000, float(n)) for n in range(10)]))

    with pytest.raises(UnsafePayloadError, match=r"\$\[5\]"):
        read(json.dumps(arrays), Budget(inflated=45_000))


def object_array() -> bytes:
    out = io.BytesIO()
    np.save(out, np.array([{"a": 1}], dtype=object), allow_pickle=True)
    return out.getvalue()


def archive() -> bytes:
    out = io.BytesIO()
    np.savez(out, np.zeros(3))
    return out.getvalue()


def record_array() -> bytes:
    out = io.BytesIO()
    np.save(out, np.zeros(3, dtype=[("a", "f8"), ("b", "i4")]))
    return out.getvalue()


@pytest.mark.parametrize(
    "raw",
    [
        npy("{'descr': '<f8', 'fortran_order': False, 'shape': (100000000000,), }", bytes(8)),
        npy("{'descr': '<f8', 'fortran_order': False, 'shape': (2,), }", bytes(8)),
        npy("{'descr': '<f8', 'fortran_order': False, 'shape': (2,), }", bytes(24)),
        npy("{'descr': '<f8', 'fortran_order': False, 'shape': (-1,), }", bytes(8)),
        npy("{'descr': '<f8', 'fortran_order': False, 'shape': (9**9**9,), }", bytes(8)),
        npy("{'descr': '<U0', 'fortran_order': False, 'shape': (1000000000,), }", b""),
        npy("{'descr': '<M8[s]', 'fortran_order': False, 'shape': (1,), }", bytes(8)),
        npy(
            f"{{'descr': '<f8', 'fortran_order': False, 'shape': ({'1, ' * 40}), }}",
            bytes(8),
        ),
        object_array(),
        archive(),
        record_array(),
        b"",
        b"\x93NUMPY",
        pickle.dumps([1]),
    ],
    ids=lambda raw: repr(raw[:60]),
)
def test_an_array_that_is_not_what_its_header_says_is_refused(read: Read, raw: bytes) -> None:
    with pytest.raises(PayloadError):
        read(tag("ndarray", packed(raw)))


@pytest.mark.parametrize(
    "document",
    [
        tag("spmatrix", b64(archive())),
        tag("Result", {"backend_name": "x"}),
        tag("lambda", "x"),
        '{"__type__": ["ndarray"], "__value__": "x"}',
        '{"__type__": null, "__value__": "x"}',
    ],
)
def test_an_unknown_tag_is_refused(read: Read, document: str) -> None:
    with pytest.raises(UnsafePayloadError, match="is not accepted"):
        read(document)


def test_a_tag_without_a_value_is_malformed(read: Read) -> None:
    with pytest.raises(MalformedPayloadError, match="has no __value__"):
        read('{"__type__": "ndarray"}')


@pytest.mark.parametrize(
    "name", ["_data", "_shape", "__class__", "__init__", "shape", "self", "keys", "x" * 5000]
)
def test_a_data_bin_field_with_a_name_of_its_own_machinery_is_refused(
    read: Read, name: str
) -> None:
    document = tag("DataBin", {"field_names": [name], "shape": [], "fields": {name: 1}})

    with pytest.raises(UnsafePayloadError, match="may not be named"):
        read(document)


@pytest.mark.parametrize("bits", [9, 17, -1, "8", None, True])
def test_a_bit_array_whose_width_does_not_fit_is_malformed(read: Read, bits: object) -> None:
    array = json.loads(encode(np.zeros((3, 2), np.uint8)[:, : 1 if bits == 17 else 2]))
    bits = 8 if bits == 9 else bits

    with pytest.raises(MalformedPayloadError, match="bits do not fit"):
        read(tag("BitArray", {"array": array, "num_bits": bits}))


@pytest.mark.parametrize(
    "document",
    [
        tag("ObservablesArray", [{"QQ": 1.0}]),
        tag("ObservablesArray", "nonsense!"),
        tag("complex", [1, 2, 3]),
        tag("complex", ["1", 2]),
        tag("set", [[1]]),
        tag("set", "abc"),
        tag("ndarray", {"a": 1}),
        tag("ndarray", "not base64!"),
        tag("ndarray", b64(b"not zlib")),
        tag("ndarray", b64(zlib.compress(ONE)[:-4])),
        tag("ndarray", b64(zlib.compress(ONE) + b"tail")),
        tag("Parameter", b64(b"\x00\x05" + bytes(16) + b"abc")),
        tag("Parameter", b64(b"short")),
        tag("Parameter", 5),
        tag("QuantumCircuit", None),
        tag("BindingsArray", []),
        tag("BindingsArray", {"data": [1]}),
        tag("BindingsArray", {"data": {"not json": 1}}),
        tag("PubResult", {"data": 1}),
        tag("PubResult", {"data": 1, "evil": 2}),
        tag("PrimitiveResult", {"pub_results": 7}),
        tag("PrimitiveResult", {"pub_results": [1]}),
        tag("DataBin", {"shape": [], "fields": []}),
        tag("DoubleSliceSpan", {"start": 1, "stop": 2, "data_slices": {}}),
        tag("ExecutionSpans", {"spans": 3}),
        tag("PauliLindbladMap", {"paulis": [["QQ", [0, 1], 0.5]], "num_qubits": 2}),
        tag("PauliLindbladMap", {"paulis": [["XX", [0, 9], 0.5]], "num_qubits": 2}),
        by_name("settings", f"{OPERATORS}.symplectic.pauli", "Pauli", {"data": "Q"}),
        by_name("settings", f"{OPERATORS}.symplectic.pauli", "Pauli", {"data": 5}),
        by_name("settings", f"{OPERATORS}.symplectic.pauli_list", "PauliList", {"data": [1]}),
        by_name("_json", LAYERS, "LayerError", {"circuit": 1, "qubits": [0], "error": None}),
    ],
)
def test_a_value_that_is_not_what_its_tag_says_is_malformed(read: Read, document: str) -> None:
    with pytest.raises(MalformedPayloadError):
        read(document)


def test_a_pauli_map_of_four_billion_qubits_is_refused(read: Read) -> None:
    with pytest.raises(UnsafePayloadError, match="4000000000 qubits"):
        read(tag("PauliLindbladMap", {"paulis": [], "num_qubits": 4_000_000_000}))


@pytest.mark.parametrize("depth", [300, 100_000])
@pytest.mark.parametrize(("left", "right"), [("[", "]"), ('{"a":', "}")])
def test_deep_nesting_is_refused(read: Read, depth: int, left: str, right: str) -> None:
    with pytest.raises(UnsafePayloadError, match="nested deeper"):
        read(left * depth + "1" + right * depth)


@pytest.mark.parametrize("digits", [50, 6000])
@pytest.mark.parametrize("form", ["{}", '{{"a": {}}}', "[1, {}]", '["a", {}]'])
def test_a_huge_integer_is_malformed(read: Read, digits: int, form: str) -> None:
    with pytest.raises(MalformedPayloadError):
        read(form.format("9" * digits))


def test_a_date_of_a_megabyte_is_malformed(read: Read) -> None:
    with pytest.raises(MalformedPayloadError, match="short"):
        read(tag("datetime", "2026-" + "0" * 2**20))


def test_non_finite_numbers_are_read(read: Read) -> None:
    found = read('{"a": [NaN, Infinity, -Infinity], "b": null}')

    assert repr(found) == "{'a': [nan, inf, -inf], 'b': None}"


def test_a_document_over_the_limit_is_not_parsed(read: Read) -> None:
    with pytest.raises(UnsafePayloadError, match="split the job"):
        read("[" + " " * 1000 + "]", Budget(document=500))


@pytest.mark.parametrize("text", ["", "{", "nonsense", "{'a': 1}"])
def test_text_that_is_no_json_is_malformed(read: Read, text: str) -> None:
    with pytest.raises(MalformedPayloadError, match="not JSON"):
        read(text)


def test_bytes_that_are_no_utf_8_are_malformed() -> None:
    with pytest.raises(MalformedPayloadError, match="utf-8"):
        decode(b'"\xff"')


def test_an_error_says_where_it_is(read: Read) -> None:
    document = {"pubs": [[1, json.loads(tag("ndarray", "??"))]]}

    with pytest.raises(PayloadError) as caught:
        read(json.dumps(document))

    assert caught.value.path == "$.pubs[0][1]"


def test_an_error_survives_pickling() -> None:
    error = UnsafePayloadError("$.a", "no")

    copy = pickle.loads(pickle.dumps(error))

    assert (type(copy), copy.path, copy.problem, copy.code) == (
        UnsafePayloadError,
        "$.a",
        "no",
        1002,
    )


def test_what_an_error_shows_of_a_document_is_short_and_printable(read: Read) -> None:
    with pytest.raises(UnsafePayloadError) as caught:
        read(tag("\x1b[31m" + "x" * 10_000, 1))

    assert len(str(caught.value)) < 200
    assert str(caught.value).isprintable()


def zipped() -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as file:
        file.writestr(
            "a.npy", npy("{'descr': '<f8', 'fortran_order': False, 'shape': (1,), }", b"")
        )
    return out.getvalue()


def test_a_zip_archive_is_no_array(read: Read) -> None:
    with pytest.raises(UnsafePayloadError, match="array format"):
        read(tag("ndarray", packed(zipped())))


def test_an_older_qpy_version_that_is_safe_is_read(read: Read) -> None:
    circuit = QuantumCircuit(2)
    circuit.rx(Parameter("a") * 2 + 1, 0)

    found = [read(tag("QuantumCircuit", packed(qpy_file(circuit, v)))) for v in (13, 14, 15, 16)]

    assert found == [circuit] * 4
