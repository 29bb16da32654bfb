"""The options of the sampler and the estimator, checked and with their defaults."""

import math
from collections.abc import Collection, Mapping
from typing import Any, Final

import numpy as np
from attrs import field, frozen

from .errors import ProgramError

__all__ = [
    "EstimatorOptions",
    "Pec",
    "SamplerOptions",
    "Twirling",
    "Zne",
    "estimator_options",
    "sampler_options",
]

_AUTO: Final = "auto"
_LEAF: Final = None
#: What may stand in ``options``; a mapping holds further options, None is a value.
_SHARED: Final[Mapping[str, Any]] = {
    "default_shots": _LEAF,
    "dynamical_decoupling": dict.fromkeys(
        (
            "enable",
            "sequence_type",
            "extra_slack_distribution",
            "scheduling_method",
            "skip_reset_qubits",
        )
    ),
    "twirling": dict.fromkeys(
        (
            "enable_gates",
            "enable_measure",
            "num_randomizations",
            "shots_per_randomization",
            "strategy",
        )
    ),
    "simulator": dict.fromkeys(("noise_model", "seed_simulator", "coupling_map", "basis_gates")),
    "environment": _LEAF,
    "experimental": _LEAF,
    "max_execution_time": _LEAF,
}
_SAMPLER: Final[Mapping[str, Any]] = {
    **_SHARED,
    "execution": dict.fromkeys(("init_qubits", "rep_delay", "meas_type")),
}
_ESTIMATOR: Final[Mapping[str, Any]] = {
    **_SHARED,
    "execution": dict.fromkeys(("init_qubits", "rep_delay")),
    "default_precision": _LEAF,
    "resilience_level": _LEAF,
    "seed_estimator": _LEAF,
    "resilience": {
        "measure_mitigation": _LEAF,
        "measure_noise_learning": dict.fromkeys(("num_randomizations", "shots_per_randomization")),
        "zne_mitigation": _LEAF,
        "zne": dict.fromkeys(
            ("amplifier", "noise_factors", "extrapolator", "extrapolated_noise_factors")
        ),
        "pec_mitigation": _LEAF,
        "pec": dict.fromkeys(("max_overhead", "noise_gain")),
        "layer_noise_learning": dict.fromkeys(
            (
                "max_layers_to_learn",
                "shots_per_randomization",
                "num_randomizations",
                "layer_pair_depths",
            )
        ),
        "layer_noise_model": _LEAF,
    },
}
_AMPLIFIERS: Final = ("gate_folding", "gate_folding_front", "gate_folding_back", "pea")
_EXTRAPOLATORS: Final = (
    "linear",
    "exponential",
    "double_exponential",
    "fallback",
    *(f"polynomial_degree_{degree}" for degree in range(1, 8)),
)
_STRATEGIES: Final = ("active", "active-accum", "active-circuit", "all")
_MEAS_TYPES: Final = ("classified", "kerneled", "avg_kerneled")
_MAX_LEVEL: Final = 2


@frozen(kw_only=True)
class Twirling:
    """REST: ``options.twirling``.

    Attributes:
        enable_gates: Whether two-qubit gates are twirled.
        enable_measure: Whether measurements are.
        num_randomizations: How many circuits; None for the automatic number.
        shots_per_randomization: Shots of each; None for the automatic number.
        strategy: Which qubits; it makes no difference to a simulation.
    """

    enable_gates: bool = False
    enable_measure: bool = False
    num_randomizations: int | None = None
    shots_per_randomization: int | None = None
    strategy: str = "active-accum"

    @property
    def enabled(self) -> bool:
        """Whether anything is twirled."""
        return self.enable_gates or self.enable_measure

    @property
    def product(self) -> int | None:
        """Shots, if both numbers were given; they come before ``default_shots``."""
        if self.num_randomizations is None or self.shots_per_randomization is None:
            return None
        return self.num_randomizations * self.shots_per_randomization

    def layout(self, shots: int, *, pec: bool = False) -> tuple[int, int]:
        """Return randomizations and shots of each for a pub of *shots* shots."""
        given, each = self.num_randomizations, self.shots_per_randomization
        if given is None and each is None:
            each = 64 if pec else max(64, math.ceil(shots / 32))
            return math.ceil(shots / each), each
        if each is None:
            assert given is not None  # noqa: S101 - the other case is above
            return given, math.ceil(shots / given)
        return math.ceil(shots / each) if given is None else given, each


