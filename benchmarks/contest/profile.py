"""The bench profile as configuration: what control publishes for the worker, what peers are told.

Owns that both say the same. The definitions are those of benchmarks/profile; a peer gets their
figures as `name=value` lines, so that no figure, text or code of the contract stands twice.
"""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from benchmarks.contest.inputs import Funded
from benchmarks.flow import INSTRUMENT, deposit
from pipeline.codecs.wire import fixed_ids
from pipeline.control.definitions import Payload
from pipeline.control.directory import read_directory
from pipeline.control.publisher import ControlChange, ControlWriter
from pipeline.market.config import load_replay_config
from pipeline.market.publisher import Publisher
from pipeline.risk.checks.registry import CHECKS_OF_NEW
from pipeline.risk.core_versions import CORE_VERSIONS
from pipeline.risk.holdings import HOLDINGS_MAX
from pipeline.risk.partition import partition_of
from pipeline.risk.reasons import ACCEPTED, fix_reject_reason, reject_text
from pipeline.risk.records import (
    TRADING_STATE_ACTIVE,
    FeeSchedule,
    Instrument,
    Limits,
    Policy,
    UserAccount,
)
from pipeline.settings import PROJECT_ROOT, Settings
from pipeline.topics import AUDIT, DECISIONS, ORDERS

DIRECTORY: Final = PROJECT_ROOT / "benchmarks/profile"
REASONS: Final = (ACCEPTED, "DUPLICATE_ID", "ORDER_RATE", "POSITION_LIMIT", "BUYING_POWER")

_PROPOSER: Final = "tollgate-bench"
# What comes before the first order, in record time.
_CONTROL_LEAD_US: Final = 10_000_000
_MONEY_LEAD_US: Final = 5_000_000


def definitions() -> list[Payload]:
    """Everything of the profile but the accounts."""
    return [definition.payload for definition in read_directory(DIRECTORY)]


def users(accounts: Sequence[Funded]) -> list[UserAccount]:
    """The control payloads of the accounts."""
    return [
        UserAccount(account.user_id, account.tenant_id, account.tier_id, TRADING_STATE_ACTIVE)
        for account, _ in accounts
    ]


def publish(settings: Settings, accounts: Sequence[Funded], first_us: int) -> int:
    """Definitions, accounts and money for the gate's worker; how many inputs its lanes then have.

    All carry record times before `first_us`. Raises ControlError or ReplayError.
    """
    payloads = [*definitions(), *users(accounts)]
    changes = [ControlChange(payload, _PROPOSER, _PROPOSER) for payload in payloads]
    with ControlWriter(settings) as writer:
        writer.publish(changes, (first_us - _CONTROL_LEAD_US) // 1000)
    publisher = Publisher(settings)
    config = load_replay_config()
    time_us = first_us - _MONEY_LEAD_US
    for account, cash_minor in accounts:
        publisher.deposit(deposit(account, config, time_us, cash_minor), account.key, time_us)
    publisher.flush()
    return len(payloads) * settings.partitions + len(accounts)


def first_sequences(accounts: Sequence[Funded], partitions: int) -> list[int]:
    """The lane sequence before the first order, by lane: what the gate's lanes have been told."""
    money = Counter(partition_of(account.key, partitions) for account, _ in accounts)
    control = len(definitions()) + len(accounts)
    return [control + money[partition] for partition in range(partitions)]


def write_peer_settings(
    settings: Settings, accounts: Sequence[Funded], directory: Path, options: dict[str, str]
) -> Path:
    """What a peer is told, as a file in `directory`; `options` are the peer's own."""
    listed = directory / "accounts.csv"
    listed.write_text(
        "".join(
            f"{account.user_id},{account.tenant_id},{account.tier_id},{cash_minor}\n"
            for account, cash_minor in accounts
        )
    )
    ids = fixed_ids()
    told: dict[str, object] = {
        "bootstrap": settings.kafka_bootstrap,
        "app_id": settings.app_id,
        "orders": settings.topic(ORDERS.name),
        "decisions": settings.topic(DECISIONS.name),
        "audit": settings.topic(AUDIT.name),
        "partitions": settings.partitions,
        "compression": settings.compression,
        "state_dir": settings.data_dir,
        "accounts": listed,
        "first_sequences": ",".join(map(str, first_sequences(accounts, settings.partitions))),
        "control_number": len(definitions()) + len(accounts),
        "core_version": CORE_VERSIONS[0],
        "checks": ",".join(name for name, _ in CHECKS_OF_NEW),
        "holdings_max": HOLDINGS_MAX,
        "decision_frame": ids.frame(DECISIONS.schema).hex(),
        "audit_frame": ids.frame(AUDIT.schema).hex(),
        **_figures(),
        **options,
    }
    for reason in REASONS:
        told[f"text.{reason}"] = reject_text(reason)
        fix = fix_reject_reason(reason, is_new=True)
        told[f"fix.{reason}"] = "" if fix is None else fix
    path = directory / "peer.properties"
    path.write_text("".join(f"{name}={value}\n" for name, value in told.items()))
    return path


def _figures() -> dict[str, object]:
    """The definitions' figures; each definition is the first version of its subject."""
    found: dict[str, object] = {"policy_version": 1}
    for payload in definitions():
        if isinstance(payload, Policy):
            found["order_age_ms_max"] = payload.order_age_ms_max
            found["exempt"] = ",".join(payload.checks_exempt)
        elif isinstance(payload, Instrument):
            found["instrument_id"] = INSTRUMENT
            found["currency"] = payload.currency
            found["margin_minor_per_lot"] = payload.margin_minor_per_lot
        elif isinstance(payload, Limits):
            tier = f"tier.{payload.scope_id}"
            found[f"{tier}.order_rate_per_s_max"] = payload.order_rate_per_s_max
            found[f"{tier}.position_lots_max"] = payload.position_lots_max
            found[f"{tier}.limit_version"] = 1
        elif isinstance(payload, FeeSchedule):
            found[f"tier.{payload.tier_id}.fee_per_lot_minor_max"] = payload.fee_per_lot_minor_max
    return found
