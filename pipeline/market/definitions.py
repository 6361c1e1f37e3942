"""What a replay publishes on the control topic, at recorded time.

Owns its accounts, the policy it needs (the exemption while the opening book is loaded; orders and
the venue's acknowledgements that waited for an answer are older than in life), and the close of the
last day.
Limits, fees and instruments are config/control's; nothing here replaces one.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from pipeline.control.definitions import Payload
from pipeline.control.publisher import ControlChange, ControlWriter, apply_directory
from pipeline.market.accounts import Account
from pipeline.market.config import ReplayConfig
from pipeline.market.errors import ReplayError
from pipeline.risk.records import TRADING_STATE_ACTIVE, DayClose, Policy, UserAccount
from pipeline.settings import Settings

# Milliseconds of recorded time before the first message, and after the opening book or the last.
_DIRECTORY_LEAD_MS: Final = 120_000
_ACCOUNTS_LEAD_MS: Final = 90_000
_OPENING_LEAD_MS: Final = 30_000
_OPENING_TRAIL_MS: Final = 1_000
_CLOSE_TRAIL_MS: Final = 2_000
_DAY_US: Final = 86_400_000_000
_PROPOSER: Final = "tollgate replay"


class ReplayDefinitions:
    """The control records of one replay. All methods raise ControlError when Kafka refuses."""

    def __init__(
        self,
        settings: Settings,
        config: ReplayConfig,
        accounts: Sequence[Account],
        first_us: int,
    ) -> None:
        """`first_us`: the recording's first time."""
        self.begin_ms: Final = first_us // 1000 - _ACCOUNTS_LEAD_MS
        self._settings: Final = settings
        self._exempt: Final = config.opening_checks_exempt
        self._order_age_ms_max: Final = config.order_age_ms_max
        self._accounts: Final = accounts
        self._first_ms: Final = first_us // 1000
        self._policy: Policy | None = None

    def publish(self, directory: Path | None) -> None:
        """The directory's definitions if one is given, the accounts, the opening's exemption.

        Raises ReplayError when no policy is in force then.
        """
        if directory is not None:
            apply_directory(self._settings, directory, self._first_ms - _DIRECTORY_LEAD_MS)
        with ControlWriter(self._settings) as writer:
            policy = writer.history.payload(("policy",))
            if not isinstance(policy, Policy):
                raise ReplayError(
                    "no policy has been published, so every order would be rejected: add "
                    "`--control config/control`"
                )
            accounts = [_change(_user(account), "simulated account") for account in self._accounts]
            writer.publish(accounts, self.begin_ms)
            self._policy = _changed(policy, self._order_age_ms_max, policy.checks_exempt)
            exempt = sorted({*policy.checks_exempt, *self._exempt})
            opening_policy = _changed(policy, self._order_age_ms_max, exempt)
            opening = _change(opening_policy, "replay: opening book")
            writer.publish([opening], self._first_ms - _OPENING_LEAD_MS)

    def end_opening(self, last_us: int) -> None:
        """End the exemption of the opening book; `last_us`: the last time published so far."""
        if self._policy is not None:
            change = _change(self._policy, "opening book is loaded")
            self._publish(change, last_us // 1000 + _OPENING_TRAIL_MS)

    def close_day(self, last_us: int) -> None:
        """Without it the last day's reports would wait for a record of the next day."""
        change = _change(DayClose(last_us // _DAY_US), "end of the recording")
        self._publish(change, last_us // 1000 + _CLOSE_TRAIL_MS)

    def _publish(self, change: ControlChange, record_time_ms: int) -> None:
        with ControlWriter(self._settings) as writer:
            writer.publish([change], record_time_ms)


def _change(payload: Payload, reason: str) -> ControlChange:
    return ControlChange(payload, proposer=_PROPOSER, reason=reason)


def _user(account: Account) -> UserAccount:
    return UserAccount(account.user_id, account.tenant_id, account.tier_id, TRADING_STATE_ACTIVE)


def _changed(policy: Policy, age_ms_max: int, checks_exempt: Sequence[str]) -> Policy:
    return Policy(
        order_age_ms_max=max(policy.order_age_ms_max, age_ms_max),
        future_skew_ms_max=policy.future_skew_ms_max,
        mark_age_ms_max=policy.mark_age_ms_max,
        dedup_window_ms=policy.dedup_window_ms,
        remembered_ids_max=policy.remembered_ids_max,
        open_orders_max=policy.open_orders_max,
        orphan_ms_max=max(policy.orphan_ms_max, age_ms_max),
        checks_exempt=list(checks_exempt),
    )
