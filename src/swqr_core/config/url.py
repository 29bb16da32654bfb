"""The URL of a transport."""

from urllib.parse import parse_qsl, urlsplit

from swqr_core.errors import ConfigurationError

__all__ = ["parse_url"]


def parse_url(url: str) -> tuple[str, str, dict[str, str]]:
    """Split a transport's URL into its name, its location and its settings.

    Raises:
        ConfigurationError: It is no such URL, or a setting stands in it twice.
    """
    try:
        parts = urlsplit(url)
        pairs = parse_qsl(parts.query, keep_blank_values=True, strict_parsing=bool(parts.query))
    except ValueError as error:
        # The URL may hold a secret, so neither it nor its cause is shown.
        raise ConfigurationError("transport URL", f"cannot be read: {error}") from None
    if not parts.scheme or "://" not in url:
        raise ConfigurationError(
            "transport URL", "must be like 'memory://?seed=7': a transport's name and '://'"
        )
    settings: dict[str, str] = {}
    for name, value in pairs:
        if name in settings:
            raise ConfigurationError("transport URL", f"the setting {name!r} stands there twice")
        settings[name] = value
    return parts.scheme, parts.netloc + parts.path, settings