@frozen(kw_only=True)
class SamplerOptions:
    """What the sampler heeds.

    Attributes:
        default_shots: Shots of a pub that names none; None if the options name none either.
        twirling: Twirling.
        seed: REST: ``options.simulator.seed_simulator``.
        meas_type: ``classified``, ``kerneled`` or ``avg_kerneled``.
        rep_delay: Seconds between executions; None for the device's default.
        dynamical_decoupling: Echoed; sequences do not refocus the modelled errors.
        remarks: What was asked for and is not done, for the job's log.
    """

    default_shots: int | None = None
    twirling: Twirling = Twirling()
    seed: int | None = None
    meas_type: str = "classified"
    rep_delay: float | None = None
    dynamical_decoupling: Mapping[str, Any] = field(factory=dict)
    remarks: tuple[str, ...] = ()


@frozen(kw_only=True)
class Zne:
    """REST: ``options.resilience.zne``."""

    amplifier: str = "gate_folding"
    noise_factors: tuple[float, ...] = (1.0, 3.0, 5.0)
    extrapolators: tuple[str, ...] = ("exponential", "linear")
    extrapolated: tuple[float, ...] | None = None

    @property
    def extrapolated_factors(self) -> tuple[float, ...]:
        """At which noise factors the extrapolation is reported; the default adds zero noise."""
        return (0.0, *self.noise_factors) if self.extrapolated is None else self.extrapolated


@frozen(kw_only=True)
class Pec:
    """REST: ``options.resilience.pec``; None as a gain is automatic, as an overhead unlimited."""

    max_overhead: float | None = 100.0
    noise_gain: float | None = None


@frozen(kw_only=True)
class EstimatorOptions:
    """What the estimator heeds.

    Attributes:
        default_precision: Standard error that a pub without precision aims at.
        default_shots: Shots that override ``default_precision``; None if not given.
        twirling: Twirling.
        seed: REST: ``options.seed_estimator``, else ``options.simulator.seed_simulator``.
        resilience_level: 0 to 2.
        measure_mitigation: Whether readout errors are corrected.
        zne: Zero-noise extrapolation; None if off.
        pec: Probabilistic error cancellation; None if off.
        calibration_shots: Shots that learning the readout errors costs.
        rep_delay: Seconds between executions; None for the device's default.
        dynamical_decoupling: Echoed.
        remarks: What was asked for and is not done, for the job's log.
    """

    default_precision: float = 0.015625
    default_shots: int | None = None
    twirling: Twirling = Twirling()
    seed: int | None = None
    resilience_level: int = 1
    measure_mitigation: bool = True
    zne: Zne | None = None
    pec: Pec | None = None
    calibration_shots: int = 0
    rep_delay: float | None = None
    dynamical_decoupling: Mapping[str, Any] = field(factory=dict)
    remarks: tuple[str, ...] = ()


def sampler_options(options: object) -> SamplerOptions:
    """Return the sampler's options.

    Raises:
        ProgramError: An option is unknown or has no sensible value (code 1521).
    """
    given = _known(options, _SAMPLER, "options")
    execution = given.get("execution") or {}
    return SamplerOptions(
        default_shots=_integer(given, "default_shots", least=1),
        twirling=_twirling(given.get("twirling") or {}),
        seed=_simulator_seed(given),
        meas_type=_word(execution, "meas_type", _MEAS_TYPES, "classified"),
        rep_delay=_number(execution, "rep_delay"),
        dynamical_decoupling=given.get("dynamical_decoupling") or {},
        remarks=_remarks(given),
    )


