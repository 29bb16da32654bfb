"""Files of workspaces: announced, written to a signed URL, and read again."""

import hashlib
import hmac
import secrets
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from attrs import define, field, frozen

from swqr_adapters.server.problems import HttpProblem
from swqr_adapters.wire.strangeworks import FileRecord
from swqr_core.errors import InvalidInputError, LimitExceededError, NotFoundError
from swqr_core.ports.clock import Clock
from swqr_core.ports.ids import IdFactory

__all__ = ["FileAnnounced", "FileNotFoundInWorkspaceError", "Shelf"]

_REFUSED: Final = 1208
_MOST_FILES: Final = 1000
_LONGEST_NAME: Final = 255
_LONGEST_TYPE: Final = 200
_WRITING: Final = timedelta(hours=1)  # for what was begun just in time


class FileNotFoundInWorkspaceError(NotFoundError):
    """No such file in this workspace."""

    noun = "file"


@frozen(kw_only=True)
class FileAnnounced:
    """What a client says about a file before it writes it.

    Attributes:
        name: Its name.
        content_type: Its type.
        public: Whether anybody may read it.
        label: What people call it.
    """

    name: str
    content_type: str
    public: bool = False
    label: str | None = None


@define(kw_only=True)
class _Kept:
    workspace: str
    announced: FileAnnounced
    created_at: datetime
    updated_at: datetime
    data: bytes | None = field(default=None, repr=False)


class Shelf:
    """Keeps files in memory, so they end with the server.

    Args:
        clock: The time.
        ids: Where slugs come from.
        seconds: For how long a signed URL is good.
        max_bytes: How much all files of a workspace may take together.
    """

    def __init__(self, clock: Clock, ids: IdFactory, *, seconds: float, max_bytes: int) -> None:
        self._clock = clock
        self._ids = ids
        self._lifetime = timedelta(seconds=seconds)
        self._max_bytes = max_bytes
        self._secret = secrets.token_bytes(32)
        self._files: dict[str, _Kept] = {}

    def __repr__(self) -> str:
        return f"<Shelf of {len(self._files)} files>"

    @property
    def max_bytes(self) -> int:
        """How much all files of a workspace may take together."""
        return self._max_bytes

    def announce(self, workspace: str, file: FileAnnounced) -> tuple[str, str]:
        """Make room for a file, and return its slug and the signed query of its upload.

        Raises:
            InvalidInputError: It has no name, or one that cannot be.
            LimitExceededError: The workspace has too many files.
        """
        if not file.name.strip() or len(file.name) > _LONGEST_NAME or not file.name.isprintable():
            raise InvalidInputError(
                "fileName", f"must be 1 to {_LONGEST_NAME} printable characters", _REFUSED
            )
        kind = file.content_type
        if len(kind) > _LONGEST_TYPE or not (kind.isascii() and kind.isprintable()):
            raise InvalidInputError("contentType", "must be a media type", _REFUSED)
        now = self._clock.now()
        self._forget_unwritten(now)
        if sum(1 for kept in self._files.values() if kept.workspace == workspace) >= _MOST_FILES:
            raise LimitExceededError("files", _MOST_FILES, "use another workspace")
        slug = self._ids.key()
        self._files[slug] = _Kept(
            workspace=workspace, announced=file, created_at=now, updated_at=now
        )
        until = str(int((now + self._lifetime).timestamp()))
        return slug, f"expires={until}&signature={self._sign(slug, until)}"

    def _forget_unwritten(self, now: datetime) -> None:
        """Forget files that were announced and can be written no more."""
        late = [
            slug
            for slug, kept in self._files.items()
            if kept.data is None and kept.created_at + self._lifetime + _WRITING <= now
        ]
        for slug in late:
            del self._files[slug]

    def check_upload(self, slug: str, until: str | None, signature: str | None) -> None:
        """Let pass what brings the signed query of an upload.

        Raises:
            HttpProblem: It is not what was signed, or its time is over.
        """
        until, given = until or "", signature or ""
        signed = hmac.compare_digest(
            given.encode("utf-8", "replace"), self._sign(slug, until).encode()
        )
        if not signed or slug not in self._files:
            raise HttpProblem(
                403, "this upload was not signed here", "Ask for an upload and use its signedURL.",
                code=1200,
            )  # fmt: skip
        if int(until) <= self._clock.now().timestamp():
            raise HttpProblem(
                403, "the time of this upload is over", "Ask for another upload.", code=1200
            )

    def write(self, slug: str, data: bytes) -> None:
        """Keep the content of a file, instead of any before.

        Raises:
            FileNotFoundInWorkspaceError: It took so long that nobody knows the file any more.
            LimitExceededError: The workspace is full; nothing was kept.
        """
        file = self._files.get(slug)
        if file is None:
            raise FileNotFoundInWorkspaceError(slug)
        others = sum(
            len(kept.data or b"")
            for other, kept in self._files.items()
            if kept.workspace == file.workspace and other != slug
        )
        if others + len(data) > self._max_bytes:
            raise LimitExceededError(
                "bytes of files", self._max_bytes, "the files of this workspace are too large"
            )
        file.data, file.updated_at = data, self._clock.now()

    def read(self, slug: str, workspace: str | None) -> tuple[FileAnnounced, bytes]:
        """Return a file.

        Args:
            slug: Which.
            workspace: The id of the reader's workspace; None for somebody unknown.

        Raises:
            FileNotFoundInWorkspaceError: There is none that the reader may read.
        """
        file = self._files.get(slug)
        if (
            file is None
            or file.data is None
            or not (file.announced.public or file.workspace == workspace)
        ):
            raise FileNotFoundInWorkspaceError(slug)
        return file.announced, file.data

    def is_public(self, slug: str) -> bool:
        """Return whether anybody may read a file."""
        file = self._files.get(slug)
        return file is not None and file.announced.public

    def record(self, slug: str, url: str) -> FileRecord:
        """Return the record of a file that is read at *url*."""
        file = self._files[slug]
        size = None if file.data is None else len(file.data)
        return FileRecord(
            slug=slug,
            id=slug,
            name=file.announced.name,
            label=file.announced.label or file.announced.name,
            url=url,
            size=size,
            created_at=file.created_at,
            updated_at=file.updated_at,
        )

    def _sign(self, slug: str, until: str) -> str:
        text = f"{slug}\n{until}".encode("utf-8", "replace")
        return hmac.new(self._secret, text, hashlib.sha256).hexdigest()


def announced(input: Mapping[str, Any]) -> FileAnnounced:
    """Return what the input of an upload mutation says."""
    return FileAnnounced(
        name=input["fileName"],
        content_type=input["contentType"],
        public=input["isPublic"],
        label=input.get("label"),
    )
