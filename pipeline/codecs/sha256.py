"""SHA-256 of bytes at once.

Compiled with mypyc, and then replaced when linked by pipeline/native/sha256.c.
"""

from hashlib import sha256
from typing import Final

# As a constant, or the compiled code would look the function's name up at every call.
_SHA256: Final = sha256


def sha256_of(data: bytes) -> bytes:
    """The digest, 32 bytes."""
    return _SHA256(data).digest()
