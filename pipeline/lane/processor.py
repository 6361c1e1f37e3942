"""One input record through a lane: bytes in, bytes out, nothing else.

Owns reading an input (frame, Avro, ids, key, partition), the lane sequence and gate time, the
encoding of outputs and changed rows, the state digest and the hash chain. Where a batch or a
commit begins or ends never shows in its results. No Faust, no Kafka, no clock. Compiled with mypyc.
"""

from collections.abc import Sequence
from typing import Final

from librt.strings import BytesWriter, read_i32_be, write_i32_be
from mypy_extensions import i64, mypyc_attr, u8

from pipeline.codecs.avro import (
    decode_control,
    decode_deposit,
    decode_fill,
    decode_mark,
    decode_order,
    decode_row_gate,
    encode_order,
    encode_row_gate,
    write_audit_record_of,
    write_dead_letter,
    write_decision,
    write_regulatory_event,
)
from pipeline.codecs.primitives import MalformedAvro
from pipeline.codecs.published import upgrade_body
from pipeline.codecs.sha256 import sha256_of
from pipeline.codecs.wire import FRAME_BYTES, SchemaIds
from pipeline.lane.rows import RowSource, StoredRows, decode_row, write_row
from pipeline.risk import keys
from pipeline.risk.bounds import ID_BYTES_MAX, is_id
from pipeline.risk.checks.registry import CATALOG
from pipeline.risk.core import RiskCore
from pipeline.risk.core_versions import CORE_VERSIONS, require_known
from pipeline.risk.effects import Effects, InputContext, dead_letter
from pipeline.risk.keys import GATE, control_key, of_aliased, text_part
from pipeline.risk.partition import partition_of
from pipeline.risk.reasons import DEAD_LETTERS
from pipeline.risk.records import (
    AUDIT_OUTCOME_DEAD_LETTER,
    Control,
    DeadLetter,
    Order,
    RowGate,
    RowOrder,
    RowRestriction,
)
from pipeline.risk.rules_in_force import WAITING, RulesInForce
from pipeline.risk.state import InvariantViolated, LaneState, Row

# Indexes of the lane's inputs, in the order in which the merge prefers them.
CONTROL: Final = 0
MARKS: Final = 1
DEPOSITS: Final = 2
FILLS: Final = 3
ORDERS: Final = 4
INPUT_SCHEMAS: Final = ("control", "mark", "deposit", "fill", "order")

ZERO_HASH: Final = bytes(32)
# The last microsecond of the year 9999: what every date library can show.
GATE_TIME_MAX: Final = 253_402_300_799_999_999
# What an input may have; topics.py tells the broker the same of records as they are sent.
INPUT_BYTES_MAX: Final = 1_048_576
DEAD_KEY_BYTES_MAX: Final = 1_024
DEAD_VALUE_BYTES_MAX: Final = 65_536
# So many keys are sorted by insertion.
_FEW_KEYS: Final = 16
# The length that stands for a deleted row, and what one takes.
_DELETED: Final = -1
_LENGTH_BYTES: Final = 4
# What an output's bytes begin with in the outputs' digest.
_SWEPT: Final = ord("G")
_DECISION: Final = ord("D")
_EVENT: Final = ord("E")
_DEAD_LETTER: Final = ord("L")
# A writer whose buffer has become larger than this is not used again.
_WRITER_BYTES_MAX: Final = 65_536


@mypyc_attr(acyclic=True)
class Oversized:
    """What is kept of a value that is larger than an input may be: its length and SHA-256.

    The broker bounds records as they are sent, so a compressed one can unpack to more.
    """

    def __init__(self, length: int, sha256_of_all: bytes) -> None:
        self.length: Final = length
        self.sha256: Final = sha256_of_all


def bounded(
    key: bytes | None, value: bytes | None
) -> tuple[bytes | None, bytes | None, Oversized | None]:
    """(key, value, what is left out) of a fetched record, small enough to be audited whole."""
    if key is not None and len(key) > DEAD_KEY_BYTES_MAX:
        key = key[: DEAD_KEY_BYTES_MAX + 1]
    if value is None or len(value) <= INPUT_BYTES_MAX:
        return key, value, None
    return key, value[:DEAD_VALUE_BYTES_MAX], Oversized(len(value), sha256_of(value))


