"""The program ``executor``, driven by the official classes that post it."""

import base64
import json
import subprocess
import sys
import zlib
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from ibm_quantum_schemas.executor import (
    version_0_1,
    version_0_2,
    version_1_0,
    version_1_1,
    version_2_0,
)
from qiskit import QuantumCircuit, transpile
from qiskit.circuit import Parameter
from qiskit.quantum_info import PauliLindbladMap, SparsePauliOp
from qiskit_ibm_runtime import Executor, QuantumProgram

from swqr_adapters.codec.errors import PayloadError
from swqr_adapters.execution.errors import ProgramError

samplomatic = pytest.importorskip("samplomatic")
params_converters = pytest.importorskip("qiskit_ibm_runtime.quantum_program.params_converters")
ExecutorOptions = pytest.importorskip("qiskit_ibm_runtime.options_models").ExecutorOptions
executor_sampler = pytest.importorskip("qiskit_ibm_runtime.executor_sampler")
executor_estimator = pytest.importorskip("qiskit_ibm_runtime.executor_estimator")
# Their names before 0.50.
Sampler = getattr(executor_sampler, "Sampler", None) or executor_sampler.SamplerV2
Estimator = getattr(executor_estimator, "Estimator", None) or executor_estimator.EstimatorV2

Make = Callable[..., Any]
CONVERTERS = params_converters.QUANTUM_PROGRAM_PARAMS_CONVERTERS
MODELS = {
    "v0.1": version_0_1.QuantumProgramResultModel,
    "v0.2": version_0_2.QuantumProgramResultModel,
    "v1.0": version_1_0.QuantumProgramResultModel,
    "v1.1": version_1_1.QuantumProgramResultModel,
    "v2.0": version_2_0.QuantumProgramResultModel,
}
# What a fit over noiseless values has to say about their errors.
NO_SPREAD = "ignore:No positive, finite standard errors:UserWarning"


def bell(backend: Any, *, measured: bool = True) -> QuantumCircuit:
    circuit = QuantumCircuit(2)
    circuit.h(0)
    circuit.cx(0, 1)
    if measured:
        circuit.measure_all()
    return transpile(circuit, backend, seed_transpiler=1)


def turned() -> QuantumCircuit:
    """Return a circuit that measures 1 in bit 2, and in bit 0 for a turn of pi."""
    circuit = QuantumCircuit(3, 3)
    circuit.sx(0)
    circuit.rz(Parameter("a"), 0)
    circuit.sx(0)
    circuit.x(2)
    circuit.measure([0, 1, 2], [0, 1, 2])
    return circuit


def boxed() -> tuple[QuantumCircuit, Any]:
    """Return the template and samplex of a twirled circuit that measures 1 in bit 1."""
    circuit = QuantumCircuit(2, 2)
    with circuit.box([samplomatic.Twirl()]):
        circuit.x(1)
        circuit.cx(0, 1)
    with circuit.box([samplomatic.Twirl()]):
        circuit.measure([0, 1], [0, 1])
    return samplomatic.build(circuit)  # type: ignore[no-any-return]


def both_kinds(shots: int = 20) -> QuantumProgram:
    program = QuantumProgram(shots=shots)
    program.append_circuit_item(turned(), circuit_arguments=np.array([[0.0], [np.pi]]))
    template, samplex = boxed()
    program.append_samplex_item(template, samplex=samplex, shape=(5,))
    return program


def params_of(program: QuantumProgram, version: str = "v2.0") -> dict[str, Any]:
    converter = CONVERTERS[version]
    return converter.encoder(program, ExecutorOptions()).model_dump(mode="json")  # type: ignore[no-any-return]


@pytest.mark.parametrize("twirling", [False, True])
def test_a_bell_pair_gives_equal_bits(backend: Make, twirling: bool) -> None:
    options = {"twirling": {"enable_gates": twirling, "enable_measure": twirling}}
    device = backend()

    result = Sampler(device, options).run([bell(device)], shots=500).result()

    counts = result[0].data.meas.get_counts()
    assert (set(counts), sum(counts.values()) >= 500) == ({"00", "11"}, True)


