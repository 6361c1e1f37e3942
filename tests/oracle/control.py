"""Control: what is put in force, at once or once its time has come.

Owns what becomes of a control record. What its payload may say is in `definitions.py`. Must never
read `pipeline/risk` or `pipeline/lane`.
"""

from pipeline.risk.records import (
    RESTRICTION_SUBJECT_USER,
    Collateral,
    Control,
    CoreVersion,
    DayClose,
    FeeSchedule,
    FirmState,
    Instrument,
    Limits,
    Policy,
    Release,
    Restriction,
    Rule,
    UserAccount,
)
from tests.oracle.answers import (
    CORES,
    ControlGapError,
    DeadLetterError,
    RepeatedError,
    UnknownCoreError,
)
from tests.oracle.definitions import Payload, bad_definition
from tests.oracle.lane import COLLATERALS_MAX, Lane
from tests.oracle.operator_rules import is_one_too_many


class Controls(Lane):
    """The part of a lane that is told how to decide."""

    def _control(self, control: Control) -> str:
        """Take the next number; at once, or once its time has come."""
        if control.number <= self.control_number:
            raise RepeatedError("REPEATED_CONTROL")
        if control.number != self.control_number + 1:
            raise ControlGapError(control.number)
        self.control_number = control.number
        payload = control.payload
        impossible = bad_definition(payload) or self._changes_its_nature(payload)
        if impossible or self._goes_back(payload) or self._is_one_too_many(payload):
            raise DeadLetterError("BAD_CONTROL")
        if control.effective_from > self.gate_time:
            self.waiting.append(control)
            return "PENDING"
        self._put_in_force(control.payload, control.version)
        return "APPLIED"

    def _changes_its_nature(self, payload: Payload) -> bool:
        """Whether an instrument would become one that its positions are not in."""
        if not isinstance(payload, Instrument):
            return False
        defined = [*self.instruments.values(), *(c.payload for c in self.waiting)]
        return any(
            (was.kind, was.currency, was.base_currency)
            != (payload.kind, payload.currency, payload.base_currency)
            for was in defined
            if isinstance(was, Instrument) and was.instrument_id == payload.instrument_id
        )

    def _goes_back(self, payload: Payload) -> bool:
        return isinstance(payload, CoreVersion) and payload.core_version < self.core_version

    def _is_one_too_many(self, payload: Payload) -> bool:
        if isinstance(payload, Collateral):
            return self._has_too_many(payload)
        return isinstance(payload, Rule) and is_one_too_many(
            payload, self.steering.rules, self.waiting
        )

    def _has_too_many(self, payload: Collateral) -> bool:
        """Whether its tier would have collateral of more currencies than may be."""
        defined = [known for known, _ in self.collateral.values()]
        defined += [c.payload for c in self.waiting if isinstance(c.payload, Collateral)]
        of_tier = {one.currency for one in defined if one.tier_id == payload.tier_id}
        return len(of_tier | {payload.currency}) > COLLATERALS_MAX

    def _apply_due_controls(self) -> None:
        due = [c for c in self.waiting if c.effective_from <= self.gate_time]
        self.waiting = [c for c in self.waiting if c not in due]
        for control in sorted(due, key=lambda c: (c.effective_from, c.number)):
            self._put_in_force(control.payload, control.version)

    def _put_in_force(self, payload: Payload, version: int) -> None:
        if isinstance(payload, Instrument):
            self.instruments[payload.instrument_id] = payload
        elif isinstance(payload, Limits):
            subject = (payload.scope, payload.scope_id, payload.instrument_id)
            self.limits[subject] = (payload, version)
        elif isinstance(payload, UserAccount):
            self._register(payload)
        elif isinstance(payload, FirmState):
            self.firm_state = payload.trading_state
        elif isinstance(payload, FeeSchedule):
            self.fees[payload.tier_id, payload.instrument_id] = payload
        elif isinstance(payload, Collateral):
            self.collateral[payload.tier_id, payload.currency] = (payload, version)
        elif isinstance(payload, Policy):
            self.policy = (payload, version)
        elif isinstance(payload, CoreVersion):
            self._decide_by(max(payload.core_version, self.core_version))
        elif isinstance(payload, DayClose):
            self._close_days(payload)
        else:
            self._steer(payload, version)

    def _close_days(self, close: DayClose) -> None:
        if self._is_open(close.business_day):
            self._close_day(close.business_day + 1)

    def _steer(self, payload: Payload, version: int) -> None:
        """What single checks go by."""
        if isinstance(payload, Release):
            self._release(payload)
        elif isinstance(payload, Restriction):
            everybody = payload.subject != RESTRICTION_SUBJECT_USER
            ids = [id_ for id_ in payload.ids if everybody or self._is_ours(id_)]
            self.steering.restrict(payload, ids, version)
        else:
            self.steering.put(payload, version)

    @property
    def cores(self) -> tuple[int, ...]:
        """The cores whose rules are known."""
        return CORES

    def _decide_by(self, core_version: int) -> None:
        if core_version not in self.cores:
            raise UnknownCoreError(core_version)
        self.core_version = core_version

    def _register(self, account: UserAccount) -> None:
        self.tenants.add(account.account_tenant_id)
        if self._is_ours(account.user_id):
            self.accounts[account.user_id] = account
            book = self._book(account.user_id).copy()
            book.exists = True
            self.books[account.user_id] = book

    def _release(self, release: Release) -> None:
        """What a person has looked at counts anew, or halts nobody any more."""
        if release.user_id not in self.books:
            return
        book = self._book(release.user_id).copy()
        if release.algo_id is not None:
            book.conduct.let_again(release.algo_id)
        if release.check is not None:
            book.latched = tuple(c for c in book.latched if c != release.check)
            book.halted_by = tuple(c for c in book.halted_by if c != release.check)
        elif release.algo_id is None:
            book.latched = book.halted_by = ()
        self.books[release.user_id] = book
