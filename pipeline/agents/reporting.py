"""Reporting agent: regulatory events become documents (topology.md, step 2).

Owns when a document is made: once every lane has closed the day and all its events are here. The
document is built from the log in a thread, so that deciding orders never waits for it, and goes out
in a transaction together with the row that says so. A restart finds the rows of days that are
complete but not out, and makes their documents.
"""

import asyncio
from collections.abc import Iterable
from typing import Any, Final

import structlog

from pipeline.codecs.avro import (
    decode_row_report_day,
    encode_regulatory_report,
    encode_row_report_day,
)
from pipeline.codecs.wire import SchemaIds
from pipeline.fatal import stop_worker
from pipeline.lane.batch import Output
from pipeline.reporting.days import DayTracker
from pipeline.reporting.documents import build_order_record
from pipeline.reporting.reader import decode_event, read_events
from pipeline.risk.keys import REPORT_DAY, report_day_key
from pipeline.risk.records import RowReportDay
from pipeline.settings import Settings
from pipeline.streaming.merge import MergedBatch
from pipeline.tables.lane import TableLane
from pipeline.topics import REGULATORY_REPORTS

_log: Final = structlog.get_logger(__name__)

_REBALANCE_POLL_S: Final = 0.1


class ReportingLane:
    """What reporting keeps of an open lane beside its rows: the days of its tenants."""

    def __init__(self, lane: TableLane) -> None:
        days: dict[str, dict[int, RowReportDay]] = {}
        for key, body in lane.scan(REPORT_DAY):
            tenant, day = _tenant_and_day(key)
            days.setdefault(tenant, {})[day] = decode_row_report_day(body)
        self.trackers: Final = {tenant: DayTracker(known) for tenant, known in days.items()}
        # Days whose document is being made: their stored rows do not say `reported` yet.
        self.making: Final[set[tuple[str, int]]] = set()

    def tracker(self, tenant: str) -> DayTracker:
        """The days of a tenant."""
        return self.trackers.setdefault(tenant, DayTracker({}))

    def row(self, tenant: str, day: int) -> tuple[bytes, bytes]:
        """A day as it is to be stored now."""
        row = self.trackers[tenant].days[day]
        reported, row.reported = row.reported, row.reported and (tenant, day) not in self.making
        body = encode_row_report_day(row)
        row.reported = reported
        return report_day_key(tenant, day), body


class Reporting:
    """The reporting part of a worker."""

    def __init__(self, app: Any, settings: Settings, ids: SchemaIds) -> None:
        self._app: Final = app
        self._settings: Final = settings
        self._ids: Final = ids
        self._topic: Final = settings.topic(REGULATORY_REPORTS.name)
        self._tasks: Final[set[asyncio.Task[None]]] = set()

    async def process(self, partition: int, batch: MergedBatch) -> None:
        """Take a batch of events; documents of days that are complete now are started."""
        transaction = self._app.transaction
        async with transaction.lock:
            lane: TableLane | None = self._app.stores["reporting"].lanes.get(partition)
            if lane is None or lane.work is None or not transaction.joined:
                return
            work: ReportingLane = lane.work
            topic = lane.family.topics[0]
            changed: set[tuple[str, int]] = set()
            complete: list[tuple[str, int]] = []
            for _, record in batch.records:
                if record.offset <= lane.applied.get(topic, -1):
                    stop_worker(f"{topic} offset {record.offset} came twice")
                event = decode_event(record.value, self._ids)
                seen = work.tracker(event.tenant_id).observe(event, record.offset)
                changed.update((event.tenant_id, day) for day in seen.changed)
                complete += [(event.tenant_id, day) for day in seen.complete]
            work.making.update(complete)
            lane.stage([work.row(tenant, day) for tenant, day in sorted(changed)])
            applied = {topic: batch.records[-1][1].offset}
            transaction.add(
                lane, applied, len(batch.records), lambda _: self._start(lane, complete)
            )
            await transaction.close(urgent=False, more_at_hand=self._app.consumer.more_at_hand)

    def _start(self, lane: TableLane, days: Iterable[tuple[str, int]]) -> None:
        """Make documents beside the deciding of orders."""
        for tenant, day in days:
            lane.work.making.add((tenant, day))
            task = asyncio.get_running_loop().create_task(self._make(lane, lane.work, tenant, day))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    def opened(self, lane: TableLane) -> None:
        """A lane is whole: go on with the documents a crash may have interrupted."""
        work: ReportingLane = lane.work
        for tenant, tracker in sorted(work.trackers.items()):
            self._start(lane, [(tenant, day) for day in tracker.resume()])

    async def _make(self, lane: TableLane, work: ReportingLane, tenant: str, day: int) -> None:
        loop = asyncio.get_running_loop()
        try:
            row = work.trackers[tenant].days[day]
            parts = await loop.run_in_executor(None, self._build, lane, row, tenant, day)
            # In the middle of a rebalance the old membership would be refused.
            while self._app.rebalancing:  # noqa: ASYNC110 -- Faust has a flag and no event
                await asyncio.sleep(_REBALANCE_POLL_S)
            async with self._app.transaction.lock:
                owned = self._app.stores["reporting"].lanes.get(lane.partition)
                if owned is not lane or lane.work is not work:
                    return  # The lane was assigned anew: whoever has it now makes the document.
                work.making.discard((tenant, day))
                lane.stage([work.row(tenant, day)])
                # The offsets go along, unchanged: a worker whose lanes have moved is refused.
                outputs = self._app.transaction.outputs
                for topic, value, key, partition, headers in parts:
                    outputs.put(topic, b"", value, key, partition, headers)
                self._app.transaction.add(lane, dict(lane.applied), 0)
                await self._app.transaction.commit()
        except Exception as error:  # noqa: BLE001 -- a report that cannot be made needs a person
            stop_worker(f"the report of {tenant} for day {day} could not be made", error)
        _log.info("report made", tenant=tenant, business_day=day, parts=len(parts))

    def _build(self, lane: TableLane, row: RowReportDay, tenant: str, day: int) -> list[Output]:
        """Blocking: read the day's events from the log and render the parts."""
        events = read_events(
            self._settings,
            lane.partition,
            row.first_offset,
            row.last_offset,
            tenant=tenant,
            day=day,
            ids=self._ids,
        )
        frame = self._ids.frame("regulatory_report")
        return [
            (self._topic, frame + encode_regulatory_report(part), tenant.encode(), None, None)
            for part in build_order_record(
                tenant, day, events, row.event_count, self._settings.report_events_per_part
            )
        ]


def _tenant_and_day(key: bytes) -> tuple[str, int]:
    length = key[1]
    return key[2 : 2 + length].decode(), int(key[3 + length :])