def estimator_options(options: object, resilience_level: object = None) -> EstimatorOptions:
    """Return the estimator's options.

    Args:
        options: REST: ``params.options``.
        resilience_level: REST: ``params.resilience_level``; it comes before that in the options.

    Raises:
        ProgramError: An option is unknown, has no sensible value, or contradicts another
            (code 1521).
    """
    given = _known(options, _ESTIMATOR, "options")
    if resilience_level is None:
        resilience_level = given.get("resilience_level")
    level = 1 if resilience_level is None else resilience_level
    if isinstance(level, bool) or not isinstance(level, int) or not 0 <= level <= _MAX_LEVEL:
        raise _refuse("resilience_level", level, "0, 1 or 2")
    resilience = given.get("resilience") or {}
    mitigated = _flag(resilience, "measure_mitigation", default=level >= 1)
    pec = _pec(resilience)
    zne = _zne(resilience, on=_flag(resilience, "zne_mitigation", default=level > 1 and not pec))
    if zne is not None and pec is not None:
        raise ProgramError(
            "The options zne_mitigation and pec_mitigation are both on.",
            1521,
            "Switch one of them off.",
        )
    twirling = _twirling(
        given.get("twirling") or {}, gates=level > 1 or pec is not None, measure=mitigated
    )
    if zne is not None and zne.amplifier == "pea" and not twirling.enable_gates:
        twirling = _twirling({**(given.get("twirling") or {}), "enable_gates": True})
    precision = _number(given, "default_precision")
    learning = resilience.get("measure_noise_learning") or {}
    each = _integer(learning, "shots_per_randomization", least=1) or 128
    circuits = _integer(learning, "num_randomizations", least=1) or 32
    seed = _integer(given, "seed_estimator", least=0)
    return EstimatorOptions(
        default_precision=0.015625 if precision is None else precision,
        default_shots=_integer(given, "default_shots", least=1),
        twirling=twirling,
        seed=_simulator_seed(given) if seed is None else seed,
        resilience_level=level,
        measure_mitigation=mitigated,
        zne=zne,
        pec=pec,
        calibration_shots=circuits * each if mitigated else 0,
        rep_delay=_number(given.get("execution") or {}, "rep_delay"),
        dynamical_decoupling=given.get("dynamical_decoupling") or {},
        remarks=_remarks(given),
    )


def _known(options: object, allowed: Mapping[str, Any], path: str) -> dict[str, Any]:
    """Return the options if all of them are known, and those that are null left out."""
    if options is None:
        return {}
    if not isinstance(options, Mapping):
        raise _refuse(path, options, "an object")
    found = {}
    for name, value in options.items():
        if name not in allowed:
            raise ProgramError(
                f"There is no option {path}.{name}.",
                1521,
                f"The options here are {', '.join(sorted(allowed))}.",
            )
        if value is None:
            continue
        inner = allowed[name]
        found[name] = value if inner is None else _known(value, inner, f"{path}.{name}")
    if path.endswith(".pec") and options.get("max_overhead", _LEAF) is None:
        found["max_overhead"] = options.get("max_overhead", 100.0)
    return found


def _refuse(name: str, value: object, right: str) -> ProgramError:
    return ProgramError(f"The option {name} is {value!r}.", 1521, f"It must be {right}.")


def _flag(options: Mapping[str, Any], name: str, *, default: bool) -> bool:
    value = options.get(name, default)
    if not isinstance(value, bool):
        raise _refuse(name, value, "true or false")
    return value


def _remarks(given: Mapping[str, Any]) -> tuple[str, ...]:
    """Return what was asked for and is not done."""
    found = []
    if not _flag(given.get("execution") or {}, "init_qubits", default=True):
        found.append("init_qubits is taken as true: every shot begins in the ground state")
    simulator = given.get("simulator") or {}
    found += [
        f"simulator.{name} is left out: the device has its own"
        for name in ("basis_gates", "coupling_map")
        if name in simulator
    ]
    return tuple(found)


