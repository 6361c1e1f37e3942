"""Lies about a sound run: what a broken gate, or somebody with write access, could leave behind.

Owns altering, dropping and doubling records, and telling a whole lie: a decision changed in every
place that speaks of it, with digests and chain made to fit. Must never judge.
"""

from collections.abc import Callable
from dataclasses import replace
from hashlib import sha256
from io import BytesIO
from typing import Any

import fastavro

from pipeline.codecs.wire import FRAME_BYTES
from pipeline.topics import TOPICS_BY_NAME
from tests import flow
from tests.chaos.checker_history import CHANGELOG, History, Record
from tests.chaos.checker_lane import outputs_digest
from tests.chaos.checker_state import SCHEMAS
from tests.flow import decode, decode_body, encode

Content = dict[str, Any]
Wanted = Callable[[Content], bool]


def with_records(history: History, topic: str, records: list[Record]) -> History:
    """The history with other records of one topic."""
    return replace(history, records=history.records | {topic: records})


def content(record: Record) -> Content:
    """What a record of a framed topic says."""
    return decode(TOPICS_BY_NAME[record.topic].schema, record.value or b"")


def find(history: History, topic: str, wanted: Wanted) -> int:
    """Index of the first record that says what is wanted."""
    return next(i for i, found in enumerate(history.records[topic]) if wanted(content(found)))


def drop(history: History, topic: str, index: int) -> History:
    """One record is gone."""
    records = list(history.records[topic])
    del records[index]
    return with_records(history, topic, records)


def double(history: History, topic: str, index: int) -> History:
    """One record is there twice, the second time at the end of its partition."""
    records = history.records[topic]
    again = records[index]
    last = max(record.offset for record in records if record.partition == again.partition)
    place = next(i for i, record in enumerate(records) if record == again)
    end = place + sum(
        record.partition == again.partition and record.offset > again.offset for record in records
    )
    copy = again._replace(offset=last + 2)
    return with_records(history, topic, [*records[: end + 1], copy, *records[end + 1 :]])


def swap(history: History, topic: str, index: int) -> History:
    """Two neighbours have changed places."""
    records = list(history.records[topic])
    first, second = records[index], records[index + 1]
    records[index] = second._replace(offset=first.offset)
    records[index + 1] = first._replace(offset=second.offset)
    return with_records(history, topic, records)


def alter(history: History, topic: str, index: int, **changes: Any) -> History:
    """One record says something else."""
    records = list(history.records[topic])
    altered = encode(TOPICS_BY_NAME[topic].schema, content(records[index]) | changes)
    records[index] = records[index]._replace(value=altered)
    return with_records(history, topic, records)


def alter_rows(
    history: History, kind: bytes, change: Callable[[Record, Content], Record | None]
) -> History:
    """Each changelog record of a kind of row, as `change` makes it; None drops it."""
    name = SCHEMAS[kind.decode()]
    records: list[Record] = []
    for record in history.records[CHANGELOG]:
        kept: Record | None = record
        if (record.key or b"").startswith(kind):
            row = {} if record.value is None else decode_body(name, record.value)
            kept = change(record, row)
        if kept is not None:
            records.append(kept)
    return with_records(history, CHANGELOG, records)


def row_value(kind: bytes, row: Content) -> bytes:
    """A row as it lies in the changelog: without a frame."""
    buffer = BytesIO()
    fastavro.schemaless_writer(buffer, flow._PARSED[SCHEMAS[kind.decode()]], row)
    return buffer.getvalue()


def lie(
    history: History, sequence: int, audit: Content, decision: Content | None = None
) -> History:
    """Change an audit record and its decision, with every digest, chain and head made to fit."""
    lied = history
    if decision is not None:
        index = find(history, "decisions", lambda said: _is_own(said, sequence))
        lied = alter(history, "decisions", index, **decision)
        told = _body(lied.records["decisions"][index])
        audit = audit | {"decision": told}
        swept = content(history.records["audit"][sequence - 1])["swept"]
        audit |= {"outputs_digest": _digest(history, sequence, swept, told)}
    return _rewrite(lied, sequence, audit)


def lie_about_swept(
    history: History, sequence: int, change: Callable[[list[Content]], list[Content]]
) -> History:
    """Change the gate's own decisions before an input, with everything made to fit."""
    before = content(history.records["audit"][sequence - 1])
    swept = [
        _body_of(said) for said in change([decode_body("decision", b) for b in before["swept"]])
    ]
    rest = [
        record
        for record in history.records["decisions"]
        if content(record)["lane_sequence"] != sequence or _is_own(content(record), sequence)
    ]
    place = sum(content(record)["lane_sequence"] < sequence for record in rest)
    model = history.records["decisions"][0]
    told = [
        model._replace(key=decode_body("decision", body)["user_id"].encode(), value=_framed(body))
        for body in swept
    ]
    lied = with_records(history, "decisions", [*rest[:place], *told, *rest[place:]])
    digest = _digest(history, sequence, swept, before["decision"])
    return _rewrite(lied, sequence, {"swept": swept, "outputs_digest": digest})


def _rewrite(history: History, sequence: int, audit: Content) -> History:
    """An audit record says something else, and what follows is chained to it."""
    records: list[Record] = []
    previous = bytes(32)
    for record in history.records["audit"]:
        said = content(record) | {"previous_hash": previous}
        value = encode("audit_record", said | (audit if len(records) + 1 == sequence else {}))
        records.append(record._replace(value=value))
        previous = sha256(value[FRAME_BYTES:]).digest()
    lied = with_records(history, "audit", records)
    return alter_rows(lied, b"G", lambda record, row: _with_head(record, row, previous))


def _is_own(said: Content, sequence: int) -> bool:
    """Whether it is the decision on the input itself."""
    return bool(said["lane_sequence"] == sequence and said["origin"] == "CLIENT")


def _body(record: Record) -> bytes:
    return (record.value or b"")[FRAME_BYTES:]


def _body_of(decision: Content) -> bytes:
    return encode("decision", decision)[FRAME_BYTES:]


def _framed(body: bytes) -> bytes:
    return encode("decision", decode_body("decision", body))


def _with_head(record: Record, row: Content, head: bytes) -> Record:
    return record._replace(value=row_value(b"G", row | {"chain_head": head}))


def _digest(history: History, sequence: int, swept: list[bytes], decision: bytes | None) -> bytes:
    """Of decisions and the events of their sequence, which must be of one tenant."""
    events = [
        _body(record)
        for record in history.records["regulatory-events"]
        if content(record)["lane_sequence"] == sequence
    ]
    return outputs_digest(swept, decision, events, None)
