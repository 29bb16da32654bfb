"""Random ids that nobody can guess."""

import secrets
import uuid

__all__ = ["RandomIds"]

_LETTERS = "0123456789abcdefghijklmnopqrstuvwxyz"


class RandomIds:
    """The ``IdFactory`` port on the system's source of randomness."""

    def session_id(self) -> str:
        """Return a random UUID, 122 bits."""
        return str(uuid.UUID(bytes=secrets.token_bytes(16), version=4))

    def job_id(self) -> str:
        """Return 20 letters and digits, 103 bits."""
        number = secrets.randbits(104)
        letters = []
        for _ in range(20):
            number, index = divmod(number, 36)
            letters.append(_LETTERS[index])
        return "".join(letters)

    def key(self) -> str:
        """Return 32 hexadecimal digits, 128 bits."""
        return secrets.token_hex(16)
