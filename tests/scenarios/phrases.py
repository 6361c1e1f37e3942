"""Phrases: what can happen in a scenario, in words, and what is then done.

Owns the vocabulary (README.md lists it); each phrase sends exactly one record.
"""

import re
from collections.abc import Callable
from typing import Final, NamedTuple

from pipeline.lane.processor import LaneOutput
from pipeline.risk.records import (
    CHECK_SEVERITY_NAMES,
    RESTRICTION_SUBJECT_NAMES,
    TRADING_STATE_NAMES,
)
from tests.scenarios import house, street, supervision
from tests.scenarios.figures import FIGURE
from tests.scenarios.floor import Floor, Parts, PhraseError

ID: Final = r"[\w:./-]+"
TIME: Final = r"(?:\d{4}-\d\d-\d\d )?\d\d:\d\d:\d\d(?:\.\d+)?"
TRADE: Final = rf"(?P<lots>{FIGURE}) at (?P<price>{FIGURE})(?:, fee (?P<fee>{FIGURE}))?"
AS: Final = rf"(?:, as (?P<exec>{ID}))?"


class Phrase(NamedTuple):
    """An example of a phrase, its pattern, and what it does."""

    example: str
    pattern: re.Pattern[str]
    act: Callable[[Floor, Parts], LaneOutput]


def _phrase(example: str, pattern: str, act: Callable[[Floor, Parts], LaneOutput]) -> Phrase:
    return Phrase(example, re.compile(pattern), act)


