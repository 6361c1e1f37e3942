"""A directory of YAML files as control definitions, and what of it the topic does not say yet.

Owns the files' shape: every *.yaml of the directory is a mapping of sections (`firm` and `policy`:
one entry, all others: lists), whose entries have the field names of schemas/avro; one of
`check_limits` names several checks, and calendars can be written by the week (`calendars.py`).
Strict: an unknown key, a wrong type, a figure out of bounds, a key or a subject that comes twice is
an error that names file and entry. Publishes nothing.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import yaml

from pipeline.codecs.rendering import RenderingError, value_from_json
from pipeline.control.calendars import CalendarError, calendar_entry
from pipeline.control.definitions import OutOfRangeError, Payload, check, subject_of
from pipeline.control.history import ControlError, ControlHistory, read_history
from pipeline.risk.records import FirmState, ScopeState, UserAccount
from pipeline.settings import Settings

# Section -> record, in the order of publishing: what others refer to comes first.
SECTIONS: Final = {
    "policy": "policy",
    "firm": "firm_state",
    "instruments": "instrument",
    "fees": "fee_schedule",
    "limits": "limits",
    "check_limits": "check_limit",
    "check_policies": "check_policy",
    "calendars": "session_calendar",
    "listings": "listing",
    "states": "scope_state",
    "rules": "rule",
    "collateral": "collateral",
    "users": "user_account",
}
_SINGLE: Final = ("policy", "firm")
# What may be left out of an entry although the contract's schema has no default for it.
_DEFAULTS: Final[dict[str, dict[str, Any]]] = {
    "instruments": {"base_minor_per_lot": 0},
    "policy": {"checks_exempt": []},
    "rules": {"severity": "REJECT", "enabled": True},
}


class DefinitionError(ControlError):
    """A file that cannot be published; the text names file, entry and key."""


@dataclass(frozen=True)
class Definition:
    """One entry of a file; `where` names it for people."""

    payload: Payload
    where: str


@dataclass(frozen=True)
class Plan:
    """What applying would publish, in order, and what it would leave as it is."""

    payloads: tuple[Payload, ...]
    unchanged: int
    kept: tuple[str, ...]


def plan_directory(settings: Settings, directory: Path) -> Plan:
    """What `apply_directory` would publish now; writes nothing."""
    return plan_changes(read_directory(directory), read_history(settings))


def plan_changes(definitions: list[Definition], history: ControlHistory) -> Plan:
    """Compare definitions with the topic. Raises DefinitionError where one may not follow."""
    payloads = []
    kept = []
    published = set(history.last)
    for definition in definitions:
        last = history.payload(subject_of(definition.payload))
        payload = _no_less_strict(definition.payload, last)
        if payload is not definition.payload:
            kept.append(_name_of(payload))
        try:
            check(payload, last, published)
        except OutOfRangeError as error:
            raise DefinitionError(f"{definition.where}: {error}") from error
        published.add(subject_of(payload))
        if not history.says(payload):
            payloads.append(payload)
    return Plan(tuple(payloads), len(definitions) - len(payloads), tuple(kept))


def read_directory(directory: Path) -> list[Definition]:
    """Every definition of the directory's *.yaml files, in the order of publishing."""
    files = sorted(directory.glob("*.yaml"))
    if not files:
        raise DefinitionError(f"{directory}: no *.yaml files here")
    found: dict[str, list[Definition]] = {section: [] for section in SECTIONS}
    for file in files:
        for section, content in _load(file).items():
            found[section] += _definitions(file, section, content)
    definitions = [definition for section in SECTIONS for definition in found[section]]
    places: dict[tuple[str, ...], str] = {}
    for definition in definitions:
        subject = subject_of(definition.payload)
        if subject in places:
            raise DefinitionError(
                f"{definition.where}: {' '.join(subject)} is defined already in {places[subject]}"
            )
        places[subject] = definition.where
    return definitions


