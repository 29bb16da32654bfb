"""A TOML file that says what a cloud is like, so that a team can mirror its own account."""

import difflib
import os
import tomllib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

from attrs import field, frozen

from swqr_adapters.secret_files import SecretFileError, read_secret
from swqr_core.errors import ConfigurationError
from swqr_core.model.backend import BackendStatus
from swqr_core.model.ids import InstanceId
from swqr_core.model.principal import Instance

__all__ = ["BackendShape", "FleetFile", "InstanceShape", "KeyShape", "load_fleet"]

_PRICING: Final = ("free", "paid", "paygo", "subscription", "trial", "unknown")
_REGION_FIELD: Final = 5
_CRN_FIELDS: Final = 10
_LARGEST_FILE: Final = 1_000_000


@frozen(kw_only=True)
class InstanceShape:
    """An ``[[instance]]``.

    Attributes:
        instance: What clients see of it.
        usage_limit_seconds: The usage after which nothing starts; None for what the plan has.
    """

    instance: Instance
    usage_limit_seconds: float | None = None


@frozen(kw_only=True)
class BackendShape:
    """A ``[[backend]]``.

    Attributes:
        name: Its name.
        snapshot: The device whose documents it has; ``ideal_N`` for an ideal simulator.
        noise: Whether its errors are simulated; None for what the cloud does.
        status: Whether it takes jobs out of its queue.
        mock: Whether it is listed for dry runs only.
        job_seconds: The least time that a job keeps it busy, in seconds; None for none.
        concurrent_jobs: How many jobs run on it side by side.
        fractional_gates: Whether it has ``rx`` and ``rzz``; None for what the snapshot has.
        calibration_ids: The calibrations that jobs may ask for.
        instances: CRNs of the instances that may use it; None for all.
    """

    name: str
    snapshot: str
    noise: bool | None = None
    status: BackendStatus = BackendStatus.ONLINE
    mock: bool = False
    job_seconds: float | None = None
    concurrent_jobs: int = 1
    fractional_gates: bool | None = None
    calibration_ids: tuple[str, ...] = ()
    instances: frozenset[str] | None = None


LIMITS: Final = ("requests_per_minute", "jobs_per_minute", "max_body_bytes")


@frozen(kw_only=True)
class KeyShape:
    """A ``[[key]]``.

    Attributes:
        name: What people call it.
        secret: The API key itself; never shown.
        user: Whose it is.
        instances: CRNs of the instances that it opens; None for all.
        requests_per_minute: How many requests may come with it; None for what is usual.
        jobs_per_minute: How many submissions, likewise.
        max_body_bytes: How large a request may be, likewise.
    """

    name: str
    secret: str = field(repr=False)
    user: str = "local"
    instances: frozenset[str] | None = None
    requests_per_minute: int | None = None
    jobs_per_minute: int | None = None
    max_body_bytes: int | None = None

    @property
    def limits(self) -> dict[str, int]:
        """What it says of limits."""
        found = {name: getattr(self, name) for name in LIMITS}
        return {name: value for name, value in found.items() if value is not None}


@frozen(kw_only=True)
class FleetFile:
    """A whole file; what it does not say is empty."""

    instances: tuple[InstanceShape, ...] = ()
    backends: tuple[BackendShape, ...] = ()
    keys: tuple[KeyShape, ...] = ()


def load_fleet(path: Path, *, keys: bool = True) -> FleetFile:
    """Read a fleet file.

    Args:
        path: The file.
        keys: Whether to look up the secrets of its keys; without them there are no keys.

    Raises:
        ConfigurationError: It cannot be read, a field is unknown or its value cannot be used, or
            a secret is not where the file says.
    """
    try:
        with path.open("rb") as stream:
            text = stream.read(_LARGEST_FILE + 1)
        if len(text) > _LARGEST_FILE:
            raise ConfigurationError(str(path), "is no fleet file: it is over a megabyte")
        document = tomllib.loads(text.decode())
    except OSError as error:
        raise ConfigurationError(str(path), f"cannot be read: {error.strerror or error}") from error
    except ValueError as error:  # TOML and UTF-8 alike
        raise ConfigurationError(str(path), f"is not TOML: {error}") from error
    return _Reader(path, keys=keys).file(document)


