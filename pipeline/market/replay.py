"""Replays a recording against a running gate and says what came of it.

Owns the phases and the waiting: definitions, accounts, money, opening book, flow, end of day. Each
record carries its recorded time, so the worker must run with `gate_clock: record`. Decides nothing:
what may go out when is `loop.py`'s.
"""

import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Final

from pipeline.market.accounts import Account, Accounts
from pipeline.market.config import ReplayConfig
from pipeline.market.decisions import DecisionReader
from pipeline.market.definitions import ReplayDefinitions
from pipeline.market.errors import ReplayError
from pipeline.market.flow import (
    EVENT_CANCEL,
    EVENT_MARK,
    EVENT_NEW,
    EVENT_REPORT,
    FlowStats,
    MarketEvent,
    MarketFlow,
)
from pipeline.market.kafka import refuse_later_records, workers_text
from pipeline.market.loop import ClosedLoop, Tally
from pipeline.market.marks import MarkConflater
from pipeline.market.orders import TRADES
from pipeline.market.publisher import Publisher
from pipeline.market.recordings import open_recording
from pipeline.market.records import RecordMaker
from pipeline.settings import Settings

# Money is there before the opening book, and after the accounts (definitions.py).
_DEPOSITS_LEAD_US: Final = 60_000_000
_WAIT_S: Final = 0.05
_PROGRESS_EVERY: Final = 100


@dataclass(frozen=True)
class ReplayPlan:
    """What to replay. `messages_max` None: all. `speed` None: as fast as the gate decides."""

    file: Path
    messages_max: int | None = None
    speed: float | None = None
    control: Path | None = None


@dataclass(frozen=True)
class Survey:
    """A first reading of the recording."""

    dataset: str
    symbol: str
    messages: int
    first_us: int
    last_us: int


@dataclass(frozen=True)
class ReplayResult:
    """What was asked and answered.

    `requests`: `orders`, `cancels` and `replaces`. `swept`: orders that the gate ended by itself;
    none, unless a policy makes their time too short. `p50_ms`, `p99_ms`: from handing a request to
    the producer until its decision was read under read_committed, by this process's monotonic
    clock; at full speed that is mostly queueing.
    """

    survey: Survey
    accounts: int
    requests: int
    orders: int
    cancels: int
    replaces: int
    reports: int
    fills: int
    fill_lots: int
    marks: int
    swept: int
    tally: Tally
    flow: FlowStats
    seconds: float
    requests_per_s: float
    p50_ms: float
    p99_ms: float


@dataclass
class _Counts:
    orders: int = 0
    cancels: int = 0
    replaces: int = 0
    reports: int = 0
    fills: int = 0
    fill_lots: int = 0
    marks: int = 0
    swept: int = 0
    # How many took so many tenths of a millisecond: a long replay needs no more than a short one.
    latencies: Counter[int] = field(default_factory=Counter)


