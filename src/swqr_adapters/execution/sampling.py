"""Draw shots of a circuit on a device."""

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt

from .aer import run_aer
from .assembly import assemble, local_places, noise_of
from .binding import Binding
from .channels import RunErrors
from .cosets import draw_coset, flips_of
from .device import Device
from .lone import bloch_vectors
from .methods import choose_method, fits_density_matrix
from .parts import Kind, Part, prune, split
from .registers import Registers
from .steps import read_steps

if TYPE_CHECKING:
    from qiskit import QuantumCircuit
    from qiskit.primitives import BitArray

__all__ = ["run_errors", "sample"]

_LISTED: Final = 18  # measured qubits: probabilities are listed in full up to here
_ALWAYS_LISTED: Final = 10
_NUMBERS: Final = 2**22  # probabilities, or state vectors' amplitudes, of one call's points
_BATCH: Final = 512  # points of one call
_DRAWS: Final = 2**24  # random numbers at a time
_NOTHING: Final = 1e-14  # a probability that is rounding, not physics


def run_errors(device: Device, *, twirled: bool = False) -> RunErrors | None:
    """Return the errors of a plain run on a device; None if it has none."""
    library = device.errors
    if library is None:
        return None
    return RunErrors(library, library.calibration.dt, twirled=twirled)


def sample(
    circuit: "QuantumCircuit",
    parameter_values: npt.ArrayLike,
    *,
    shots: int,
    seed: int,
    device: Device,
    twirled: bool = False,
) -> "dict[str, BitArray]":
    """Draw shots of a circuit for every point of a sweep.

    The distribution is that of Aer on the full device. Idle qubits are left out, and independent
    parts are simulated by themselves: single qubits as Bloch vectors, small parts by their exact
    probabilities, stabilizer states from one shot, the others by Aer shot by shot.

    Args:
        circuit: A circuit on the device's qubits; static or dynamic.
        parameter_values: Shape ``(*sweep, parameters)``, columns in the order of
            ``circuit.parameters``.
        shots: Shots for each point, at least 1.
        seed: Where all randomness comes from, 0 or more; the same seed gives the same shots,
            whatever the number of cores.
        device: What it runs on.
        twirled: Whether two-qubit gates are twirled: their errors become Pauli errors, the average
            over all randomizations.

    Returns:
        For each classical register its bits, with shape ``sweep``.

    Raises:
        ProgramError: The simulator cannot run the circuit.
    """
    values = np.asarray(parameter_values, dtype=float)
    shape = values.shape[:-1]
    binding = Binding(circuit, values.reshape(math.prod(shape), circuit.num_parameters))
    registers = Registers(circuit, len(binding), shots)
    errors = run_errors(device, twirled=twirled)
    steps = prune(read_steps(circuit), read=registers.read, ideal=errors is None)
    parts = split(steps, variables=circuit.num_vars > 0)
    seeds = np.random.SeedSequence(seed).spawn(len(parts))
    for part, source in zip(parts, seeds, strict=True):
        sampler = _PartSampler(part, errors, shots, source, registers, device.method)
        if part.kind is Kind.DYNAMIC:
            sampler.dynamic(circuit, binding)
        elif part.measures:
            sampler.static(binding)
    return registers.bit_arrays(shape)


