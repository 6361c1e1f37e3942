"""What a replay says of itself: all recorded volume is in it, and all reasons."""

import json
from collections import Counter
from io import StringIO

from rich.console import Console

from pipeline.market.flow import FlowStats
from pipeline.market.loop import Tally, Withheld
from pipeline.market.orders import REJECTED_ORDER, REJECTED_REPLACE
from pipeline.market.replay import ReplayResult, Survey
from pipeline.market.summary import summary_json, summary_table

RESULT = ReplayResult(
    survey=Survey("GLBX.MDP3", "ESH4", 100, 1_703_422_805_000_000, 1_703_548_799_000_000),
    accounts=4,
    requests=33,
    orders=20,
    cancels=6,
    replaces=7,
    reports=40,
    fills=9,
    fill_lots=70,
    marks=5,
    swept=0,
    tally=Tally(
        accepted=18,
        rejected=2,
        cancels_accepted=6,
        replaces_accepted=4,
        replaces_rejected=3,
        asked_anew=1,
        rejected_by_reason=Counter(POSITION_LIMIT=2),
        replaces_rejected_by_reason=Counter(PRICE_COLLAR=3),
        left_working_orders=1,
        left_working_lots=2,
        withheld=Withheld(5, 1, 16, Counter({REJECTED_ORDER: 12, REJECTED_REPLACE: 4})),
    ),
    flow=FlowStats(traded_lots=50, executed_lots=100, unmatched_fills=3, unmatched_lots=14),
    seconds=2.0,
    requests_per_s=16.5,
    p50_ms=1.0,
    p99_ms=9.0,
)


def test_matched_and_unmatched_volume_come_to_what_was_executed() -> None:
    found = json.loads(json.dumps(summary_json(RESULT)))
    assert found["volume"] == {
        "traded_lots": 50,
        "executed_lots": 100,
        "matched_lots": 70,
        "unmatched_lots": 30,
        "unmatched_by_reason": {"never_shown": 14, "rejected_order": 12, "rejected_replace": 4},
    }
    assert sum(found["volume"]["unmatched_by_reason"].values()) == 30


def test_each_kind_of_request_has_its_own_reasons() -> None:
    found = summary_json(RESULT)
    assert found["rejected_by_reason"] == {"POSITION_LIMIT": 2}
    assert found["replaces_rejected_by_reason"] == {"PRICE_COLLAR": 3}
    assert found["cancels_rejected_by_reason"] == {}
    assert (found["accepted"], found["replaces_accepted"], found["asked_anew"]) == (18, 4, 1)
    assert found["recording"]["from"] == "2023-12-24T13:00:05Z"


def test_the_table_says_the_same_to_people() -> None:
    console = Console(width=200, record=True, file=StringIO())
    console.print(summary_table(RESULT))
    lines = [" ".join(line.split()) for line in console.export_text().splitlines()]
    for reason, lots in summary_json(RESULT)["volume"]["unmatched_by_reason"].items():
        assert any(line.startswith(f"{reason} {lots} ") for line in lines), lines
    assert any(line.startswith("Replaces 7: 4 accepted, 3 rejected; 1 more") for line in lines)
    assert any(line.startswith("PRICE_COLLAR 3 ") for line in lines)