def _load(file: Path) -> dict[str, Any]:
    try:
        content = yaml.load(file.read_text(encoding="utf-8"), Loader=_StrictLoader)  # noqa: S506
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise DefinitionError(f"{file}: not readable as YAML: {error}") from error
    if not isinstance(content, dict):
        raise DefinitionError(f"{file}: expected sections ({', '.join(SECTIONS)})")
    for section in content:
        if section not in SECTIONS:
            raise DefinitionError(
                f"{file}: unknown section {section!r}; known: {', '.join(SECTIONS)}"
            )
    return content


def _definitions(file: Path, section: str, content: Any) -> Iterator[Definition]:
    if section in _SINGLE:
        yield _definition(content, section, f"{file}: {section}")
        return
    if not isinstance(content, list):
        raise DefinitionError(f"{file}: {section}: expected a list (lines that begin with '- ')")
    for index, entry in enumerate(content, start=1):
        where = f"{file}: {section} entry {index}"
        if section == "check_limits":
            for check_name, single in _of_single_checks(entry, where):
                yield _definition(single, section, f"{where}: {check_name}")
        else:
            yield _definition(entry, section, where)


def _of_single_checks(entry: Any, where: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """(check, entry of that check alone) of an entry whose `limits` names several checks.

    A limit is a figure, or a mapping with `limit` and what else belongs to it.
    """
    if not isinstance(entry, dict) or not isinstance(entry.get("limits"), dict):
        raise DefinitionError(f"{where}: expected `limits`: the names of checks, each with a limit")
    shared = {name: value for name, value in entry.items() if name != "limits"}
    for check_name, limit in entry["limits"].items():
        given = limit if isinstance(limit, dict) else {"limit": limit}
        yield check_name, {"check": check_name, **shared, **given}


def _definition(entry: Any, section: str, where: str) -> Definition:
    try:
        given = _DEFAULTS.get(section, {}) | entry if isinstance(entry, dict) else entry
        if section == "calendars" and isinstance(given, dict):
            given = calendar_entry(given)
        payload = value_from_json(SECTIONS[section], given)
        check(payload)
    except (RenderingError, OutOfRangeError, CalendarError) as error:
        raise DefinitionError(f"{where}: {error}") from error
    return Definition(payload, where)


def _no_less_strict(payload: Payload, last: Payload | None) -> Payload:
    """`payload`, or itself with the trading state of `last` where that one is stricter."""
    if isinstance(payload, FirmState) and isinstance(last, FirmState):
        return last if last.trading_state > payload.trading_state else payload
    if isinstance(payload, ScopeState) and isinstance(last, ScopeState):
        return last if last.trading_state > payload.trading_state else payload
    if isinstance(payload, UserAccount) and isinstance(last, UserAccount):
        return with_state(payload, max(payload.trading_state, last.trading_state))
    return payload


def _name_of(payload: Payload) -> str:
    """Whose trading state it is, for people."""
    if isinstance(payload, UserAccount):
        return payload.user_id
    return payload.scope_id if isinstance(payload, ScopeState) else "firm"


def with_state(account: UserAccount, trading_state: int) -> UserAccount:
    """`account` in another trading state; itself when it is in that state."""
    if account.trading_state == trading_state:
        return account
    return UserAccount(
        user_id=account.user_id,
        account_tenant_id=account.account_tenant_id,
        tier_id=account.tier_id,
        trading_state=trading_state,
    )


class _StrictLoader(yaml.SafeLoader):
    """Plain YAML values; a key that comes twice is an error, where YAML would take the last."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        mapping = super().construct_mapping(node, deep=deep)
        if len(mapping) != len(node.value):
            keys = [self.construct_object(key, deep=deep) for key, _ in node.value]
            twice = next(key for key in keys if keys.count(key) > 1)
            raise yaml.constructor.ConstructorError(
                None, None, f"key {twice!r} comes twice", node.start_mark
            )
        return mapping
