"""Circuits in and out of QPY, with the header checked before Qiskit reads it."""

import io
import struct
import warnings
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from .budget import Budget
from .errors import MalformedPayloadError, UnsafePayloadError, is_about_input
from .qpy_calls import check_calls
from .qpy_sizes import CIRCUIT, check_sizes, refuse_over

if TYPE_CHECKING:
    from qiskit import QuantumCircuit

__all__ = ["check_qpy", "dump_circuit", "load_circuits", "qpy_version"]

MIN_VERSION: Final = 10  # what clients of 2024 write; older ones are laid out otherwise
PLAIN_VERSION: Final = 13  # older ones have expressions of parameters in the form of a library
TABLE_VERSION: Final = 16  # from here on a table says where each circuit starts
CLIENT_VERSION: Final = 17  # the newest that the service takes from clients
_FILE: Final = struct.Struct("!6sBBBBQc1s")
_ENCODING: Final = _FILE.size - 2  # where the header says how expressions are encoded
_SYMENGINE, _SYMPY = b"e", b"p"
_NO_SYMPY: Final = (SyntaxError, UnicodeDecodeError, ValueError)
MIN_INSTRUCTION: Final = 16  # bytes that each instruction takes at the very least


def check_qpy(raw: bytes, budget: Budget, *, programs: int = 1) -> int:
    """Check the headers of a QPY file, and what it would call, and return its version.

    The reader allocates what a header announces, and aborts the process if it cannot.

    Args:
        raw: The file.
        budget: What a circuit may announce.
        programs: How many circuits it may hold.

    Raises:
        UnsafePayloadError: Too old a version, more than the budget allows, or an instruction whose
            name is that of something else in Qiskit's library.
        MalformedPayloadError: It is no QPY file.
    """
    version = qpy_version(raw)
    if version < MIN_VERSION:
        raise UnsafePayloadError(
            "$", f"QPY version {version} is refused: write version {MIN_VERSION} or newer"
        )
    try:
        *_, count, _, kind = _FILE.unpack_from(raw)
        if kind != b"q":
            raise MalformedPayloadError("$", "the QPY file holds something else than circuits")
        if not 1 <= count <= programs:
            raise UnsafePayloadError(
                "$", f"the QPY file announces {count} circuits, at most {programs} are due"
            )
        table = version >= TABLE_VERSION
        starts = struct.unpack_from(f"!{count}Q", raw, _FILE.size) if table else (_FILE.size,)
        for start in starts:
            _check_circuit(raw, start, budget)
    except struct.error as exc:
        raise MalformedPayloadError("$", "the QPY file is cut off") from exc
    check_sizes(raw, budget, starts=starts)
    check_calls(raw, qubits=budget.qubits)
    return version


def _check_circuit(raw: bytes, start: int, budget: Budget) -> None:
    if start > len(raw):
        raise MalformedPayloadError("$", "the QPY file's table points outside")
    _, _, _, qubits, clbits, _, _, instructions, _ = CIRCUIT.unpack_from(raw, start)
    refuse_over(
        budget, where="the circuit", qubits=qubits, clbits=clbits, instructions=instructions
    )
    if instructions * MIN_INSTRUCTION > len(raw):
        raise MalformedPayloadError("$", "the QPY file announces more instructions than it holds")


def qpy_version(raw: bytes) -> int:
    """Return the version that a QPY file says it has.

    Raises:
        MalformedPayloadError: It is no QPY file.
    """
    if raw[:6] != b"QISKIT" or len(raw) < _FILE.size:
        raise MalformedPayloadError("$", "not a QPY file: send what qiskit.qpy.dump writes")
    return raw[6]


def load_circuits(
    raw: bytes,
    budget: Budget,
    *,
    programs: int = 1,
    annotation_factories: Mapping[str, Any] | None = None,
) -> "list[QuantumCircuit]":
    """Check a QPY file and return its circuits.

    Raises:
        UnsafePayloadError: As `check_qpy`.
        MalformedPayloadError: As `check_qpy`, or Qiskit cannot read it.
    """
    version = check_qpy(raw, budget, programs=programs)
    symbols = version < PLAIN_VERSION and raw[_ENCODING : _ENCODING + 1] == _SYMENGINE
    if symbols:
        # Symengine's own reader is native code that trusts what it reads. Said to be Sympy's, an
        # expression is parsed by Qiskit with an allow-list, and one of Symengine's is refused.
        raw = raw[:_ENCODING] + _SYMPY + raw[_ENCODING + 1 :]
    from qiskit import qpy

    extra = {} if annotation_factories is None else {"annotation_factories": annotation_factories}
    try:
        with warnings.catch_warnings():
            # A newer Qiskit wrote it; if that matters, loading fails and says so.
            warnings.simplefilter("ignore", UserWarning)
            return list(qpy.load(io.BytesIO(raw), **extra))
    except BaseException as exc:
        if not is_about_input(exc):
            raise
        if symbols and isinstance(exc, _NO_SYMPY):
            raise UnsafePayloadError(
                "$",
                f"QPY version {version} with expressions of parameters in Symengine's binary form "
                f"is refused: assign the parameters, or write version {PLAIN_VERSION} or newer",
            ) from exc
        raise _unreadable(exc) from exc


def _unreadable(exc: BaseException) -> MalformedPayloadError:
    from qiskit import __version__

    return MalformedPayloadError(
        "$",
        f"Qiskit {__version__} cannot read the circuit ({type(exc).__name__}: {exc}): "
        "write it with that release or an older one",
    )


def dump_circuit(
    circuit: "QuantumCircuit", *, version: int | None = None, metadata_serializer: Any = None
) -> bytes:
    """Return *circuit* as a QPY file.

    Args:
        circuit: What to write.
        version: The QPY version, or the nearest that this Qiskit writes; the newest that it and
            the service know if None.
        metadata_serializer: The JSON encoder class for the circuit's metadata.
    """
    from qiskit import qpy

    wanted = CLIENT_VERSION if version is None else version
    out = io.BytesIO()
    qpy.dump(
        circuit,
        out,
        metadata_serializer=metadata_serializer,
        version=min(max(wanted, qpy.QPY_COMPATIBILITY_VERSION), qpy.QPY_VERSION),
    )
    return out.getvalue()