def survey(plan: ReplayPlan) -> Survey:
    """Read the recording once. Raises MarketDataError, or ReplayError when it is empty."""
    recording = open_recording(plan.file)
    count, first_ns, last_ns = 0, 0, 0
    for message in islice(recording.messages, plan.messages_max):
        first_ns = first_ns or message.time_ns
        last_ns = message.time_ns
        count += 1
    if not count:
        raise ReplayError(f"{plan.file}: holds no messages")
    return Survey(recording.dataset, recording.symbol, count, first_ns // 1000, last_ns // 1000)


class Replay:
    """One replay. `check` is called while it waits, and may raise."""

    def __init__(
        self,
        settings: Settings,
        config: ReplayConfig,
        plan: ReplayPlan,
        check: Callable[[], None] = lambda: None,
    ) -> None:
        """Survey the recording; nothing is published yet."""
        self.survey: Final = survey(plan)
        self._settings: Final = settings
        self._config: Final = config
        self._plan: Final = plan
        self._check: Final = check
        self._accounts: Final = Accounts(config.accounts, config.tenants, config.tiers)
        self._by_user: Final = {account.user_id: account for account in self._accounts.all}
        self._definitions: Final = ReplayDefinitions(
            settings, config, self._accounts.all, self.survey.first_us
        )
        self._maker: Final = RecordMaker(config, self.survey.symbol)
        self._flow: Final = MarketFlow(config.mark_quiet_ms * 1000)
        self._loop: Final = ClosedLoop(self._accounts)
        self._marks: Final = MarkConflater(config.mark_interval_ms * 1000)
        self._counts: Final = _Counts()
        self._asked_s: Final[dict[str, float]] = {}
        # Requests that wait until the reports of their account are on the broker.
        self._behind: Final[list[tuple[MarketEvent, Account]]] = []
        self._reported: Final[set[str]] = set()
        self._reported_us = 0
        self._taken_us = 0
        self._answered_s = time.monotonic()
        self._marked_us = 0
        self._pace: tuple[float, int] | None = None
        self._on_progress: Callable[[int, Tally], None]
        self._publisher: Publisher
        self._decisions: DecisionReader

    def run(self, on_progress: Callable[[int, Tally], None]) -> ReplayResult:
        """Publish everything and wait for every decision.

        `on_progress` gets the number of messages read so far and what was decided. Raises
        ReplayError when Kafka or the gate does not answer or the topics are not fresh, ControlError
        when the control topic cannot be written.
        """
        self._on_progress = on_progress
        refuse_later_records(self._settings, self._definitions.begin_ms)
        self._definitions.publish(self._plan.control)
        with (
            Publisher(self._settings) as self._publisher,
            DecisionReader(self._settings) as self._decisions,
        ):
            self._fund()
            started_s = time.monotonic()
            self._play()
            seconds = time.monotonic() - started_s
        self._definitions.close_day(self.survey.last_us)
        return self._result(seconds)

    def _fund(self) -> None:
        time_us = self.survey.first_us - _DEPOSITS_LEAD_US
        for account in self._accounts.all:
            self._publisher.deposit(self._maker.deposit(account, time_us), account.key, time_us)
        self._publisher.flush()

    def _play(self) -> None:
        """The flow, in recorded order. The opening book is decided before what follows it."""
        opening = bool(self._config.opening_checks_exempt)
        messages = islice(open_recording(self._plan.file).messages, self._plan.messages_max)
        for number, event in enumerate(self._flow.events(messages)):
            if opening and event.time_us > self.survey.first_us:
                opening = False
                self._settle()
                self._definitions.end_opening(self.survey.first_us)
            if event.time_us > self.survey.first_us:
                self._keep_pace(event.time_us)
            self._take(event)
            if number % _PROGRESS_EVERY == 0:
                self._drain(0)
                self._on_progress(self._flow.stats.messages, self._loop.tally)
        self._publish_mark(self._marks.rest())
        self._settle()
        if opening:
            self._definitions.end_opening(self.survey.last_us)
        self._on_progress(self._flow.stats.messages, self._loop.tally)

    def _take(self, event: MarketEvent) -> None:
        # A mark, too, moves a lane's time on: nothing that still waits may become stale by it.
        while self._is_too_far_ahead(event.time_us):
            self._drain(_WAIT_S)
        # After a quiet time the venue's acknowledgements of what was before it must be there, or
        # the gate would take the orders for orphans.
        if event.time_us - self._taken_us > self._config.mark_quiet_ms * 1000:
            self._publish_behind()
            self._flush()
        self._taken_us = event.time_us
        self._publish_mark(self._marks.due(event.time_us))
        if event.kind == EVENT_MARK:
            self._publish_mark(self._marks.offer(event))
            return
        for ready, account in self._loop.offer(event):
            self._publish(ready, account)

    def _is_too_far_ahead(self, time_us: int) -> bool:
        oldest_us = self._loop.oldest_us
        return oldest_us is not None and (
            self._loop.outstanding >= self._config.ahead_records_max
            or time_us - oldest_us > self._config.ahead_ms_max * 1000
        )

    def _drain(self, wait_s: float) -> None:
        """Take the decisions read so far, waiting `wait_s` for a first one."""
        answers = self._decisions.take(wait_s)
        while answers:
            self._answered_s = time.monotonic()
            for answer in answers:
                self._counts.swept += answer.swept
                asked_s = self._asked_s.pop(answer.request_id, None)
                if asked_s is None:
                    continue
                self._counts.latencies[round((answer.read_s - asked_s) * 10_000)] += 1
                account = self._by_user[answer.user_id]
                for ready, owner in self._loop.decided(
                    answer.request_id, account, answer.reason_code, accepted=answer.accepted
                ):
                    self._publish(ready, owner)
            answers = self._decisions.take(0)
        self._publish_behind()
        if wait_s:
            self._check()
            self._refuse_silence()

    def _settle(self) -> None:
        """Wait until everything is on the broker and decided."""
        self._flush()
        while self._loop.outstanding:
            self._drain(_WAIT_S)
            self._on_progress(self._flow.stats.messages, self._loop.tally)
        self._flush()

    def _flush(self) -> None:
        self._publisher.flush()
        self._reported.clear()

    def _publish(self, event: MarketEvent, account: Account) -> None:
        if event.kind == EVENT_REPORT:
            self._report(event, account)
        elif event.kind == EVENT_NEW or account.user_id not in self._reported:
            self._ask(event, account)
        else:
            self._behind.append((event, account))

    def _publish_behind(self) -> None:
        """Ask what leans on reports, once they are on the broker.

        Kafka keeps no order between topics: a REPLACE that overtook the report on the one before
        it would be refused as the second at a time.
        """
        if not self._behind:
            return
        self._flush()
        for event, account in self._behind:
            self._ask(event, account)
        self._behind.clear()

    def _report(self, event: MarketEvent, account: Account) -> None:
        counts = self._counts
        self._publisher.fill(self._maker.fill(event, account), account.key, event.time_us)
        self._reported.add(account.user_id)
        self._reported_us = max(self._reported_us, event.time_us)
        counts.reports += 1
        if event.exec_type in TRADES:
            counts.fills += 1
            counts.fill_lots += event.lots

    def _ask(self, event: MarketEvent, account: Account) -> None:
        counts = self._counts
        order = self._maker.order(event, account)
        if not self._asked_s:
            self._answered_s = time.monotonic()
        self._asked_s[order.order_id] = time.monotonic()
        time_us = event.time_us
        if event.kind == EVENT_NEW:
            counts.orders += 1
        else:
            # A lane merges its topics by time, and reports of other accounts may be later already.
            time_us = max(time_us, self._reported_us)
            counts.cancels += event.kind == EVENT_CANCEL
            counts.replaces += event.kind != EVENT_CANCEL
        self._publisher.order(order, account.key, time_us)

    def _publish_mark(self, event: MarketEvent | None) -> None:
        if event is None:
            return
        self._publisher.mark(self._maker.mark(event), event.time_us)
        self._counts.marks += 1
        # After a quiet time the next order leans on this very mark: it must be there first.
        if event.time_us - self._marked_us > self._config.mark_quiet_ms * 1000:
            self._publisher.flush()
        self._marked_us = event.time_us

    def _keep_pace(self, time_us: int) -> None:
        if self._plan.speed is None:
            return
        if self._pace is None:
            self._pace = (time.monotonic(), time_us)
        start_s, start_us = self._pace
        due_s = start_s + (time_us - start_us) / 1e6 / self._plan.speed
        while (left_s := due_s - time.monotonic()) > 0:
            self._drain(min(left_s, _WAIT_S))

    def _refuse_silence(self) -> None:
        silent_s = time.monotonic() - self._answered_s
        if not self._loop.outstanding or silent_s < self._config.silence_s_max:
            return
        raise ReplayError(
            f"the gate has decided nothing for {silent_s:.0f} s. {self._loop.outstanding} records "
            f"wait, the longest for the decision on {self._loop.undecided}. "
            f"{workers_text(self._settings)}"
        )

    def _result(self, seconds: float) -> ReplayResult:
        counts = self._counts
        requests = counts.orders + counts.cancels + counts.replaces
        return ReplayResult(
            survey=self.survey,
            accounts=len(self._accounts.all),
            requests=requests,
            orders=counts.orders,
            cancels=counts.cancels,
            replaces=counts.replaces,
            reports=counts.reports,
            fills=counts.fills,
            fill_lots=counts.fill_lots,
            marks=counts.marks,
            swept=counts.swept,
            tally=self._loop.tally,
            flow=self._flow.stats,
            seconds=round(seconds, 3),
            requests_per_s=round(requests / seconds, 1),
            p50_ms=_percentile_ms(counts.latencies, 50),
            p99_ms=_percentile_ms(counts.latencies, 99),
        )


def _percentile_ms(latencies: Counter[int], percent: int) -> float:
    left = (latencies.total() - 1) * percent // 100
    for tenth_ms in sorted(latencies):
        left -= latencies[tenth_ms]
        if left < 0:
            return tenth_ms / 10
    return 0.0