@mypyc_attr(acyclic=True, free_list_len=1)
class LaneOutput:
    """What one input came to.

    `decision`, `audit`, `dead_letter` and the bodies of `events` (tenant, body) are Avro bodies
    without a frame; `rows` are the table rows it changed, None where deleted; `swept` are the
    decisions on orders whose time was over before it (user, body), to be published first.
    """

    def __init__(
        self,
        outcome: int,
        reason_code: str,
        decision: bytes | None,
        audit: bytes,
        events: list[tuple[str, bytes]],
        dead_letter: bytes | None,
        rows: list[tuple[bytes, bytes | None]],
        swept: list[tuple[str, bytes]],
    ) -> None:
        self.outcome: Final = outcome
        self.reason_code: Final = reason_code
        self.decision: Final = decision
        self.audit: Final = audit
        self.events: Final = events
        self.dead_letter: Final = dead_letter
        self.rows: Final = rows
        self.swept: Final = swept


class LaneProcessor:
    """The lane's head and core over its stored rows.

    `topics`: the broker's names of the five inputs, in the order of the constants above.
    """

    def __init__(
        self, lane: int, lane_count: int, topics: Sequence[str], ids: SchemaIds, rows: RowSource
    ) -> None:
        self.lane: Final = lane
        self.lane_count: Final = lane_count
        self.topics: Final = list(topics)
        self.ids: Final = ids
        self.frames: Final = [ids.frame(name) for name in INPUT_SCHEMAS]
        self.frames_since: Final = [
            ids.since_core.get(ids.current[name], 0) for name in INPUT_SCHEMAS
        ]
        stored = rows.get(GATE)
        self.writer = BytesWriter()
        self.head: Final = _new_head() if stored is None else decode_row_gate(stored)
        require_known(self.head.core_version, lane)
        loader = StoredRows(rows)
        self.remembered: Final = loader.remembered
        self.state: Final = LaneState(loader)
        rules = RulesInForce(CATALOG, lane, lane_count, self.state)
        _restore_rules(rules, rows.rows_of_kind(keys.CONTROL))
        restrictions = [_stored_restriction(*row) for row in rows.rows_of_kind(keys.RESTRICTION)]
        rules.checks.restore_restrictions(restrictions)
        self.core: Final = RiskCore(self.state, rules, self.head)
        stored_orders = rows.rows_of_kind(keys.ORDER)
        self.state.working.update([key for key, _ in stored_orders])
        aliases = [of_aliased(key) for key, _ in rows.rows_of_kind(keys.ALIAS)]
        self.state.aliased.update(aliases)
        orders = [_stored_order(key, body) for key, body in stored_orders]
        self.core.sweeping.restore(orders)
        self.state.own_prices.restore(orders)

    def head_row(self) -> tuple[bytes, bytes]:
        """The head as a table row, to be written by every commit."""
        return GATE, encode_row_gate(self.head)

    def trim(self, rows_max: int) -> None:
        """Bound the cache of decoded rows; only when every changed row can be read back."""
        self.state.trim(rows_max)

    def apply(
        self,
        topic: int,
        offset: int,
        timestamp_ms: int,
        key: bytes | None,
        value: bytes | None,
        traceparent: str | None,
        clock_us: int,
        out_of_sync: bool,
        oversized: Oversized | None = None,
    ) -> LaneOutput:
        """Apply the next input of the lane.

        `topic` is an index, `timestamp_ms` the record's Kafka time stamp, `clock_us` what the
        shell's clock says; `key`, `value` and `oversized` are as `bounded` returns them. Raises
        InvariantViolated for what only a bug can cause.
        """
        head = self.head
        head.lane_sequence += 1
        # By twos, which compiled code compares without a call.
        reached_us = max(head.gate_time, clock_us)
        head.gate_time = min(max(reached_us, 0), GATE_TIME_MAX)
        if oversized is None:
            input_hash = sha256_of(value if value is not None else b"")
        else:
            input_hash = oversized.sha256
        context = InputContext(
            self.lane,
            head.lane_sequence,
            head.gate_time,
            self.topics[topic],
            offset,
            input_hash,
            traceparent,
        )
        self.core.begin(context)
        # Before the input is handled: one that puts another core in force was decided by this one.
        core_version = self.core.rules.core_version
        if oversized is None:
            effects = self._handle(context, topic, key, value)
        else:
            effects = self.core.handed_out(dead_letter("TOO_LARGE"))
        letter: DeadLetter | None = None
        if effects.outcome == AUDIT_OUTCOME_DEAD_LETTER:
            length = len(value or b"") if oversized is None else oversized.length
            letter = self._dead_letter(context, effects, timestamp_ms, key, value, length)
        outputs = Outputs(self._written_outputs(effects, letter))
        swept = [(own.user_id, outputs.next_body()) for own in self.core.swept]
        decision = None if effects.decision is None else outputs.next_body()
        events = [(event.tenant_id, outputs.next_body()) for event in effects.events]
        dead_letter_body = None if letter is None else outputs.next_body()
        rows = self._changed_rows()
        writer = self._empty_writer()
        write_audit_record_of(
            writer,
            lane=self.lane,
            lane_sequence=head.lane_sequence,
            previous_hash=head.chain_head,
            source_topic=context.topic,
            source_partition=self.lane,
            source_offset=offset,
            record_time=timestamp_ms,
            key=key,
            value=value,
            oversized_length=None if oversized is None else oversized.length,
            oversized_sha256=None if oversized is None else oversized.sha256,
            traceparent=traceparent,
            gate_time=head.gate_time,
            out_of_sync=out_of_sync,
            core_version=core_version,
            control_number=head.control_number,
            outcome=effects.outcome,
            reason_code=effects.reason_code,
            swept=[own for _, own in swept],
            decision=decision,
            outputs_digest=outputs.digest(),
            state_digest=head.state_digest,
        )
        audit = writer.getvalue()
        head.chain_head = sha256_of(audit)
        return LaneOutput(
            effects.outcome,
            effects.reason_code,
            decision,
            audit,
            events,
            dead_letter_body,
            rows,
            swept,
        )

    # -- reading

    def _handle(
        self, context: InputContext, topic: int, key: bytes | None, value: bytes | None
    ) -> Effects:
        if value is None:
            return self.core.handed_out(dead_letter("MALFORMED", "no value"))
        body = value
        position = FRAME_BYTES
        core_version = self.core.rules.core_version
        if not value.startswith(self.frames[topic]) or core_version < self.frames_since[topic]:
            version = self._older_version(topic, value, core_version)
            if version == 0:
                return self.core.handed_out(dead_letter("UNKNOWN_SCHEMA"))
            try:
                body = upgrade_body(INPUT_SCHEMAS[topic], version, value[FRAME_BYTES:])
            except MalformedAvro:
                return self.core.handed_out(dead_letter("MALFORMED"))
            position = 0
        try:
            return self._read(context, topic, key, body, position)
        except MalformedAvro:
            # Without the codec's own words: they are no rule, and the digests hold every byte.
            return self.core.handed_out(dead_letter("MALFORMED"))

    def _older_version(self, topic: int, value: bytes, core_version: int) -> int:
        """The published version that the frame names, or 0 for none that this core reads."""
        if len(value) < FRAME_BYTES or value[0] != 0:
            return 0
        schema_id = int.from_bytes(value[1:FRAME_BYTES], "big")
        found = self.ids.readable.get(schema_id)
        if found is None or found[0] != INPUT_SCHEMAS[topic]:
            return 0
        if not self.ids.reads(schema_id, core_version):
            return 0
        return found[1]

    def _read(
        self, context: InputContext, topic: int, key: bytes | None, body: bytes, position: int
    ) -> Effects:
        core = self.core
        if topic == ORDERS:
            order = decode_order(body, position)
            problem = self._identity_problem(key, order.user_id, order.order_id)
            if problem is not None:
                return core.handed_out(dead_letter(problem))
            return core.order(context, order, sha256_of(_canonical(order)))
        if topic == FILLS:
            fill = decode_fill(body, position)
            if not is_id(fill.exec_id, ID_BYTES_MAX):
                return core.handed_out(dead_letter("FIELD_TOO_LONG"))
            problem = self._identity_problem(key, fill.user_id, fill.order_id)
            if problem is not None:
                return core.handed_out(dead_letter(problem))
            return core.fill(context, fill)
        if topic == DEPOSITS:
            deposit = decode_deposit(body, position)
            problem = self._identity_problem(key, deposit.user_id, deposit.deposit_id)
            if problem is not None:
                return core.handed_out(dead_letter(problem))
            return core.deposit(context, deposit)
        if topic == MARKS:
            mark = decode_mark(body, position)
            if not is_id(mark.instrument_id, ID_BYTES_MAX):
                return core.handed_out(dead_letter("FIELD_TOO_LONG"))
            return core.mark(context, mark)
        return core.control(context, decode_control(body, position))

    def _identity_problem(self, key: bytes | None, user_id: str, record_id: str) -> str | None:
        if not (is_id(user_id, ID_BYTES_MAX) and is_id(record_id, ID_BYTES_MAX)):
            return "FIELD_TOO_LONG"
        if key is None:
            return "NULL_KEY"
        user_keys = self.state.keys(user_id)
        if key != user_keys.utf8:
            return "KEY_MISMATCH"
        if not user_keys.is_of_lane:
            # Nobody but the user's own lane may answer for an order id.
            if partition_of(key, self.lane_count) != self.lane:
                return "WRONG_PARTITION"
            user_keys.is_of_lane = True
        return None

    # -- writing

    def _empty_writer(self) -> BytesWriter:
        """The lane's one writer, so that its buffer need not grow anew with every input."""
        if len(self.writer) > _WRITER_BYTES_MAX:
            self.writer = BytesWriter()
        else:
            self.writer.truncate(0)
        return self.writer

    def _written_outputs(self, effects: Effects, letter: DeadLetter | None) -> bytes:
        """All outputs in order, each with its kind and length before its body."""
        writer = self._empty_writer()
        for own in self.core.swept:
            start = _begin_output(writer, _SWEPT)
            write_decision(writer, own)
            _end_body(writer, start)
        if effects.decision is not None:
            start = _begin_output(writer, _DECISION)
            write_decision(writer, effects.decision)
            _end_body(writer, start)
        for event in effects.events:
            start = _begin_output(writer, _EVENT)
            write_regulatory_event(writer, event)
            _end_body(writer, start)
        if letter is not None:
            start = _begin_output(writer, _DEAD_LETTER)
            write_dead_letter(writer, letter)
            _end_body(writer, start)
        return writer.getvalue()

    def _dead_letter(
        self,
        context: InputContext,
        effects: Effects,
        timestamp_ms: int,
        key: bytes | None,
        value: bytes | None,
        value_length: int,
    ) -> DeadLetter:
        text = DEAD_LETTERS[effects.reason_code]
        return DeadLetter(
            gate_time=context.gate_time,
            reason_code=effects.reason_code,
            reason_text=f"{text} ({effects.detail})" if effects.detail else text,
            source_topic=context.topic,
            source_partition=self.lane,
            source_offset=context.offset,
            record_time=timestamp_ms,
            lane=self.lane,
            lane_sequence=context.lane_sequence,
            key=None if key is None else key[:DEAD_KEY_BYTES_MAX],
            value=None if value is None else value[:DEAD_VALUE_BYTES_MAX],
            value_length=value_length,
            value_sha256=context.input_hash,
        )

    def _changed_rows(self) -> list[tuple[bytes, bytes | None]]:
        """Encode what the input changed and take it into the state digest."""
        changed = self.state.changed
        keys = in_order(list(changed.keys()))
        writer = self._empty_writer()
        writer.write(self.head.state_digest)
        for key in keys:
            write_i32_be(writer, len(key))
            writer.write(key)
            row: Row | None = changed[key]
            if row is None:
                write_i32_be(writer, _DELETED)
            else:
                start = _begin_body(writer)
                write_row(writer, row)
                _end_body(writer, start)
        hashed = writer.getvalue()
        at: i64 = len(self.head.state_digest)
        self.head.state_digest = sha256_of(hashed)
        rows: list[tuple[bytes, bytes | None]] = []
        for key in keys:
            at += _LENGTH_BYTES + len(key)
            length: i64 = i64(read_i32_be(hashed, at))
            at += _LENGTH_BYTES
            if length == _DELETED:
                rows.append((key, None))
            else:
                rows.append((key, hashed[at : at + length]))
                at += length
        return rows


