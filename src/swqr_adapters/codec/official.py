"""Encoders and decoders for the official client's own classes.

Importing this module imports qiskit-ibm-runtime, which takes seconds: the facade does it when it
is first used. It works with every release from 0.46.1 on. What it uses beyond the public names is
where releases put their result decoders; `_find` looks in both places.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from importlib import import_module
from typing import Any, ClassVar, Final

import numpy as np
from qiskit import QuantumCircuit
from qiskit.primitives import PrimitiveResult
from qiskit_ibm_runtime import RuntimeDecoder, RuntimeEncoder

from swqr_core.errors import InvalidInputError

from .blobs import array_to_base64
from .budget import Budget
from .decoder import MAX_DATE, SPAN_NUMBERS, TAG, VALUE, Decoder
from .errors import MalformedPayloadError
from .parsing import parse
from .schemas import check_schema_document

__all__ = [
    "SafeRuntimeDecoder",
    "decode_inputs",
    "decode_result",
    "encode_params",
    "result_decoder_for",
]

SCHEMA_PROGRAMS: Final = frozenset({"calibrate", "executor", "noise-learner"})
ALIASES: Final = {"noiselearner": "noise-learner"}


def _find(*places: str) -> Any:
    """Return the first of ``module:name`` that this release has."""
    missing: ImportError | AttributeError | None = None
    for place in places:
        module, _, name = place.partition(":")
        try:
            return getattr(import_module(f"qiskit_ibm_runtime.{module}"), name)
        except (ImportError, AttributeError) as exc:
            missing = exc
    msg = f"this qiskit-ibm-runtime has none of {', '.join(places)}"
    raise ImportError(msg) from missing


ResultDecoder = _find(
    "decoders.result_decoder:ResultDecoder",  # from 0.48
    "utils.result_decoder:ResultDecoder",
)

# --- encoding ----------------------------------------------------------------------------------


class _FastEncoder(RuntimeEncoder):
    """The official encoder, with less effort for arrays and with each circuit written once."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        # The circuits are kept so that their ids stay theirs.
        self._circuits: dict[int, tuple[QuantumCircuit, Any]] = {}

    def default(self, obj: Any) -> Any:
        if isinstance(obj, QuantumCircuit):
            known = self._circuits.get(id(obj))
            if known is None:
                known = self._circuits[id(obj)] = (obj, super().default(obj))
            return known[1]
        if isinstance(obj, np.ndarray) and obj.dtype != object:
            return {TAG: "ndarray", VALUE: array_to_base64(obj)}
        return super().default(obj)


def encode_params(program_id: str, inputs: Mapping[str, Any]) -> bytes:
    """Return a job's inputs as the exact text to submit.

    Its values equal what the official client would post; blobs are packed with less effort where
    effort gains nothing, so the text differs.

    Args:
        program_id: For messages.
        inputs: What the official classes hand to the service's ``_run``.

    Raises:
        InvalidInputError: A value that no encoder knows.
    """
    try:
        return json.dumps(inputs, cls=_FastEncoder, separators=(",", ":")).encode()
    except (TypeError, ValueError) as exc:
        raise InvalidInputError(f"inputs of {program_id}", f"cannot be encoded: {exc}") from exc


# --- decoding ----------------------------------------------------------------------------------


class _OfficialDecoder(Decoder):
    """The allow-list decoder, making the official classes where they are not Qiskit's own.

    What has been checked goes to the official hook, so that a new release keeps its classes.
    """

    def make(self, tag: str, fields: Mapping[str, Any]) -> Any:
        if tag in {"LayerError", "PauliLindbladError"}:
            return _noise_class(tag)(**fields)
        fields = dict(fields)
        if tag in SPAN_NUMBERS:
            slices = fields["data_slices"].items()
            fields["data_slices"] = {str(index): list(numbers) for index, numbers in slices}
        return _official({TAG: tag, VALUE: fields})

    def _own_circuit(self, value: dict[str, Any]) -> Any:
        known = self._circuits.get(str(value[VALUE]))
        return self._circuit(value) if known is None else known.copy()

    def _lenient_date(self, value: dict[str, Any]) -> Any:
        text = value[VALUE]
        if not isinstance(text, str) or len(text) > MAX_DATE:
            self._malformed("a date must be short text")
        return _official(value)

    _HANDLERS: ClassVar[Mapping[str, Callable[[Any, dict[str, Any]], Any]]] = {
        **Decoder._HANDLERS,  # noqa: SLF001 - the parent's
        "QuantumCircuit": _own_circuit,
        "datetime": _lenient_date,
    }