class _Reader:
    """Reads one file, and says where in it something is wrong."""

    def __init__(self, path: Path, *, keys: bool) -> None:
        self._path = path
        self._keys = keys
        self._crns: dict[str, str] = {}

    def _wrong(self, where: str, problem: str) -> ConfigurationError:
        return ConfigurationError(f"{self._path}: {where}", problem)

    def file(self, document: Mapping[str, Any]) -> FleetFile:
        self._known("the file", document, ("backend", "instance", "key"))
        instances = tuple(self._each("instance", document, self._instance))
        for shape in instances:
            self._crns[shape.instance.name] = self._crns[shape.instance.id] = shape.instance.id
        found = FleetFile(
            instances=instances,
            backends=tuple(self._each("backend", document, self._backend)),
            keys=tuple(self._each("key", document, self._key)) if self._keys else (),
        )
        self._once("instance", [shape.instance.id for shape in instances])
        self._once("instance", [shape.instance.name for shape in instances])
        self._once("backend", [shape.name for shape in found.backends])
        self._once("key", [shape.name for shape in found.keys])
        return found

    def _each(
        self,
        table: str,
        document: Mapping[str, Any],
        read: Callable[[str, Mapping[str, Any]], Any],
    ) -> list[Any]:
        entries = document.get(table, [])
        if not isinstance(entries, list) or not all(isinstance(e, dict) for e in entries):
            raise self._wrong(table, f"must be tables: write [[{table}]]")
        return [
            read(f"{table} {entry.get('name', number)!r}", entry)
            for number, entry in enumerate(entries, 1)
        ]

    def _once(self, table: str, names: list[str]) -> None:
        for name in names:
            if names.count(name) > 1:
                raise self._wrong(table, f"{name!r} stands there twice")

    def _known(self, where: str, entry: Mapping[str, Any], names: tuple[str, ...]) -> None:
        for name in entry:
            if name not in names:
                near = difflib.get_close_matches(name, names, n=1)
                hint = f"did you mean {near[0]!r}? " if near else ""
                raise self._wrong(where, f"there is no {name!r}; {hint}known: {', '.join(names)}")

    def _value(
        self, where: str, entry: Mapping[str, Any], name: str, kind: type, default: Any
    ) -> Any:
        value = entry.get(name, default)
        if value is default:
            return default
        if kind is float and isinstance(value, int) and not isinstance(value, bool):
            value = float(value)
        if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
            words = {str: "text", bool: "true or false", int: "a whole number", list: "a list"}
            raise self._wrong(where, f"{name} must be {words.get(kind, 'a number')}")
        if isinstance(value, int | float) and not isinstance(value, bool) and value < 0:
            raise self._wrong(where, f"{name} must not be negative")
        return value

    def _needed(self, where: str, entry: Mapping[str, Any], name: str) -> str:
        value = self._value(where, entry, name, str, None)
        if not value:
            raise self._wrong(where, f"{name} is required")
        return str(value)

    def _texts(self, where: str, entry: Mapping[str, Any], name: str) -> tuple[str, ...]:
        value = self._value(where, entry, name, list, [])
        if not all(isinstance(item, str) for item in value):
            raise self._wrong(where, f"{name} must be a list of texts")
        return tuple(value)

    def _instances(self, where: str, entry: Mapping[str, Any]) -> frozenset[str] | None:
        if "instances" not in entry:
            return None
        names = self._texts(where, entry, "instances")
        if not names:
            raise self._wrong(where, "instances must name one at least; leave it out for all")
        for name in names:
            if name not in self._crns:
                known = ", ".join(sorted(self._crns)) or "none"
                raise self._wrong(where, f"there is no instance {name!r}; there is {known}")
        return frozenset(self._crns[name] for name in names)

    def _instance(self, where: str, entry: Mapping[str, Any]) -> InstanceShape:
        known = ("name", "crn", "plan", "pricing_type", "region", "tags", "usage_limit_seconds")
        self._known(where, entry, known)
        name = self._needed(where, entry, "name")
        crn = self._value(where, entry, "crn", str, None)
        fields = (crn or "").split(":")
        if crn is not None and (len(fields) != _CRN_FIELDS or fields[0] != "crn"):
            raise self._wrong(where, "crn must have ten fields, of which the first is 'crn'")
        region = self._value(where, entry, "region", str, None)
        if crn is not None and region not in {None, fields[_REGION_FIELD]}:
            raise self._wrong(where, f"region is not that of its crn, {fields[_REGION_FIELD]!r}")
        region = region or (fields[_REGION_FIELD] if crn else "us-east")
        crn = crn or f"crn:v1:bluemix:public:quantum-computing:{region}:a/swqr:{name}::"
        pricing = self._value(where, entry, "pricing_type", str, "unknown")
        if pricing not in _PRICING:
            raise self._wrong(where, f"pricing_type must be one of {', '.join(_PRICING)}")
        return InstanceShape(
            instance=Instance(
                id=InstanceId(crn),
                name=name,
                plan=self._value(where, entry, "plan", str, "internal").lower(),
                pricing_type=pricing,
                region=region,
                tags=self._texts(where, entry, "tags"),
            ),
            usage_limit_seconds=self._value(where, entry, "usage_limit_seconds", float, None),
        )

    def _backend(self, where: str, entry: Mapping[str, Any]) -> BackendShape:
        known = (
            "name", "snapshot", "noise", "status", "mock", "job_seconds", "concurrent_jobs",
            "fractional_gates", "calibration_ids", "instances",
        )  # fmt: skip
        self._known(where, entry, known)
        name = self._needed(where, entry, "name")
        status = self._value(where, entry, "status", str, "online")
        if status not in set(BackendStatus):
            raise self._wrong(where, f"status must be one of {', '.join(BackendStatus)}")
        concurrent = self._value(where, entry, "concurrent_jobs", int, 1)
        if concurrent < 1:
            raise self._wrong(where, "concurrent_jobs must be at least 1")
        bare = name if name.startswith("ideal_") else name.partition("_")[2] or name
        return BackendShape(
            name=name,
            snapshot=self._value(where, entry, "snapshot", str, bare),
            noise=self._value(where, entry, "noise", bool, None),
            status=BackendStatus(status),
            mock=self._value(where, entry, "mock", bool, default=False),
            job_seconds=self._value(where, entry, "job_seconds", float, None),
            concurrent_jobs=concurrent,
            fractional_gates=self._value(where, entry, "fractional_gates", bool, None),
            calibration_ids=self._texts(where, entry, "calibration_ids"),
            instances=self._instances(where, entry),
        )

    def _key(self, where: str, entry: Mapping[str, Any]) -> KeyShape:
        self._known(where, entry, ("name", "secret", "user", "instances", *LIMITS))
        name = self._needed(where, entry, "name")
        return KeyShape(
            name=name,
            secret=self._secret(where, self._needed(where, entry, "secret")),
            user=self._value(where, entry, "user", str, name),
            instances=self._instances(where, entry),
            **{limit: self._value(where, entry, limit, int, None) for limit in LIMITS},
        )

    def _secret(self, where: str, reference: str) -> str:
        """Return a secret from where it is; it never stands in the file itself."""
        kind, _, place = reference.partition(":")
        if kind == "env" and place:
            secret = os.environ.get(place, "")
            if not secret:
                raise self._wrong(where, f"the environment has no {place}")
        elif kind == "file" and place:
            file = self._path.parent / Path(place).expanduser()
            try:
                secret = read_secret(file)
            except SecretFileError as error:
                raise self._wrong(where, f"{file} {error}") from error
        else:
            # What stands there may be the secret: it is not shown.
            raise self._wrong(where, "secret must be 'env:NAME' or 'file:PATH', not the key itself")
        return secret