ORDER: Final = rf"(?P<order>{ID})"
NAME: Final = rf"(?P<name>{ID})"
CHECK: Final = r"(?P<check>[A-Z_]+)"
SEVERITIES: Final = "|".join(CHECK_SEVERITY_NAMES)
STATES: Final = "|".join(TRADING_STATE_NAMES)
SUBJECTS: Final = "|".join(name.lower() for name in RESTRICTION_SUBJECT_NAMES)
PHRASES: Final = (
    _phrase(
        "order o1: buy 10 ESX at 5,000.00 day until 09:30:00",
        rf"order {ORDER}: (?P<side>buy|sell) (?P<lots>{FIGURE}) {NAME} at "
        rf"(?P<price>{FIGURE}|market)(?P<tif> (?:gtc|day|ioc|fok))?(?: until (?P<until>{TIME}))?"
        rf"(?:, by algorithm (?P<algorithm>{ID}))?(?:, for desk (?P<desk>{ID}))?"
        rf"(?:, with (?P<counterparty>{ID}))?",
        street.ask,
    ),
    _phrase(
        "replace o1 by r1: 8 at 5,001.00",
        rf"replace {ORDER} by (?P<by>{ID}): (?P<lots>{FIGURE}) at (?P<price>{FIGURE})",
        street.replace,
    ),
    _phrase("cancel o1 by c1", rf"cancel {ORDER} by (?P<by>{ID})", street.cancel),
    _phrase("send o1 again", rf"send {ORDER} again", street.repeat),
    _phrase("venue acknowledges o1", rf"venue acknowledges {ORDER}", street.acknowledge),
    _phrase(
        "venue fills o1: 4 at 5,000.25, fee 6.00, as x1",
        rf"venue fills {ORDER}: {TRADE}{AS}",
        street.fill,
    ),
    _phrase(
        "venue fills z9: buy 4 ESX at 5,000.25, fee 6.00, as x1",
        rf"venue fills {ORDER}: (?P<side>buy|sell) "
        + TRADE.replace(" at ", rf" {NAME} at ", 1)
        + AS,
        street.fill_unknown,
    ),
    _phrase(
        "venue cancels o1, filled 4",
        rf"venue (?P<ends>cancels|expires|rejects) {ORDER}, filled (?P<filled>{FIGURE})",
        street.end,
    ),
    _phrase("venue replaces o1 by r1", rf"venue replaces {ORDER} by (?P<by>{ID})", street.replaced),
    _phrase("venue refuses r1", rf"venue refuses {ORDER}", street.refuse),
    _phrase(
        "venue busts x1 of o1, as x2; venue corrects x1 of o1: 4 at 5,001.00, fee 6.00, as x2",
        rf"venue (?P<busts>busts|corrects) (?P<ref>{ID}) of {ORDER}(?:: {TRADE})?{AS}",
        street.bust,
    ),
    _phrase("venue repeats x1", rf"venue repeats (?P<exec>{ID})", street.report_again),
    _phrase(
        "deposit 100,000.00 USD; adjustment -5.00 USD",
        rf"(?P<kind>deposit|adjustment) (?P<amount>{FIGURE}) (?P<currency>\w+)",
        house.deposit,
    ),
    _phrase(
        "withdrawal w1 of 500.00 USD",
        rf"withdrawal (?P<withdrawal>{ID}) of (?P<amount>{FIGURE}) (?P<currency>\w+)",
        house.withdraw,
    ),
    _phrase(
        "withdrawal w1 settled; withdrawal w1 failed",
        rf"withdrawal (?P<withdrawal>{ID}) (?P<end>settled|failed)",
        house.end_withdrawal,
    ),
    _phrase(
        "settlement of ESX at 5,010.00 for 2024-03-04",
        rf"settlement of {NAME} at (?P<price>{FIGURE}) for (?P<day>\S+)",
        house.settle,
    ),
    _phrase(
        "mark ESX 5,000.00 made at 08:59:00",
        rf"mark {NAME} (?P<price>{FIGURE})(?: made at (?P<made>{TIME}))?",
        house.mark,
    ),
    _phrase(
        "instrument ESX: margin_minor_per_lot 200,000, state OPEN",
        rf"instrument {NAME}: (?P<fields>.+)",
        house.instrument,
    ),
    _phrase(
        "limits: price_collar_bps 100; limits ESX: position_lots_max 5",
        rf"limits(?: {NAME})?: (?P<fields>.+)",
        house.limits,
    ),
    _phrase(
        "limit of DAILY_LOSS: 1,000.00 USD",
        rf"limit of (?P<check>[A-Z_]+): (?P<figure>{FIGURE}) (?P<currency>[A-Z]+)",
        house.limit_in_money,
    ),
    _phrase("policy: orphan_ms_max 5,000", r"policy: (?P<fields>.+)", house.policy),
    _phrase("fees: fee_per_lot_minor_max 150", r"fees: (?P<fields>.+)", house.fees),
    _phrase(
        "collateral EUR: haircut_bps 300",
        rf"collateral (?P<currency>\w+): haircut_bps (?P<haircut>{FIGURE})",
        house.collateral,
    ),
    _phrase("user REDUCING; firm HALTED", rf"(?P<who>user|firm) (?P<state>{STATES})", house.state),
    _phrase(
        "limit of PUSH: 5; limit of PUSH in ESX: none; limit of ORDER_TO_TRADE: 2, allowance 10",
        rf"limit of {CHECK}(?: in {NAME})?: (?P<figure>{FIGURE}|none)"
        rf"(?:, allowance (?P<allowance>{FIGURE}))?",
        supervision.limit,
    ),
    _phrase(
        "check PUSH: NOTIFY; check PUSH: REJECT, window 1,000 ms",
        rf"check {CHECK}: (?P<severity>{SEVERITIES})(?:, window (?P<window>{FIGURE}) ms)?",
        supervision.severity,
    ),
    _phrase(
        "desk d7 REDUCING; algorithm vwap-7 HALTED; instrument ESX HALTED",
        rf"(?P<scope>desk|algorithm|instrument) (?P<id>{ID}) (?P<state>{STATES})",
        supervision.scope_state,
    ),
    _phrase(
        "restrict counterparty acme; restrict user ann in ESX; unrestrict counterparty acme",
        rf"(?P<change>restrict|unrestrict) (?P<subject>{SUBJECTS}) (?P<id>{ID})(?: in {NAME})?",
        supervision.restriction,
    ),
    _phrase(
        "calendar XCME until 2024-03-07 00:00:00: 2024-03-04 09:00:00 to 17:00:00, "
        "2024-03-06 09:00:00 to 17:00:00",
        rf"calendar {NAME} until (?P<until>{TIME}): (?P<sessions>.+)",
        supervision.calendar,
    ),
    _phrase(
        "listing ESX: calendar_id XCME", rf"listing {NAME}: (?P<fields>.+)", supervision.listing
    ),
    _phrase(
        "eve releases PUSH; eve releases algorithm vwap-7; eve releases all",
        rf"(?P<person>\w+) releases (?:all|{CHECK}|algorithm (?P<algorithm>{ID}))",
        supervision.release,
    ),
    _phrase("close day 2024-03-04", r"close day (?P<day>\S+)", house.close_day),
)


def say(floor: Floor, phrase: str) -> LaneOutput:
    """Do what a phrase says. Raises PhraseError or FigureError."""
    for known in PHRASES:
        found = known.pattern.fullmatch(phrase)
        if found is not None:
            return known.act(floor, {k: v or "" for k, v in found.groupdict().items()})
    alike = [
        known.example
        for known in PHRASES
        if known.example.split()[0] == phrase.split(" ", maxsplit=1)[0]
    ]
    hint = " or ".join(f"'{example}'" for example in alike or [PHRASES[0].example])
    message = f"'{phrase}' is no phrase; one reads {hint} (README.md has them all)"
    raise PhraseError(message)
