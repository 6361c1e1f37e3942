"""Judges a finished schedule by what it left behind: logs, offsets and stores.

Owns simple statements about committed records, each checked from the logs alone or against a replay
by a core that saw no fault. Must never ask a worker what it did.
"""

from collections.abc import Iterable
from hashlib import sha256
from typing import Final

from pipeline.codecs.avro import (
    decode_audit_record,
    decode_row_balance,
    decode_row_gate,
    decode_row_lane,
    decode_row_position,
)
from pipeline.codecs.wire import FRAME_BYTES
from pipeline.lane.processor import ZERO_HASH, LaneProcessor
from pipeline.lane.rows import DictRows, decode_row
from pipeline.risk.keys import DECISION, EXECUTION, GATE, LANE, TRANSFER, balance_key, position_key
from pipeline.risk.partition import partition_of
from pipeline.risk.records import AuditRecord, RowDecision, RowSeen
from pipeline.topics import AUDIT, CHANGELOG_DELETE_RETENTION_MS, DECISIONS
from tests.simulation.broker import Broker
from tests.simulation.disk import Disk
from tests.simulation.partition_log import COMMITTED
from tests.simulation.worker import FAMILY, IDS
from tests.simulation.workload import INSTRUMENT, LANES, USERS, Workload


class Judge:
    """Collects violations of one schedule."""

    def __init__(self, broker: Broker, workload: Workload) -> None:
        self._broker: Final = broker
        self._workload: Final = workload
        self.violations: Final[list[str]] = []

    def all_of_it(self, disks: Iterable[tuple[str, int, Disk]]) -> None:
        """Everything, once the schedule has come to rest."""
        rows: dict[bytes, bytes] = {}
        for lane in range(LANES):
            rows |= self.lane(lane)
        self._figures(rows)
        for name, lane, disk in disks:
            self._store(name, lane, disk)

    def lane(self, lane: int, *, complete: bool = True) -> dict[bytes, bytes]:
        """One lane; returns its rows. `complete`: nothing may be left to do."""
        audits = self._audits(lane)
        self._applied_once(lane, audits, complete=complete)
        rows = self._replayed(lane, audits)
        if complete:
            self._agreed(lane, rows)
        self._owners(lane)
        return rows

    def _audits(self, lane: int) -> list[tuple[AuditRecord, bytes]]:
        entries = self._broker.logs[AUDIT.name, lane].history
        bodies = [
            (entry.value or b"")[FRAME_BYTES:] for entry in entries if entry.state == COMMITTED
        ]
        return [(decode_audit_record(body), body) for body in bodies]

    def _applied_once(
        self, lane: int, audits: list[tuple[AuditRecord, bytes]], *, complete: bool
    ) -> None:
        """Each input once, in its partition's order; one line of sequence, hash and time."""
        offsets = dict.fromkeys(FAMILY.topics, -1)
        previous, time = ZERO_HASH, -1
        for number, (record, body) in enumerate(audits, start=1):
            if record.lane_sequence != number:
                self._violated(
                    f"lane {lane}: sequence {record.lane_sequence} where {number} is due"
                )
                return
            if record.previous_hash != previous:
                self._violated(f"lane {lane}: the chain breaks at {number}")
            if record.source_offset != offsets[record.source_topic] + 1:
                self._violated(
                    f"lane {lane}: {record.source_topic} {record.source_offset} applied after "
                    f"{offsets[record.source_topic]}"
                )
            if record.gate_time < time:
                self._violated(f"lane {lane}: gate time runs backwards at {number}")
            offsets[record.source_topic] = record.source_offset
            previous, time = sha256(body).digest(), record.gate_time
        for topic, offset in offsets.items():
            high = self._broker.logs[topic, lane].high
            if complete and offset + 1 != high:
                self._violated(
                    f"lane {lane}: {topic} applied up to {offset}, sent up to {high - 1}"
                )

    def _replayed(self, lane: int, audits: list[tuple[AuditRecord, bytes]]) -> dict[bytes, bytes]:
        """The core, given the audited inputs and times, comes to the same records."""
        rows = DictRows()
        processor = LaneProcessor(lane, LANES, FAMILY.topics, IDS, rows)
        decisions: list[bytes] = []
        for record, body in audits:
            output = processor.apply(
                FAMILY.topics.index(record.source_topic),
                record.source_offset,
                record.record_time,
                record.key,
                record.value,
                record.traceparent,
                record.gate_time,
                record.out_of_sync,
            )
            rows.store(output.rows)
            if output.audit != body:
                self._violated(f"lane {lane}: replay differs at {record.lane_sequence}")
                break
            # Orders end before the input is looked at.
            decisions += record.swept
            if record.decision is not None:
                decisions.append(record.decision)
        rows.store([processor.head_row()])
        published = [
            (entry.value or b"")[FRAME_BYTES:]
            for entry in self._broker.logs[DECISIONS.name, lane].history
            if entry.state == COMMITTED
        ]
        if published != decisions:
            self._violated(f"lane {lane}: published decisions are not the audited ones")
        return rows.rows

    def _agreed(self, lane: int, rows: dict[bytes, bytes]) -> None:
        """Changelog, replay, lane row and the group's offsets say the same."""
        log = self._broker.logs[FAMILY.changelog, lane]
        stored = log.materialised(log.high)
        own = stored.pop(LANE, None)
        kept = {key: body for key, body in rows.items() if not self._swept(key, body, stored)}
        if stored != kept:
            self._violated(f"lane {lane}: the changelog is not the replayed state")
        applied = {} if own is None else dict(decode_row_lane(own).applied)
        for topic in FAMILY.topics:
            committed = self._broker.group.committed.get((topic, lane), 0)
            if committed != applied.get(topic, -1) + 1:
                self._violated(f"lane {lane}: {topic} group {committed}, lane row {applied}")

    @staticmethod
    def _swept(key: bytes, body: bytes, stored: dict[bytes, bytes]) -> bool:
        """Whether a row is gone because its time was over (tables/sweep.py)."""
        if key in stored or key[:1] not in (DECISION, EXECUTION, TRANSFER):
            return False
        row = decode_row(key, body)
        forgotten_before = decode_row_gate(stored[GATE]).forgotten_before
        return isinstance(row, RowDecision | RowSeen) and row.touched_at < forgotten_before

    def _owners(self, lane: int) -> None:
        """Generations that committed never go back, and each has one owner of the lane."""
        last = (-1, "")
        for generation, member_id, offsets in self._broker.group.history:
            if generation < 0 or all(partition != lane for _, partition in offsets):
                continue
            if generation < last[0]:
                self._violated(f"lane {lane}: generation {generation} commits after {last[0]}")
            last = generation, member_id

    def _figures(self, rows: dict[bytes, bytes]) -> None:
        """Positions and deposits are what was sent, each id counted once."""
        for user in USERS:
            lane = partition_of(user.encode(), LANES)
            body = rows.get(position_key(user, INSTRUMENT))
            lots = 0 if body is None else decode_row_position(body).position_lots
            if lots != self._workload.positions[user]:
                self._violated(f"lane {lane}: {user} has {lots} lots")
            body = rows.get(balance_key(user, "USD"))
            minor = 0 if body is None else decode_row_balance(body).deposited_minor
            if minor != self._workload.deposited[user]:
                self._violated(f"lane {lane}: {user} has {minor} deposited")

    def _store(self, name: str, lane: int, disk: Disk) -> None:
        """A local store, with the changelog from its mark on, is the whole state.

        A restore that ended half way through a compacted log has less than the changelog up to its
        mark; what it lacks comes later.
        """
        if disk.damaged or disk.mark is None:
            return
        if self._broker.now_ms - disk.mark.written_ms > CHANGELOG_DELETE_RETENTION_MS // 2:
            return  # What it lacks may be gone; it says so itself and is discarded when opened.
        log = self._broker.logs[FAMILY.changelog, lane]
        if log.materialised_on(disk.rows, disk.mark.offset) != log.materialised(log.high):
            self._violated(f"{name}: the store of lane {lane} does not lead to the state")

    def _violated(self, what: str) -> None:
        self.violations.append(what)