def _official(value: dict[str, Any]) -> Any:
    return RuntimeDecoder().object_hook(value)


@cache
def _noise_class(name: str) -> Any:
    return _find(f"results.noise_learner:{name}", f"utils.noise_learner_result:{name}")


class SafeRuntimeDecoder(RuntimeDecoder):
    """The official decoder with our allow-list and budget inside.

    It decodes job documents as the official one does, the parameters of schema programs included.
    Use it as ``json.loads(text, cls=SafeRuntimeDecoder)``.

    Args:
        budget: What decoding may cost; a fresh default one for each document if None.
        program_id: The document is the ``params`` of this program; it comes back as such.
        options: As for `json.JSONDecoder`.
    """

    def __init__(
        self, *, budget: Budget | None = None, program_id: str | None = None, **options: Any
    ) -> None:
        super().__init__(**options)
        self._budget = budget
        self._program_id = program_id

    def raw_decode(self, s: str, idx: int = 0) -> tuple[Any, int]:
        """Parse and decode *s*; see the parent class.

        Raises:
            PayloadError: The document is refused.
        """
        budget = Budget() if self._budget is None else self._budget
        value = _OfficialDecoder(budget).walk(parse(s[idx:], budget))
        if self._program_id is not None:
            value = {"program": {"id": self._program_id}, "params": value}
        if isinstance(value, dict) and "program" in value:
            self._check_job(value, budget)
        return value, len(s)

    @staticmethod
    def _check_job(job: dict[str, Any], budget: Budget) -> None:
        program, params = job["program"], job.get("params")
        if not isinstance(program, dict):
            raise MalformedPayloadError("$.program", "an object with an id is due")
        if (
            program.get("id") in SCHEMA_PROGRAMS
            and isinstance(params, dict)
            and "schema_version" in params
        ):
            check_schema_document(params, budget)

    def object_hook(self, obj: Any) -> Any:
        """Decode one tagged value, whose contents have been decoded; for the parent's sake."""
        return _OfficialDecoder(self._budget).walk(obj)


def decode_inputs(program_id: str, data: bytes | str, *, budget: Budget | None = None) -> Any:
    """Return a job's inputs as ``job.inputs`` shows them, from the text that was submitted.

    Raises:
        UnsafePayloadError: They ask for what is refused.
        MalformedPayloadError: They are not what their format says.
    """
    program_id = ALIASES.get(program_id, program_id)
    text = data if isinstance(data, str) else _text(data)
    return SafeRuntimeDecoder(budget=budget, program_id=program_id).decode(text)["params"]


