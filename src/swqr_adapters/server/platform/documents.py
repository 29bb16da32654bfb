"""GraphQL documents from anybody: parsed within limits, checked against the schema, and kept."""

from collections import Counter, OrderedDict
from typing import Any, Final

from attrs import frozen
from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLError,
    InlineFragmentNode,
    OperationDefinitionNode,
    OperationType,
    SelectionSetNode,
    parse,
    validate,
)

from swqr_core.errors import InvalidInputError

from .schema import platform_schema

__all__ = ["Documents", "Parsed"]

_REFUSED: Final = 1208
_LONGEST: Final = 65_536
_MOST_TOKENS: Final = 4_000
_MOST_DEFINITIONS: Final = 50
_DEEPEST: Final = 20
_MOST_FIELDS: Final = 500
_MOST_PAIRS: Final = 10_000
_MOST_SEARCHES: Final = 10
_SEARCHES: Final = frozenset({"backend", "backends", "jobs", "resources"})
_KEPT: Final = 128
_SHOWN: Final = 3


@frozen
class Parsed:
    """A document that is good to run.

    Attributes:
        document: The document.
        fields: How many fields it asks for, its fragments spread.
        reads: Whether it changes nothing, whichever of its operations is run.
    """

    document: DocumentNode
    fields: int
    reads: bool


class Documents:
    """Parses documents, and remembers the last ones: clients send the same few again and again."""

    def __init__(self) -> None:
        self._kept: OrderedDict[str, Parsed] = OrderedDict()

    def __repr__(self) -> str:
        return f"<Documents, {len(self._kept)} kept>"

    def parse(self, text: str) -> Parsed:
        """Return a document, ready to run.

        Raises:
            InvalidInputError: It is too large or too deep, no GraphQL, or not of the schema.
        """
        found = self._kept.get(text)
        if found is not None:
            self._kept.move_to_end(text)
            return found
        found = self._kept[text] = _parse(text)
        if len(self._kept) > _KEPT:
            self._kept.popitem(last=False)
        return found


def _parse(text: str) -> Parsed:
    if len(text) > _LONGEST:
        raise _refuse(f"has {len(text)} characters, and at most {_LONGEST} are read")
    try:
        document = parse(text, max_tokens=_MOST_TOKENS)
    except GraphQLError as error:
        raise _refuse(_told(error)) from None
    except RecursionError:
        raise _refuse("is nested too deeply") from None
    if len(document.definitions) > _MOST_DEFINITIONS:
        raise _refuse(f"has more than {_MOST_DEFINITIONS} definitions")
    operations = [d for d in document.definitions if isinstance(d, OperationDefinitionNode)]
    # Before validation, whose own work grows faster than the document.
    fields = _Size(document).check(operations)
    problems = validate(platform_schema(), document, max_errors=_SHOWN)
    if problems:
        raise _refuse("; ".join(_told(problem) for problem in problems[:_SHOWN]))
    reads = all(operation.operation is OperationType.QUERY for operation in operations)
    return Parsed(document, fields, reads)


class _Size:
    """Counts what a document asks for, its fragments spread, without spreading them."""

    def __init__(self, document: DocumentNode) -> None:
        self._fragments = {
            definition.name.value: definition
            for definition in document.definitions
            if isinstance(definition, FragmentDefinitionNode)
        }
        self._names: Counter[str] = Counter()
        self._inline = 0
        self._counted: dict[str, tuple[int, int, int]] = {}
        self._open: set[str] = set()

    def check(self, operations: list[OperationDefinitionNode]) -> int:
        # Validation reads fragments that nobody spreads too.
        sizes = [self._of_fragment(name, fragment) for name, fragment in self._fragments.items()]
        asked = [self._of(operation.selection_set, 1) for operation in operations]
        for depth, fields, searches in sizes + asked:
            if depth > _DEEPEST:
                raise _refuse(f"is nested {depth} deep, and at most {_DEEPEST} are answered")
            if fields > _MOST_FIELDS:
                raise _refuse(f"asks for {fields} fields, and at most {_MOST_FIELDS} are answered")
            if searches > _MOST_SEARCHES:
                raise _refuse(f"searches {searches} times, and at most {_MOST_SEARCHES} are done")
        # Validation holds all fields of one name in the answer against each other, and again for
        # each inline fragment around them (CVE-2026-75507: graphql-core has a limit of its own from
        # 3.2.12 on, and the Strangeworks SDK wants an older one).
        pairs = sum(count**2 for count in self._names.values())
        if pairs * (1 + self._inline) > _MOST_PAIRS:
            raise _refuse("asks for the same fields too often")
        return max((fields for _, fields, _ in asked), default=0)

    def _of(
        self, selection: SelectionSetNode | None, level: int, inline: int = 0
    ) -> tuple[int, int, int]:
        """Return how deep a selection is, how many fields it has, and how many searches."""
        depth = fields = searches = 0
        self._inline = max(self._inline, inline)
        if level > 2 * _DEEPEST:
            raise _refuse(f"is nested more than {_DEEPEST} deep")
        for node in () if selection is None else selection.selections:
            if isinstance(node, FragmentSpreadNode):
                name = node.name.value
                fragment = self._fragments.get(name)
                # A fragment that nobody wrote is for validation to tell, and work for it.
                below = (0, 1, 0) if fragment is None else self._of_fragment(name, fragment)
                add = 0
            else:
                around = inline + isinstance(node, InlineFragmentNode)
                below = self._of(getattr(node, "selection_set", None), level + 1, around)
                add = 1 if isinstance(node, FieldNode) else 0
            depth = max(depth, below[0] + add)
            fields += below[1] + add
            searches += below[2]
            if isinstance(node, FieldNode):
                self._names[(node.alias or node.name).value] += 1
                searches += node.name.value in _SEARCHES
        return depth, fields, searches

    def _of_fragment(self, name: str, fragment: FragmentDefinitionNode) -> tuple[int, int, int]:
        found = self._counted.get(name)
        if found is None:
            if name in self._open:
                raise _refuse(f"spreads the fragment {name!r:.60} within itself")
            self._open.add(name)
            found = self._counted[name] = self._of(fragment.selection_set, 1)
            self._open.discard(name)
        return found


def _told(error: GraphQLError) -> str:
    at = error.locations[0] if error.locations else None
    where = "" if at is None else f" (line {at.line}, column {at.column})"
    return f"{error.message[:300]}{where}"


def _refuse(problem: Any) -> InvalidInputError:
    return InvalidInputError("query", str(problem), _REFUSED)