@pytest.mark.filterwarnings(NO_SPREAD)
@pytest.mark.parametrize("level", [0, 1, 2])
def test_a_bell_pair_is_correlated_at_every_resilience_level(backend: Make, level: int) -> None:
    device = backend()
    circuit = bell(device, measured=False)
    observables = [SparsePauliOp(p).apply_layout(circuit.layout) for p in ("ZZ", "XX", "ZI")]
    estimator = Estimator(device, {"resilience_level": level})

    values = estimator.run([(circuit, observables)]).result()[0].data.evs

    assert np.allclose(values, [1, 1, 0], atol=0.1)
    assert np.allclose(values[:2], 1, atol=1e-9)


@pytest.mark.filterwarnings(NO_SPREAD)
def test_an_estimate_on_127_qubits_is_correct(backend: Make) -> None:
    device = backend("brisbane")
    circuit = bell(device, measured=False)
    observables = [SparsePauliOp(p).apply_layout(circuit.layout) for p in ("ZZ", "XX")]

    job = Estimator(device).run([(circuit, observables)])

    assert np.allclose(job.result()[0].data.evs, 1, atol=1e-9)


def test_a_sweep_is_answered_point_by_point(backend: Make) -> None:
    device = backend()
    circuit = transpile(turned(), device, initial_layout=[0, 1, 2], seed_transpiler=1)
    angles = np.array([[0.0], [np.pi], [0.0]])

    result = Sampler(device).run([(circuit, angles)], shots=10).result()

    data = result[0].data.c
    assert (data.shape, [set(data[i].get_counts()) for i in range(3)]) == (
        (3,),
        [{"101"}, {"100"}, {"101"}],
    )


@pytest.mark.parametrize("version", CONVERTERS)
def test_the_answer_has_the_version_of_the_question(run: Make, version: str) -> None:
    params = params_of(both_kinds(), version)

    answer = run("executor", params).result

    model = MODELS[version].model_validate_json(answer)
    plain, random = ({n: t.to_numpy() for n, t in item.results.items()} for item in model.data)
    random["c"] = random["c"] ^ random.pop("measurement_flips.c")
    assert model.schema_version == version
    assert plain["c"].shape == (2, 20, 3)
    assert [set(map(tuple, bits.tolist())) for bits in plain["c"]] == [
        {(True, False, True)},
        {(False, False, True)},
    ]
    assert random["c"].shape == (5, 20, 2)
    assert np.array_equal(random["c"], np.broadcast_to([False, True], (5, 20, 2)))


def test_the_official_executor_reads_the_answer(backend: Make) -> None:
    job = Executor(backend()).run(both_kinds())

    result = job.result()

    assert [sorted(item) for item in result] == [["c"], ["c", "measurement_flips.c"]]
    assert result[0]["c"].shape == (2, 20, 3)


@pytest.mark.parametrize("version", ["v0.2", "v1.0", "v1.1", "v2.0"])
def test_what_is_passed_through_comes_back_untouched(run: Make, version: str) -> None:
    program = both_kinds()
    program.passthrough_data = {"a": [1, {"b": np.arange(3.0)}], "c": None, "d": "é"}
    program._semantic_role = "something-else"  # noqa: SLF001 - as the official primitives do
    params = params_of(program, version)

    answer = json.loads(run("executor", params).result)

    assert answer["passthrough_data"] == params["quantum_program"]["passthrough_data"]
    assert answer.get("semantic_role") == (None if version == "v0.2" else "something-else")


@pytest.mark.parametrize(
    ("level", "names", "shapes"),
    [
        ("kerneled", ["c_iq"], [(2, 400, 3)]),
        ("avg_kerneled", ["c_avg_iq"], [(2, 3)]),
        ("both", ["c", "c_iq"], [(2, 400, 3), (2, 400, 3)]),
    ],
)
def test_kerneled_points_are_around_those_of_their_bits(
    backend: Make, level: str, names: list[str], shapes: list[tuple[int, ...]]
) -> None:
    program = QuantumProgram(shots=400, meas_level=level)
    program.append_circuit_item(turned(), circuit_arguments=np.array([[0.0], [np.pi]]))

    item = Executor(backend()).run(program).result()[0]

    points = item[names[-1]]
    means = points if level == "avg_kerneled" else points.mean(axis=1)
    assert (sorted(item), [item[name].shape for name in names]) == (names, shapes)
    assert np.allclose(means, [[1, -1, 1], [-1, -1, 1]], atol=0.1)


