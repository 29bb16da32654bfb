"""Checks for the payloads that are plain JSON by a versioned schema, before a model reads them.

The models inflate tensors and circuits while they validate, without any bound. Here every blob is
looked at first: executor and noise learner (version 3) parameters and results, calibration.
"""

import contextlib
import json
import re
from collections.abc import Mapping
from typing import Any, Final

from .blobs import count_inflated, from_base64, inflate
from .budget import Budget
from .decoder import TAG, Decoder
from .errors import MalformedPayloadError, PayloadError, UnsafePayloadError, path_text, shorten
from .qpy import check_qpy
from .tensors import tensor_size

__all__ = ["check_samplex", "check_schema_document", "is_compressed"]

COMPRESSED_FROM: Final = 2  # the executor's major version


def is_compressed(document: Mapping[str, Any]) -> bool:
    """Say whether the tensors and circuits of a document are compressed: from version 2 on."""
    match = re.fullmatch(r"v(\d{1,3})\.\d{1,3}", str(document.get("schema_version")))
    return match is not None and int(match[1]) >= COMPRESSED_FROM


def check_schema_document(document: Any, budget: Budget) -> None:
    """Check every blob of a parsed document.

    Args:
        document: Plain JSON values with a ``schema_version``; tagged values in it are decoded
            (and dropped), so that none is left that a decoder would refuse.
        budget: What reading it may cost.

    Raises:
        UnsafePayloadError: A blob is over the budget, or a circuit in a refused version.
        MalformedPayloadError: A blob is not what its shape says, or there is no version.
    """
    if not isinstance(document, dict) or not isinstance(document.get("schema_version"), str):
        raise MalformedPayloadError("$", "an object with a schema_version is due")
    _Check(budget, compressed=is_compressed(document)).run(document)


class _Check:
    def __init__(self, budget: Budget, *, compressed: bool) -> None:
        self.budget = budget
        self.compressed = compressed
        self.path: list[str | int] = []

    def run(self, document: Any) -> None:
        try:
            self._node(document)
        except PayloadError as exc:
            raise exc.at(path_text(self.path)) from exc.__cause__
        except RecursionError:
            raise UnsafePayloadError("$", "nested too deep: flatten it") from None

    def _node(self, node: Any) -> None:
        if len(self.path) > self.budget.depth:
            raise UnsafePayloadError("$", f"nested deeper than {self.budget.depth} levels")
        if isinstance(node, dict):
            self._object(node)
        elif isinstance(node, list):
            for index, item in enumerate(node):
                if isinstance(item, (dict, list)):
                    self.path.append(index)
                    self._node(item)
                    self.path.pop()

    def _object(self, node: dict[str, Any]) -> None:
        if TAG in node:
            Decoder(self.budget).walk(node)
            return
        if isinstance(node.get("data"), str) and "dtype" in node and "shape" in node:
            self._tensor(node)
        if "circuit_b64" in node:
            check_qpy(from_base64(node["circuit_b64"]), self.budget)
        if "b64_data" in node:
            self._circuits(node["b64_data"])
        if "samplex_json" in node:
            check_samplex(node["samplex_json"], self.budget)
        if "num_qubits" in node and not _up_to(node["num_qubits"], self.budget.qubits):
            raise UnsafePayloadError("$", f"{shorten(node['num_qubits'])} qubits are refused")
        for key, item in node.items():
            if isinstance(item, (dict, list)):
                self.path.append(key)
                self._node(item)
                self.path.pop()

    def _tensor(self, node: dict[str, Any]) -> None:
        size = tensor_size(node, self.budget)
        data = from_base64(node["data"])
        if self.compressed:
            count_inflated(data, self.budget, expected=size)
            return
        self.budget.take(size)
        if len(data) != size:
            raise MalformedPayloadError(
                "$",
                f"{len(data)} bytes where {node['dtype']} of shape {node['shape']} takes {size}",
            )

    def _circuits(self, text: Any) -> None:
        raw = from_base64(text)
        if self.compressed:
            raw = inflate(raw, self.budget, limit=self.budget.circuit)
        check_qpy(raw, self.budget, programs=self.budget.programs)


def check_samplex(text: Any, budget: Budget) -> None:
    """Check the circuits inside a samplex, which is JSON text in JSON text in JSON text.

    Raises:
        UnsafePayloadError: One of them is refused.
        MalformedPayloadError: It is no text.
    """
    if not isinstance(text, str):
        raise MalformedPayloadError("$", "a samplex is JSON text")
    todo: list[Any] = [text]
    while todo:
        node = todo.pop()
        if isinstance(node, str):
            if node.lstrip()[:1] in {"{", "["}:
                with contextlib.suppress(ValueError):  # no JSON after all: then it is text
                    todo.append(json.loads(node))
        elif isinstance(node, list):
            todo.extend(item for item in node if isinstance(item, (dict, list, str)))
        elif isinstance(node, dict):
            if "circuit_base64" in node:
                check_qpy(from_base64(node["circuit_base64"]), budget)
            todo.extend(node.values())


def _up_to(value: Any, limit: int) -> bool:
    return type(value) is int and 0 <= value <= limit
