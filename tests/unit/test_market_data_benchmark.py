"""The parts of the market data bench that need no broker: its feed, and its figures."""

from collections import Counter

from benchmarks.market_data import (
    FEED,
    INTERVAL_ONLY,
    KINDS,
    QUIET,
    SHARED,
    WILD,
    Alone,
    Window,
    result_of,
)
from benchmarks.tick_feed import Feed, instruments
from pipeline.codecs.avro import decode_mark
from pipeline.codecs.wire import FRAME_BYTES, fixed_ids
from pipeline.market.conflation import TAKEN, Conflater, Pace
from pipeline.settings import Settings

FIRST_US = 1_704_205_796_000_000


def test_every_tick_of_the_feed_can_become_a_mark_and_the_first_instrument_ticks_most() -> None:
    feed = Feed(Settings(), 50, volatility_bps=60.0, seed=1)
    conflater = Conflater(fixed_ids(), Pace(100_000, 0, 1_000_000, 500), 100)
    ticks: Counter[str] = Counter()
    names = instruments(50)
    for step in range(20):
        for number, value in feed.step(1_000, FIRST_US + step):
            assert conflater.take(feed.partitions[number], feed.keys[number], value) == TAKEN
            ticks[names[number]] += 1
    assert conflater.instruments == 50
    assert [name for name, _ in ticks.most_common(2)] == names[:2]
    assert 1.5 < ticks[names[0]] / ticks[names[1]] < 2.5


def test_the_orders_instrument_stays_where_their_prices_are() -> None:
    feed = Feed(Settings(), 3, volatility_bps=60.0, seed=1)
    prices: dict[int, set[int]] = {0: set(), 1: set(), 2: set()}
    for step in range(300):
        for number, value in feed.step(100, FIRST_US + step):
            prices[number].add(decode_mark(value, FRAME_BYTES).price_e9)
    first, *others = [max(seen) - min(seen) for seen in prices.values()]
    assert all(other > 5 * first for other in others)


def window(kind: str, decided: int, **changes: float) -> Window:
    """A window of two seconds."""
    made = Window(kind, 1_000, 3_000, worker_s=1.0, decided=decided)
    for name, value in changes.items():
        setattr(made, name, value)
    return made


def test_figures_are_ratios_within_a_round() -> None:
    decided = {QUIET: 20_000, SHARED: 16_000, FEED: 15_200, WILD: 12_000, INTERVAL_ONLY: 1_600}
    counted = {"ticks": 400_000.0, "marks": 200.0, "publisher_s": 0.8}
    windows = [
        window(kind, count // round_number, **(counted if kind == FEED else {}))
        for round_number in (1, 2, 4)
        for kind, count in decided.items()
    ]
    assert tuple(decided) == KINDS
    found = result_of(windows, Alone(per_s=300_000.4, us_per_tick=1.0), (4.0, 46.0))
    assert (found["ticks_per_s"], found["marks_per_s"], found["conflation"]) == (
        200_000,
        100,
        2_000,
    )
    assert found["with_feed_vs_without"] == 0.76
    assert found["with_feed_vs_shared"] == 0.95
    assert (found["all_move_vs_shared"], found["interval_only_vs_shared"]) == (0.75, 0.1)
    assert found["marks_share"] == 0.05
    assert found["publisher_us_per_tick"] == 2.0
    assert found["publisher_ticks_per_s_max"] == 300_000