@mypyc_attr(acyclic=True, free_list_len=1)
class Outputs:
    """A cursor over an input's outputs as they are digested: kind, length, body, and so on."""

    def __init__(self, data: bytes) -> None:
        self.data: Final = data
        self.position: i64 = 0

    def digest(self) -> bytes:
        """SHA-256 over all of them."""
        return sha256_of(self.data)

    def next_body(self) -> bytes:
        """The body of the next one."""
        start = self.position + 1 + _LENGTH_BYTES
        end = start + i64(read_i32_be(self.data, start - _LENGTH_BYTES))
        self.position = end
        return self.data[start:end]


def in_order(keys: list[bytes]) -> list[bytes]:
    """The keys, sorted. Those of an order are few, and mostly differ in their kind."""
    count: i64 = len(keys)
    if count > _FEW_KEYS:
        keys.sort()
        return keys
    done: i64 = 1
    while done < count:
        key = keys[done]
        at: i64 = done
        while at > 0 and _is_before(key, keys[at - 1]):
            keys[at] = keys[at - 1]
            at -= 1
        keys[at] = key
        done += 1
    return keys


def _is_before(key: bytes, other: bytes) -> bool:
    kind: i64 = key[0]
    other_kind: i64 = other[0]
    return kind < other_kind if kind != other_kind else key < other