def decode_result(program_id: str, text: str | bytes, *, budget: Budget | None = None) -> Any:
    """Return a finished job's result as the official client would, decoded by allow-list.

    Args:
        program_id: The program that made it.
        text: The result as the service gave it.
        budget: What decoding may cost; a fresh default one if None.

    Returns:
        For ``sampler`` and ``estimator`` a ``PrimitiveResult``, or a dictionary with ``results`` if
        the parameters did not ask for Qiskit's types (``support_qiskit``); for ``executor`` what
        its semantic role says; for ``noise-learner`` a ``NoiseLearnerResult`` or
        ``NoiseLearnerV3Results``. For other programs whatever the document holds, or the text if it
        is no JSON.

    Raises:
        UnsafePayloadError: It asks for what is refused.
        MalformedPayloadError: It is not what its format says, or not what its program returns.
    """
    text = text if isinstance(text, str) else _text(text)
    budget = Budget() if budget is None else budget
    program_id = ALIASES.get(program_id, program_id)
    if program_id in {"sampler", "estimator"}:
        result = _OfficialDecoder(budget).decode(text)
        plain = isinstance(result, dict) and isinstance(result.get("results"), list)
        if not plain and not isinstance(result, PrimitiveResult):
            raise MalformedPayloadError("$", f"a {program_id} returns a PrimitiveResult")
        return result
    if program_id == "noise-learner" and "schema_version" not in text:
        return _noise_learner_result(_OfficialDecoder(budget).decode(text))
    if program_id in SCHEMA_PROGRAMS:
        check_schema_document(parse(text, budget), budget)
        return _chain(program_id, text)
    try:
        return _OfficialDecoder(budget).decode(text)
    except MalformedPayloadError:
        if text.lstrip()[:1] in {"{", "[", '"'}:
            raise
        return text  # a traceback, for example


def _noise_learner_result(decoded: Any) -> Any:
    if not isinstance(decoded, dict) or not isinstance(decoded.get("data"), list):
        raise MalformedPayloadError("$", "a noise learner returns an object with a list of data")
    layer_error = _noise_class("LayerError")
    data = []
    for index, layer in enumerate(decoded["data"]):
        if isinstance(layer, layer_error):
            data.append(layer)
            continue
        try:  # the form of older services
            place, noise = layer
            error = _noise_class("PauliLindbladError")(noise["generators"], noise["rates"])
            data.append(layer_error(place["circuit"], place["qubits"], error))
        except (TypeError, ValueError, KeyError) as exc:
            raise MalformedPayloadError(f"$.data[{index}]", f"no layer's error: {exc}") from exc
    return _noise_class("NoiseLearnerResult")(data=data, metadata=decoded.get("metadata"))


def _chain(program_id: str, text: str) -> Any:
    """Run the official decoders for a document that has been checked."""
    result: Any = text
    if not (decoders := _official_decoders(program_id)):
        return json.loads(text)
    for decoder in decoders:
        applies = getattr(decoder, "is_applicable", None)
        if applies is None or applies(result):
            result = decoder.decode(result)
    return result


@cache
def _official_decoders(program_id: str) -> Sequence[Any]:
    known = _find("decoders.defaults:DEFAULT_DECODERS", "constants:DEFAULT_DECODERS")
    found = known.get(program_id)
    if found is None:  # a program that is younger than this release
        return []
    chain = list(found) if isinstance(found, Sequence) else [found]
    if program_id == "noise-learner" and not any("V3" in one.__name__ for one in chain):
        return [
            _find(
                "decoders.noise_learner_v3.decoder:NoiseLearnerV3ResultDecoder",
                "noise_learner_v3.noise_learner_v3_decoders:NoiseLearnerV3ResultDecoder",
            )
        ]
    return chain


@cache
def result_decoder_for(program_id: str) -> type[Any]:
    """Return a decoder class for the public ``result_decoder=`` parameter of ``RuntimeJobV2``.

    One class stands for the whole official chain; it works in all supported releases.
    """

    class SafeResultDecoder(ResultDecoder):  # type: ignore[misc, valid-type] # found at run time
        """Decodes results by allow-list; see `decode_result`."""

        @classmethod
        def is_applicable(cls, data: Any) -> bool:
            """Say whether *data* is still the text of a result."""
            return isinstance(data, (str, bytes))

        @classmethod
        def decode(cls, data: Any) -> Any:
            """Return the result; see `decode_result` for what it raises."""
            return decode_result(program_id, data)

    return SafeResultDecoder


def _text(data: bytes) -> str:
    try:
        return str(data, "utf-8")
    except UnicodeDecodeError as exc:
        raise MalformedPayloadError("$", f"not UTF-8: {exc}") from exc