def test_chunks_follow_each_other_through_the_quantum_time(run: Make) -> None:
    program = QuantumProgram(shots=10)
    program.append_circuit_item(turned(), circuit_arguments=np.zeros((5, 1)), chunk_size=2)
    program.append_circuit_item(turned(), circuit_arguments=np.zeros((1, 1)), chunk_size=2)

    answer = run("executor", params_of(program))

    chunks = MODELS["v2.0"].model_validate_json(answer.result).metadata.chunk_timing
    ranges = [(c.parts[0].idx_item, c.parts[0].element_range) for c in chunks]
    assert ranges == [(0, (0, 2, 1)), (0, (2, 4, 1)), (0, (4, 5, 1)), (1, (0, 1, 1))]
    assert [c.stop for c in chunks[:-1]] == [c.start for c in chunks[1:]]
    took = (chunks[-1].stop - chunks[0].start).total_seconds()
    assert took == pytest.approx(answer.quantum_seconds, abs=1e-4)


def test_the_same_seed_gives_the_same_data(run: Make, backend: Make) -> None:
    device = backend()
    program = QuantumProgram(shots=200)
    program.append_circuit_item(bell(device))
    template, samplex = boxed()
    program.append_samplex_item(template, samplex=samplex, shape=(5,))
    params = params_of(program)

    first, again, other = (json.loads(run("executor", params, seed=s).result) for s in (1, 1, 2))

    assert first["data"] == again["data"]
    assert first["data"] != other["data"]


def test_a_samplex_is_drawn_for_every_point_of_its_sweep(run: Make) -> None:
    circuit = QuantumCircuit(1, 1)
    with circuit.box([samplomatic.Twirl()]):
        circuit.rx(Parameter("a"), 0)
    with circuit.box([samplomatic.Twirl()]):
        circuit.measure(0, 0)
    template, samplex = samplomatic.build(circuit)
    program = QuantumProgram(shots=7)
    angles = np.array([[[0.0]], [[np.pi]], [[0.0]]])  # three points, any number of randomizations
    program.append_samplex_item(
        template, samplex=samplex, samplex_arguments={"parameter_values": angles}, shape=(3, 4)
    )

    answer = run("executor", params_of(program)).result

    results = MODELS["v2.0"].model_validate_json(answer).data[0].results
    bits = results["c"].to_numpy() ^ results["measurement_flips.c"].to_numpy()
    assert bits.shape == (3, 4, 7, 1)
    assert [bool(point.all()) and bool(point.any()) for point in bits] == [False, True, False]


def test_injected_noise_is_drawn_from_the_map_that_was_sent(run: Make) -> None:
    circuit = QuantumCircuit(1, 1)
    with circuit.box([samplomatic.Twirl(), samplomatic.InjectNoise("n")]):
        circuit.noop(0)
    with circuit.box([samplomatic.Twirl()]):
        circuit.measure(0, 0)
    template, samplex = samplomatic.build(circuit)
    program = QuantumProgram(shots=1, noise_maps={"n": strong_flips()})
    program.append_samplex_item(template, samplex=samplex, shape=(400,))

    answer = run("executor", params_of(program)).result

    results = MODELS["v2.0"].model_validate_json(answer).data[0].results
    bits = results["c"].to_numpy() ^ results["measurement_flips.c"].to_numpy()
    assert 0.3 < bits.mean() < 0.7


def strong_flips() -> PauliLindbladMap:
    return PauliLindbladMap.from_sparse_list([("X", [0], 5.0)], num_qubits=1)


def test_an_item_of_openqasm_is_run(run: Make) -> None:
    program = QuantumProgram(shots=5)
    program.append_circuit_item(QuantumCircuit(1, 1))
    params = params_of(program)
    text = 'OPENQASM 3.0; include "stdgates.inc"; bit[1] c; qubit[1] q; x q[0]; c = measure q;'
    params["quantum_program"]["circuits"] = {"data": [text]}

    answer = run("executor", params).result

    results = MODELS["v2.0"].model_validate_json(answer).data[0].results
    assert results["c"].to_numpy().all()