def _is_auto(value: object) -> bool:
    # A decoded option may be an array, which compares element by element.
    return isinstance(value, str) and value == _AUTO


def _integer(options: Mapping[str, Any], name: str, *, least: int) -> int | None:
    value = options.get(name)
    if value is None or _is_auto(value):
        return None
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise _refuse(name, value, f"an integer of at least {least}")
    return value


def _number(options: Mapping[str, Any], name: str) -> float | None:
    value = options.get(name)
    if value is None or _is_auto(value):
        return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise _refuse(name, value, "a number")
    if not math.isfinite(value) or value < 0:
        raise _refuse(name, value, "a finite number of at least 0")
    return float(value)


def _word(options: Mapping[str, Any], name: str, words: tuple[str, ...], default: str) -> str:
    value = options.get(name, default)
    if not isinstance(value, str) or value not in words:
        raise _refuse(name, value, " or ".join(words))
    return value


def _simulator_seed(options: Mapping[str, Any]) -> int | None:
    simulator = options.get("simulator") or {}
    if simulator.get("noise_model") is not None:
        raise ProgramError(
            "The option simulator.noise_model is not taken here.",
            1521,
            "Run on a device whose noise is on, or on an ideal one without this option.",
        )
    return _integer(simulator, "seed_simulator", least=0)


def _twirling(
    options: Mapping[str, Any], *, gates: bool = False, measure: bool = False
) -> Twirling:
    return Twirling(
        enable_gates=_flag(options, "enable_gates", default=gates),
        enable_measure=_flag(options, "enable_measure", default=measure),
        num_randomizations=_integer(options, "num_randomizations", least=1),
        shots_per_randomization=_integer(options, "shots_per_randomization", least=1),
        strategy=_word(options, "strategy", _STRATEGIES, "active-accum"),
    )


def _pec(resilience: Mapping[str, Any]) -> Pec | None:
    if not _flag(resilience, "pec_mitigation", default=False):
        return None
    options = resilience.get("pec") or {}
    overhead = options.get("max_overhead", 100.0)
    number = _number(options, "max_overhead")
    if number == 0:
        raise _refuse("max_overhead", overhead, "a number above 0")
    return Pec(
        max_overhead=None if overhead is None else number or 100.0,
        noise_gain=_number(options, "noise_gain"),
    )


def _zne(resilience: Mapping[str, Any], *, on: bool) -> Zne | None:
    if not on:
        return None
    options = resilience.get("zne") or {}
    factors = _floats(options, "noise_factors", least=1.0) or (1.0, 3.0, 5.0)
    words = options.get("extrapolator", ("exponential", "linear"))
    several = not isinstance(words, str) and isinstance(words, Collection)
    extrapolators = tuple(words) if several else (words,)
    for word in extrapolators:
        if not isinstance(word, str) or word not in _EXTRAPOLATORS:
            raise _refuse("extrapolator", word, " or ".join(_EXTRAPOLATORS))
    if not extrapolators:
        raise _refuse("extrapolator", words, "at least one extrapolator")
    return Zne(
        amplifier=_word(options, "amplifier", _AMPLIFIERS, "gate_folding"),
        noise_factors=factors,
        extrapolators=extrapolators,
        extrapolated=_floats(options, "extrapolated_noise_factors", least=0.0),
    )


def _floats(options: Mapping[str, Any], name: str, *, least: float) -> tuple[float, ...] | None:
    value = options.get(name)
    if value is None or _is_auto(value):
        return None
    try:
        numbers = tuple(float(number) for number in np.asarray(value, dtype=float).reshape(-1))
    except (TypeError, ValueError):
        raise _refuse(name, value, "a list of numbers") from None
    if not numbers or not all(math.isfinite(n) and n >= least for n in numbers):
        raise _refuse(name, value, f"a list of finite numbers of at least {least:g}")
    return numbers
