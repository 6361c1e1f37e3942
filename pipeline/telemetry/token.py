"""The token that whoever asks a worker for a user's state must show.

Owns where it comes from and how it must be kept. Never prints or logs it.
"""

import os
import secrets
import stat
from pathlib import Path
from typing import Final

from pipeline.settings import Settings, SettingsError

_TOKEN_CHARACTERS_MIN: Final = 16
_TOKEN_CHARACTERS_MAX: Final = 1_024
_RANDOM_BYTES: Final = 32


def read_token(settings: Settings) -> str | None:
    """The token of `state_token` or of the file `state_token_file`; None when neither is set.

    Raises SettingsError for a token that is too weak or has odd characters, and for a file that is
    not there or that others may read.
    """
    if settings.state_token and settings.state_token_file:
        raise SettingsError("set one of state_token and state_token_file, not both")
    if settings.state_token:
        return _checked(settings.state_token, "state_token")
    if settings.state_token_file:
        return _checked(_from_file(Path(settings.state_token_file)), "state_token_file")
    return None


def make_token_file(path: Path) -> None:
    """Write a new random token to `path`, for its owner alone; one that is there stays."""
    try:
        descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    except FileExistsError:
        return
    with os.fdopen(descriptor, "w") as file:
        file.write(secrets.token_urlsafe(_RANDOM_BYTES) + "\n")


def _from_file(path: Path) -> str:
    try:
        with path.open("rb") as file:
            mode = stat.S_IMODE(os.fstat(file.fileno()).st_mode)
            if mode & 0o077:
                raise SettingsError(
                    f"state_token_file {path} may be read by others (mode {mode:o}): chmod 600 it"
                )
            content = file.read(_TOKEN_CHARACTERS_MAX + 1)
    except OSError as error:
        raise SettingsError(f"state_token_file {path}: {error.strerror}") from error
    return content.decode("latin-1").strip()


def _checked(token: str, setting: str) -> str:
    # Visible ASCII: what a header can carry and no shell or editor changes.
    if not all("!" <= character <= "~" for character in token):
        raise SettingsError(f"{setting}: a token is ASCII without spaces")
    if not _TOKEN_CHARACTERS_MIN <= len(token) <= _TOKEN_CHARACTERS_MAX:
        raise SettingsError(
            f"{setting}: a token has {_TOKEN_CHARACTERS_MIN} to {_TOKEN_CHARACTERS_MAX} "
            "characters, best random ones: openssl rand -hex 32"
        )
    return token
