"""Logins and keys of the local servers: generated once, readable by their owner alone.

They lie under the home, which git ignores. Production gets its own from the environment.
"""

import base64
import json
import os
import secrets
from dataclasses import asdict, dataclass
from pathlib import Path

LOGIN = "admin"


@dataclass(frozen=True)
class Secrets:
    """What Airflow needs to know and nobody else does."""

    password: str
    jwt_secret: str
    secret_key: str
    fernet_key: str


def load_secrets(folder: Path) -> Secrets:
    """Read the secrets of `folder`; the first call makes them, and the login file for Airflow."""
    path = folder / "secrets.json"
    if not path.exists():
        fresh = Secrets(
            password=secrets.token_urlsafe(12),
            jwt_secret=secrets.token_urlsafe(48),
            secret_key=secrets.token_urlsafe(48),
            fernet_key=base64.urlsafe_b64encode(secrets.token_bytes(32)).decode(),
        )
        _write_privately(passwords_file(folder), {LOGIN: fresh.password})
        _write_privately(path, asdict(fresh))
    return Secrets(**json.loads(path.read_text()))


def passwords_file(folder: Path) -> Path:
    """Return the file that Airflow's simple login reads: one JSON object, name to password."""
    return folder / "passwords.json"


def _write_privately(path: Path, content: dict[str, str]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    # The mode is set when the file is made: there is no moment at which others could read it.
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        json.dump(content, file)