class _PartSampler:
    """Draws the shots of one part."""

    def __init__(  # noqa: PLR0917 - one private maker, next to its only caller
        self,
        part: Part,
        errors: RunErrors | None,
        shots: int,
        source: np.random.SeedSequence,
        registers: Registers,
        method: str,
    ) -> None:
        self.part, self.errors, self.shots = part, errors, shots
        self.registers, self.method = registers, method
        self.rng = np.random.Generator(np.random.PCG64(source))
        self.aer_seed = int(source.generate_state(1, np.uint32)[0])

    # --- by probabilities ----------------------------------------------------------------------

    def static(self, binding: Binding) -> None:
        """Draw a part that nothing steers."""
        part = self.part
        if part.kind is Kind.LONE:
            self._lone(binding)
            return
        measured = list(dict.fromkeys(qubit for qubit, _ in part.measures))
        channels = self.errors is not None or part.has_reset
        density = fits_density_matrix(part, self.shots) and self.method == "automatic"
        listed = len(measured) <= _ALWAYS_LISTED or 2 ** len(measured) <= 2 * self.shots
        if (
            part.kind is Kind.STATIC
            and (density or not channels)
            and listed
            and len(measured) <= _LISTED
        ):
            method = "density_matrix"
            if not channels:
                method = choose_method(part, binding, noisy=False, wanted=self.method)
            if channels or method == "statevector":
                self._listed(binding, measured, method)
                return
        if part.kind is Kind.STATIC and not channels:
            method = choose_method(part, binding, noisy=False, wanted=self.method)
            if method == "stabilizer":
                self._from_one_shot(binding)
                return
        self._by_shots(binding)

    def _lone(self, binding: Binding) -> None:
        part = self.part
        (qubit,) = part.qubits
        ones = (1 - bloch_vectors(part, binding, self.errors)[:, 2]) / 2
        ones = np.where(ones < _NOTHING, 0.0, np.where(ones > 1 - _NOTHING, 1.0, ones))
        wrong = 0.0 if self.errors is None else self.errors.readout_error(qubit)
        ones = ones * (1 - wrong) + (1 - ones) * wrong
        batch = max(1, _DRAWS // self.shots)
        for start in range(0, len(binding), batch):
            points = slice(start, min(start + batch, len(binding)))
            chances = ones[points, np.newaxis]
            drawn = self.rng.random((len(chances), self.shots)) < chances
            for _, clbit in part.measures:
                self.registers.put(clbit, points, drawn)

    def _listed(self, binding: Binding, measured: Sequence[int], method: str) -> None:
        place = local_places(self.part)
        wrong = [0.0 if self.errors is None else self.errors.readout_error(q) for q in measured]
        position = {qubit: k for k, qubit in enumerate(measured)}
        bits = {clbit: position[qubit] for qubit, clbit in self.part.measures}
        batch = max(1, min(_BATCH, _NUMBERS >> len(self.part.qubits)))
        for start in range(0, len(binding), batch):
            points = binding.slice(start, start + batch)
            program = assemble(self.part, points, self.errors, channels=method == "density_matrix")
            program.save_probabilities([place[qubit] for qubit in measured], "p")
            found = run_aer(program, method=method)
            chances = _told(np.stack([data["p"] for data in found]), wrong)
            for i in range(len(points)):
                outcomes = self._draw(chances[min(i, len(chances) - 1)])
                for clbit, k in bits.items():
                    at = slice(start + i, start + i + 1)
                    self.registers.put(clbit, at, (outcomes >> k) & 1)

    def _draw(self, chances: npt.NDArray[np.float64]) -> npt.NDArray[np.int64]:
        """Return one outcome for each shot."""
        # Only plain uniform numbers are drawn: their stream is the same in every NumPy.
        possible = np.flatnonzero(chances > _NOTHING)
        heights = np.cumsum(chances[possible])
        heights /= heights[-1]
        drawn = np.searchsorted(heights, self.rng.random(self.shots), side="right")
        return possible[np.minimum(drawn, len(possible) - 1)]

    def _from_one_shot(self, binding: Binding) -> None:
        """Draw a part without errors whose state is a stabilizer state."""
        part, place = self.part, local_places(self.part)
        position = {clbit: i for i, clbit in enumerate(part.clbits)}
        bits = {clbit: qubit for qubit, clbit in part.measures}
        measured = [place[qubit] for qubit in bits.values()]
        for start in range(0, len(binding), _BATCH):
            points = binding.slice(start, start + _BATCH)
            program = assemble(part, points, None, channels=False)
            program.save_stabilizers("s")
            for clbit, qubit in bits.items():
                program.measure(place[qubit], position[clbit])
            cosets = []
            for data in run_aer(program, method="stabilizer", seed=self._seed(start)):
                (key,) = data["counts"]
                outcome = [int(key, 16) >> position[clbit] & 1 for clbit in bits]
                cosets.append((outcome, flips_of(data["s"]["stabilizer"], measured)))
            for i in range(len(points)):
                drawn = draw_coset(*cosets[min(i, len(cosets) - 1)], self.shots, self.rng)
                at = slice(start + i, start + i + 1)
                for k, clbit in enumerate(bits):
                    self.registers.put(clbit, at, drawn[:, k])

    # --- shot by shot --------------------------------------------------------------------------

    def _by_shots(self, binding: Binding) -> None:
        part = self.part
        noise = noise_of(part, self.errors)
        method = choose_method(part, binding, noisy=bool(noise), wanted=self.method)
        for points, start in self._batches(binding):
            program = assemble(part, points, self.errors, channels=False)
            if part.kind is not Kind.SHOTS:
                place, bit = local_places(part), {c: i for i, c in enumerate(part.clbits)}
                for qubit, clbit in part.measures:
                    program.measure(place[qubit], bit[clbit])
            # Points that do not differ are one long run, cut up afterwards.
            shots = self.shots if program.swept else self.shots * len(points)
            found = run_aer(
                program, method=method, shots=shots, seed=self._seed(start), noise=noise
            )
            self._spread([data["counts"] for data in found], start, len(points), part.clbits)

    def dynamic(self, circuit: "QuantumCircuit", binding: Binding) -> None:
        """Draw a part that classical values steer."""
        from .dynamic import dynamic_counts

        method = choose_method(self.part, binding, noisy=True, wanted=self.method)
        for points, start in self._batches(binding):
            counts = dynamic_counts(
                circuit,
                self.part,
                points,
                self.errors,
                method=method,
                shots=self.shots,
                seed=self._seed(start),
            )
            self._spread(counts, start, len(points), tuple(range(circuit.num_clbits)))

    def _batches(self, binding: Binding) -> Iterator[tuple[Binding, int]]:
        batch = max(1, min(_BATCH, _NUMBERS // self.shots))
        for start in range(0, len(binding), batch):
            yield binding.slice(start, start + batch), start

    def _seed(self, start: int) -> int:
        # Aer gives the points of one call seeds of their own; calls are told apart here.
        return (self.aer_seed + 7_368_787 * start) % 2**32

    def _spread(
        self, found: Sequence[Mapping[str, int]], start: int, points: int, clbits: Sequence[int]
    ) -> None:
        """Write counts as shots in random order: Aer counts, and shots are exchangeable."""
        own = set(self.part.clbits)
        for i, counts in enumerate(found):
            keys = sorted(counts, key=lambda text: int(text, 16))
            numbers = [int(key, 16) for key in keys]
            # Hidden bits of variables come after all others.
            size = max(len(clbits), *(number.bit_length() for number in numbers)) // 8 + 1
            raw = b"".join(number.to_bytes(size, "little") for number in numbers)
            table = np.frombuffer(raw, dtype=np.uint8).reshape(len(keys), size)
            which = np.repeat(np.arange(len(keys)), [counts[key] for key in keys])
            which = which[np.argsort(self.rng.random(len(which)), kind="stable")]
            rows = points if len(found) == 1 else 1
            at = slice(start + i, start + i + rows)
            for k, clbit in enumerate(clbits):
                if clbit in own:
                    plane = (table[:, k // 8] >> (k % 8)) & 1
                    self.registers.put(clbit, at, plane[which].reshape(rows, self.shots))


def _told(chances: npt.NDArray[np.float64], wrong: Sequence[float]) -> npt.NDArray[np.float64]:
    """Return what is read out: each qubit k is told wrong with probability ``wrong[k]``."""
    if not any(wrong):
        return chances
    shaped = chances.reshape(len(chances), *([2] * len(wrong)))
    for k, error in enumerate(wrong):
        if error:
            shaped = (1 - error) * shaped + error * np.flip(shaped, axis=len(wrong) - k)
    return shaped.reshape(len(chances), -1)