def test_a_gate_that_an_item_of_openqasm_defines_is_run(run: Make) -> None:
    program = QuantumProgram(shots=5)
    program.append_circuit_item(QuantumCircuit(1, 1))
    params = params_of(program)
    text = (
        'OPENQASM 3.0; include "stdgates.inc"; gate flip a { sx a; sx a; } '
        "bit[1] c; flip $0; c[0] = measure $0;"
    )
    params["quantum_program"]["circuits"] = {"data": [text]}

    answer = run("executor", params).result

    results = MODELS["v2.0"].model_validate_json(answer).data[0].results
    assert results["c"].to_numpy().all()


def test_an_empty_program_has_an_empty_answer(run: Make) -> None:
    program = both_kinds()
    params = params_of(program)
    params["quantum_program"]["items"] = []
    params["quantum_program"]["circuits"] = {"data": []}

    assert json.loads(run("executor", params).result)["data"] == []


def test_what_cannot_be_given_is_said_in_the_log(run: Make) -> None:
    params = params_of(both_kinds())
    params["options"].update(scheduler_timing=True, init_qubits=False)

    logs = run("executor", params).logs

    assert [line.partition(" ")[0] for line in logs] == ["scheduler_timing", "init_qubits"]


def spoil(path: str, value: object) -> Callable[[dict[str, Any]], None]:
    """Return what puts *value* at a path such as ``quantum_program.items.0.shape``."""

    def change(params: dict[str, Any]) -> None:
        node: Any = params
        *steps, last = path.split(".")
        for step in steps:
            node = node[int(step) if step.isdigit() else step]
        node[last] = value

    return change


def tensor(shape: list[int], dtype: str, data: bytes) -> dict[str, Any]:
    text = base64.b64encode(zlib.compress(data)).decode()
    return {"shape": shape, "dtype": dtype, "data": text}


@pytest.mark.parametrize(
    ("path", "value", "where"),
    [
        ("quantum_program", None, "$.quantum_program"),
        ("quantum_program.shots", 0, "$.quantum_program.shots"),
        ("quantum_program.shots", 1.5, "$.quantum_program.shots"),
        ("quantum_program.meas_level", "raw", "$.quantum_program.meas_level"),
        ("quantum_program.items", {}, "$.quantum_program.items"),
        ("quantum_program.circuits", {}, "$.quantum_program.circuits.data"),
        ("quantum_program.circuits.b64_data", "AAAA", "$.quantum_program.circuits"),
        ("quantum_program.items.0.item_type", "magic", "$.quantum_program.items[0].item_type"),
        ("quantum_program.items.0.shape", [3], "$.quantum_program.items[0].shape"),
        ("quantum_program.items.0.shape", ["a"], "$.quantum_program.items[0].shape"),
        ("quantum_program.items.0.chunk_size", 0, "$.quantum_program.items[0].chunk_size"),
        ("quantum_program.items.0.chunk_size", 1, "$.quantum_program.items"),
        (
            "quantum_program.items.0.circuit_arguments",
            tensor([1, 2], "f64", bytes(16)),
            "$.quantum_program.items[0].circuit_arguments",
        ),
        (
            "quantum_program.items.0.circuit_arguments",
            tensor([1, 1], "f64", np.array(np.inf).tobytes()),
            "$.quantum_program.items[0].circuit_arguments",
        ),
        (
            "quantum_program.items.0.circuit_arguments",
            tensor([1, 1], "f64", bytes(64 * 2**20)),
            "$.quantum_program.items[0].circuit_arguments",
        ),
        (
            "quantum_program.items.0.circuit_arguments",
            tensor([2**33, 1], "f64", bytes(8)),
            "$.quantum_program.items[0].circuit_arguments",
        ),
        (
            "quantum_program.items.0.circuit_arguments",
            tensor([], "f64", bytes(8)),
            "$.quantum_program.items[0].circuit_arguments",
        ),
        (
            "quantum_program.items.0.circuit_arguments",
            tensor([1, 1], "c128", np.array(1 + 2j).tobytes()),
            "$.quantum_program.items[0].circuit_arguments",
        ),
        ("quantum_program.items.0.shape", [1] * 33, "$.quantum_program.items[0].shape"),
        ("quantum_program.items.1.shape", [0, -1], "$.quantum_program.items[1].shape"),
        (
            "quantum_program.items.1.samplex.samplex_json",
            "{}",
            "$.quantum_program.items[1].samplex",
        ),
        ("quantum_program.items.1.samplex.samplex_json", 5, "$.quantum_program.items[1].samplex"),
        (
            "quantum_program.items.1.samplex_arguments",
            {"nonsense": 1},
            "$.quantum_program.items[1].samplex_arguments.nonsense",
        ),
        (
            "quantum_program.items.1.samplex.samplex_json",
            '{"attrs": {"ssv": "1"}, "nodes": [], "links": []}',  # makes the native reader panic
            "$.quantum_program.items[1].samplex",
        ),
        ("options", [], "$.options"),
        ("options.rep_delay", -1, "$.options.rep_delay"),
        ("options.rep_delay", 10**6, "$.options.rep_delay"),
    ],
)
def test_an_error_names_the_place_in_the_parameters(
    run: Make, path: str, value: object, where: str
) -> None:
    params = params_of(both_kinds())
    spoil(path, value)(params)

    with pytest.raises(PayloadError) as caught:
        run("executor", params)

    assert caught.value.path.startswith(where)


