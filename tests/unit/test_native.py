"""What is in C where the modules are compiled: sound in memory, and equal to what it stands for.

That its bytes are right is what the tests of codecs, batches and lanes say, compiled and plain.
"""

import hashlib
import os
import random
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pipeline.codecs import avro
from pipeline.codecs.primitives import MalformedAvro
from pipeline.codecs.sha256 import sha256_of
from pipeline.codecs.wire import FRAME_BYTES
from pipeline.streaming.record_batch import COMPRESSIONS, Outgoing
from tests.property.gate import Gate
from tests.property.histories import seeded_history
from tests.unit.test_golden_wire import FILES, load

ROOT = Path(__file__).parents[2]
PASSES = 4
FEW_KEYS = 16


def damaged(body: bytes) -> list[bytes]:
    """A body cut at every byte, and with every byte changed."""
    cut = [body[:end] for end in range(len(body))]
    changed = [
        body[:at] + bytes([body[at] ^ mask]) + body[at + 1 :]
        for at in range(len(body))
        for mask in (0x01, 0x80, 0xFF)
    ]
    return cut + changed


def read_all(decode: Callable[[bytes], Any], encode: Callable[[Any], bytes], body: bytes) -> int:
    """Read all of them, and write what could be read; how many were refused."""
    refused = 0
    for data in damaged(body):
        try:
            value = decode(data)
        except MalformedAvro:
            refused += 1
            continue
        if hasattr(value, "encoded"):
            value.encoded = None
        encode(value)
    return refused


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_reading_damaged_bytes_keeps_no_memory(file: Any) -> None:
    name, _, framed, _ = load(file)
    decode, encode = getattr(avro, f"decode_{name}"), getattr(avro, f"encode_{name}")
    body = framed[FRAME_BYTES:]
    assert read_all(decode, encode, body) >= len(body)
    read_all(decode, encode, body)
    before = sys.getallocatedblocks()
    for _ in range(PASSES):
        read_all(decode, encode, body)
    # A block for each refused body would be thousands.
    assert sys.getallocatedblocks() - before < len(body)


@pytest.mark.parametrize("seed", [3, 7])
def test_the_state_digest_is_of_the_changed_rows_in_key_order(seed: int) -> None:
    gate = Gate()
    largest = 0
    for given in seeded_history(seed, 400):
        hashed = gate.processor.head.state_digest
        rows = gate.apply(given).rows
        for key, body in rows:
            hashed += len(key).to_bytes(4, "big") + key
            hashed += b"\xff" * 4 if body is None else len(body).to_bytes(4, "big") + body
        assert gate.processor.head.state_digest == hashlib.sha256(hashed).digest()
        assert [key for key, _ in rows] == sorted(key for key, _ in rows)
        largest = max(largest, len(rows))
    # Few are sorted otherwise than many.
    assert largest > FEW_KEYS


@pytest.mark.parametrize("length", [0, 1, 55, 56, 63, 64, 65, 2_047, 2_048, 1_000_003])
def test_digests_are_those_of_hashlib(length: int) -> None:
    data = random.Random(length).randbytes(length)
    assert sha256_of(data) == hashlib.sha256(data).digest()


def test_nothing_is_written_beside_its_memory() -> None:
    """CPython's debugging allocator ends the process that does."""
    ran = subprocess.run(
        [sys.executable, "-c", "from tests.unit.test_native import exercise; exercise()"],
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
        env={**os.environ, "PYTHONMALLOC": "debug", "PYTHONPATH": str(ROOT)},
    )
    assert ran.returncode == 0, ran.stderr[-2000:]


def exercise() -> None:
    """Read, write, hash and batch."""
    for file in FILES:
        name, _, framed, _ = load(file)
        body = framed[FRAME_BYTES:]
        read_all(getattr(avro, f"decode_{name}"), getattr(avro, f"encode_{name}"), body)
    gate = Gate()
    outgoing = Outgoing({}, [])
    for given in seeded_history(3, 400):
        output = gate.apply(given)
        outgoing.put("audit", b"frame", output.audit, given.key, 0, [("name", b"value")])
        outgoing.rows("log", 0, dict(output.rows))
    for number in range(40):
        outgoing.put("large", b"frame", bytes(number * 10_000), None, 0, None)
    assert len(outgoing.sealed(1, 0, {}, 0, COMPRESSIONS["lz4"])) == 3