def _begin_output(writer: BytesWriter, kind: int) -> i64:
    """Where the body starts of an output of this kind, written next."""
    writer.append(kind)
    return _begin_body(writer)


def _begin_body(writer: BytesWriter) -> i64:
    """Where a body starts that is written next, behind its length."""
    write_i32_be(writer, 0)
    return len(writer)


def _end_body(writer: BytesWriter, start: i64) -> None:
    """Fill in the length of the body that starts there and has been written."""
    length: i64 = len(writer) - start
    writer[start - 4] = u8((length >> 24) & 0xFF)
    writer[start - 3] = u8((length >> 16) & 0xFF)
    writer[start - 2] = u8((length >> 8) & 0xFF)
    writer[start - 1] = u8(length & 0xFF)


def _canonical(order: Order) -> bytes:
    """The body of an order as this package writes it, kept for its copy in the decision."""
    encoded = order.encoded
    if encoded is None:
        # Another producer's encoding: its hash and its copy are of the canonical one.
        encoded = encode_order(order)
        order.encoded = encoded
    return encoded


def _new_head() -> RowGate:
    return RowGate(
        lane_sequence=0,
        gate_time=-1,
        forgotten_before=0,
        remembered_until=[],
        remembered_counts=[],
        ahead_until=[],
        ahead_counts=[],
        chain_head=ZERO_HASH,
        state_digest=ZERO_HASH,
        control_number=0,
        core_version=CORE_VERSIONS[0],
        business_day=-1,
        day_event_counts={},
    )


def _restore_rules(rules: RulesInForce, rows: list[tuple[bytes, bytes]]) -> None:
    waiting_prefix = control_key(WAITING)
    in_force: list[Control] = []
    waiting: list[Control] = []
    for key, body in rows:
        record = decode_row(key, body)
        if not isinstance(record, Control):
            raise InvariantViolated("row of another kind under a control key")
        if key.startswith(waiting_prefix):
            waiting.append(record)
        else:
            in_force.append(record)
    rules.restore(in_force, waiting)


def _stored_order(key: bytes, body: bytes) -> tuple[str, str, RowOrder]:
    """(user, root, order) of a stored row."""
    row = decode_row(key, body)
    if not isinstance(row, RowOrder):
        raise InvariantViolated("row of another kind under an order key")
    return text_part(key, 0), text_part(key, 1), row


def _stored_restriction(key: bytes, body: bytes) -> tuple[bytes, RowRestriction]:
    """(key, row) of a stored row."""
    row = decode_row(key, body)
    if not isinstance(row, RowRestriction):
        raise InvariantViolated("row of another kind under a restriction key")
    return key, row
