"""What a user has configured: files, variables and secrets, for ``swqr_core.config``."""

from .source import SystemSettings
from .toml import read_settings_file

__all__ = ["SystemSettings", "read_settings_file"]