def test_a_circuit_hidden_in_a_samplex_is_checked(run: Make) -> None:
    params = params_of(both_kinds())
    item = params["quantum_program"]["items"][1]
    samplex = json.loads(item["samplex"]["samplex_json"])
    table = json.loads(samplex["attrs"]["param_table"])
    old = bytearray(base64.b64decode(table["circuit_base64"]))
    old[6] = 9  # older than what is read
    table["circuit_base64"] = base64.b64encode(old).decode()
    samplex["attrs"]["param_table"] = json.dumps(table)
    item["samplex"]["samplex_json"] = json.dumps(samplex)

    with pytest.raises(PayloadError, match="QPY version 9 is refused"):
        run("executor", params)


@pytest.mark.parametrize("version", ["v9.9", None, 2])
def test_an_unknown_schema_version_is_refused_with_those_that_are_known(
    run: Make, version: object
) -> None:
    with pytest.raises(ProgramError, match="schema_version") as caught:
        run("executor", {"schema_version": version, "quantum_program": {}})

    assert (caught.value.code, caught.value.solution) == (
        1002,
        "Use a client that sends one of v0.1, v0.2, v1.0, v1.1, v2.0.",
    )


def test_too_many_executions_are_refused_before_anything_runs(run: Make) -> None:
    params = params_of(both_kinds())
    params["quantum_program"]["shots"] = 10**9

    with pytest.raises(ProgramError) as caught:
        run("executor", params)

    assert caught.value.code == 1520


@pytest.mark.parametrize("level", ["kerneled", "both"])
def test_kerneled_results_that_no_answer_holds_are_refused_before_anything_runs(
    run: Make, level: str
) -> None:
    program = QuantumProgram(shots=5_000_000, meas_level=level)
    program.append_circuit_item(QuantumCircuit(1, 20))

    with pytest.raises(ProgramError, match="1600000000 bytes"):
        run("executor", params_of(program))


def test_a_gate_that_the_device_does_not_have_is_refused_by_its_item(run: Make) -> None:
    program = QuantumProgram(shots=5)
    circuit = QuantumCircuit(1, 1)
    circuit.h(0)
    program.append_circuit_item(circuit)

    with pytest.raises(ProgramError, match="item 0") as caught:
        run("executor", params_of(program))

    assert caught.value.code == 1517


def test_a_worker_runs_it_without_the_official_client(manila: dict[str, object]) -> None:
    program = (
        "import json, sys\n"
        "from swqr_adapters.execution.programs.executor import run\n"
        "from swqr_core.ports.executor import ExecutionRequest\n"
        "given = json.load(sys.stdin)\n"
        "run(ExecutionRequest(job_id='j', program_id='executor', device=given['device'],\n"
        "    params=json.dumps(given['params']).encode()))\n"
        "sys.exit('qiskit_ibm_runtime' in sys.modules)\n"
    )
    given = json.dumps({"device": manila, "params": params_of(both_kinds())})

    done = subprocess.run(
        [sys.executable, "-c", program], input=given, text=True, check=False, timeout=120
    )

    assert done.returncode == 0
