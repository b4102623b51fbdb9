"""The secret key: where it is read, how it is made, what is derived from it. The only module that touches it.

Takes a path, gives a `VaultKey` whose bytes never print. What the subkeys are used for is left to the ledger, the
fingerprints and the split.
"""

import hashlib
import hmac
import os
import secrets
import stat
from dataclasses import dataclass, field
from pathlib import Path

from cxr_core.errors import UsageError

KEY_BYTES = 32
ENVIRONMENT = "HILUM_KEY_FILE"
_DEMO_KEY = hashlib.sha256(b"hilum demo hospital: a public key, for invented patients only").digest()


@dataclass(frozen=True, slots=True)
class VaultKey:
    """The key of one vault.

    `key_id` (the first 8 hexadecimal digits of the key's SHA-256) may be published; the bytes never leave this object.
    """

    secret: bytes = field(repr=False)

    @property
    def key_id(self) -> str:
        return hashlib.sha256(self.secret).hexdigest()[:8]

    @property
    def is_demo(self) -> bool:
        """True for the fixed public key of the demo hospital, which every other source refuses."""
        return hmac.compare_digest(self.secret, _DEMO_KEY)

    def for_project(self, name: str) -> "VaultKey":
        """The key of one project: two projects under one key give the same person unlike pseudonyms."""
        return VaultKey(self.subkey(f"project:{name}"))

    def subkey(self, purpose: str) -> bytes:
        """Derive a 32-byte key for one purpose (HKDF, RFC 5869, with an empty salt and one block of output)."""
        extracted = hmac.digest(b"\0" * KEY_BYTES, self.secret, "sha256")
        return hmac.digest(extracted, purpose.encode() + b"\x01", "sha256")


def demo_key() -> VaultKey:
    """The public key of the demo hospital."""
    return VaultKey(_DEMO_KEY)


def create_key(path: Path) -> VaultKey:
    """Write a new random key, readable by its owner alone.

    Raises
    ------
    UsageError
        The file exists (a key is never overwritten: its pseudonyms would be lost) or cannot be written.
    """
    key = VaultKey(secrets.token_bytes(KEY_BYTES))
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        raise UsageError(f"key {path} exists already; a key is never overwritten") from None
    except OSError:
        raise UsageError(f"key {path} cannot be written") from None
    with os.fdopen(handle, "w") as stream:
        stream.write(key.secret.hex() + "\n")
    return key


def load_key(configured: Path | None) -> VaultKey:
    """Read the key of a build of real data.

    Parameters
    ----------
    configured : Path or None
        `[vault] key_file`; the environment variable HILUM_KEY_FILE goes before it.

    Raises
    ------
    UsageError
        No key named, no such file, shorter than 32 bytes, readable by others, or the demo's public key.
    """
    named = os.environ.get(ENVIRONMENT)
    path = Path(named) if named else configured
    if path is None:
        raise UsageError(f"no key: make one with `cxr key new PATH` and name it in {ENVIRONMENT} or [vault] key_file")
    key = VaultKey(_read_secret(path))
    if key.is_demo:
        raise UsageError(f"key {path} is the demo's public key; make your own with `cxr key new PATH`")
    return key


def _read_secret(path: Path) -> bytes:
    try:
        mode = path.stat().st_mode
        content = path.read_bytes().strip()
    except OSError:
        raise UsageError(f"key {path} cannot be read; make one with `cxr key new PATH`") from None
    if mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise UsageError(f"key {path} is open to other users; run `chmod 600 {path}`")
    try:
        secret = bytes.fromhex(content.decode("ascii"))
    except ValueError:
        secret = content
    if len(secret) < KEY_BYTES:
        raise UsageError(f"key {path} is shorter than {KEY_BYTES} bytes; make one with `cxr key new PATH`")
    return secret
