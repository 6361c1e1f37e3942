"""`tollgate control`: publish config/ as control records, show what is published, stop trading.

Owns the words and exit codes of the subcommands; what they publish is made in `pipeline/control`.
"""

import json
import sys
import time
from collections.abc import Callable
from dataclasses import asdict
from datetime import UTC, date, datetime
from functools import wraps
from pathlib import Path
from typing import Any, Concatenate, Final, ParamSpec, TextIO

import click

from pipeline.codecs.registry import RegistryError
from pipeline.codecs.rendering import time_text, value_to_json
from pipeline.control.definitions import OutOfRangeError, Payload, subject_of
from pipeline.control.directory import Plan, plan_directory, with_state
from pipeline.control.history import ControlError, read_history
from pipeline.control.lists import changes_of_list, listed, read_ids
from pipeline.control.publisher import ControlChange, ControlWriter, apply_directory
from pipeline.control.telling import told
from pipeline.risk.check_rules import RULE_PREFIX
from pipeline.risk.checks.registry import CATALOG
from pipeline.risk.records import (
    RESTRICTION_SUBJECT_NAMES,
    STATE_SCOPE_ALGORITHM,
    STATE_SCOPE_DESK,
    STATE_SCOPE_INSTRUMENT,
    STATE_SCOPE_NAMES,
    TRADING_STATE_NAMES,
    CoreVersion,
    DayClose,
    FirmState,
    Instrument,
    Release,
    ScopeState,
    UserAccount,
)
from pipeline.settings import Settings, SettingsError

_EPOCH_DAY: Final = date(1970, 1, 1).toordinal()
_Options = ParamSpec("_Options")


_STATE = click.argument(
    "state", type=click.Choice(TRADING_STATE_NAMES, case_sensitive=False), metavar="STATE"
)
_PROPOSER = click.option("--proposer", required=True, help="Who asks for it, by name.")
_APPROVER = click.option("--approver", help="Who has approved it.")
_REASON = click.option("--reason", required=True, help="Why.")
_JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
_SUBJECT = click.argument(
    "subject",
    type=click.Choice([name.lower() for name in RESTRICTION_SUBJECT_NAMES], case_sensitive=False),
    metavar="SUBJECT",
)
_WITHIN = click.option("--instrument", metavar="I", help="Only in this instrument.")
_IDS = click.argument("ids", nargs=-1, metavar="[ID]...")
_FILE = click.option(
    "--file",
    type=click.File(encoding="utf-8"),
    help="Take the ids from a file, one a line; - is stdin.",
)
# Records of a long list that are published at a time: some megabytes a transaction.
_LIST_RECORDS: Final = 50


@click.group(short_help="Publish config/ as control records.")
def command() -> None:
    """Publish what decides orders: instruments, limits, fees, users, policy, trading states.

    Each change is a numbered record on the control topic, in every partition, in one transaction.
    One writer at a time: a command that starts makes an older one fail.

    \b
    Examples:
      tollgate control apply config/control --dry-run
      tollgate control apply config/control --proposer risk-desk --approver risk-head
      tollgate control show
      tollgate control set-state firm HALTED --proposer risk-desk --reason "venue outage"
      tollgate control set-state user alice ACTIVE --proposer risk-desk --reason "cleared"
      tollgate control set-state desk d7 REDUCING --proposer risk-desk --reason "near its limit"
      tollgate control release alice --proposer ann --reason "orders reviewed"
      tollgate control restrict counterparty acme --proposer compliance --reason "sanctions"
      tollgate control close-day 2024-03-15 --proposer risk-desk --reason "end of day"
      tollgate control set-core-version 2 --proposer ops --approver risk-head --reason "upgrade"

    Exit codes: 0 done, 1 refused (the text says why; no record is half published), 2 wrong usage.
    """  # noqa: D301 -- \b is click's mark for "do not wrap"


def _with_settings(
    function: Callable[Concatenate[Settings, _Options], None],
) -> Callable[_Options, None]:
    """Load the settings, and turn what can go wrong into a message and exit code 1."""

    @wraps(function)
    def run(*args: _Options.args, **kwargs: _Options.kwargs) -> None:
        try:
            function(Settings.load(), *args, **kwargs)
        except (SettingsError, ControlError, RegistryError, OutOfRangeError) as error:
            raise click.ClickException(str(error)) from error

    return run


@command.command()
@click.argument(
    "directory", type=click.Path(exists=True, file_okay=False, path_type=Path), metavar="DIR"
)
@click.option("--dry-run", is_flag=True, help="Say what would be published, publish nothing.")
@click.option("--proposer", default="config", show_default=True, help="Who proposes the changes.")
@_APPROVER
@click.option("--reason", default="configuration applied", show_default=True, help="Why.")
@_JSON
@_with_settings
def apply(
    settings: Settings,
    *,
    directory: Path,
    dry_run: bool,
    proposer: str,
    approver: str | None,
    reason: str,
    as_json: bool,
) -> None:
    """Publish what the YAML files of DIR define and the topic does not say yet.

    Applying again publishes nothing. A trading state is only ever made stricter: what set-state
    has stopped stays stopped.
    """
    if dry_run:
        _show_plan(plan_directory(settings, directory), as_json=as_json)
        return
    result = apply_directory(
        settings, directory, proposer=proposer, approver=approver, reason=reason
    )
    if as_json:
        click.echo(json.dumps(asdict(result)))
        return
    click.echo(
        f"{result.published} published, {result.unchanged} unchanged; "
        f"the last control number is {result.last_number}"
    )
    _show_kept(result.kept)


@command.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON, one object a subject and line.")
@_with_settings
def show(settings: Settings, *, as_json: bool) -> None:
    """Show the last record of every subject: what is in force, or will be when its time comes."""
    history = read_history(settings)
    now_us = time.time_ns() // 1_000
    if as_json:
        for control in history.last.values():
            click.echo(json.dumps(value_to_json("control", control)))
        return
    for subject, control in sorted(history.last.items()):
        by = ", ".join(name for name in (control.proposer, control.approver) if name)
        start = "at once" if control.effective_from <= 0 else time_text(control.effective_from)
        click.echo(
            f"{' '.join(subject)}  version {control.version}, number {control.number}, {start}, "
            f"by {by}: {control.reason}\n"
            f"    {told(control.payload, now_us, history.restricted.get(subject, ()))}"
        )
    click.echo(f"last control number {history.last_number}, core {history.core_version} in force")


@command.command("close-day")
@click.argument("day", type=click.DateTime(["%Y-%m-%d"]), metavar="DATE")
@_PROPOSER
@_APPROVER
@_REASON
@_JSON
@_with_settings
def close_day(
    settings: Settings,
    *,
    day: datetime,
    proposer: str,
    approver: str | None,
    reason: str,
    as_json: bool,
) -> None:
    """Close the business day DATE (UTC) in every lane, so that its reports are made.

    Days also close by themselves with the first input after midnight. Whatever comes after the
    record, though it be the same calendar day, belongs to the next business day.
    """
    if day.date() > datetime.now(UTC).date():
        raise click.BadParameter(f"{day.date()} has not begun", param_hint="DATE")
    payload = DayClose(business_day=day.toordinal() - _EPOCH_DAY)
    change = ControlChange(payload, proposer=proposer, approver=approver, reason=reason)
    with ControlWriter(settings) as writer:
        _say(writer.publish([change])[0], f"{day.date()} closed", as_json=as_json)


@command.command("set-core-version")
@click.argument("version", type=int, metavar="VERSION")
@_PROPOSER
@click.option("--approver", required=True, help="Who has approved it: it cannot be taken back.")
@_REASON
@_JSON
@_with_settings
def set_core_version(
    settings: Settings, *, version: int, proposer: str, approver: str, reason: str, as_json: bool
) -> None:
    """Let every lane decide by the rules of core VERSION, for good.

    Only once every worker runs a release that knows it, as tollgate_build_info says: a worker that
    does not stops when it reads the record. `control apply` never changes the core.
    """
    payload = CoreVersion(version)
    change = ControlChange(payload, proposer=proposer, approver=approver, reason=reason)
    with ControlWriter(settings) as writer:
        _say(writer.publish([change])[0], f"core {version} decides", as_json=as_json)


@command.group("set-state")
def set_state() -> None:
    """Stop or start trading of the firm, a desk, an algorithm, an instrument or a user.

    HALTED: no order passes. REDUCING: only orders that reduce a position. ACTIVE: all. Cancels
    always pass. Orders that work at the venue stay there: cancel them as well.

    \b
    Examples:
      tollgate control set-state firm HALTED --proposer risk-desk --reason "venue outage"
      tollgate control set-state algorithm twap-3 HALTED --proposer ops --reason "loops"
      tollgate control set-state desk d7 REDUCING --proposer risk-desk --reason "near its limit"
      tollgate control set-state instrument ESH4 ACTIVE --proposer ops --reason "cleared"
    """  # noqa: D301 -- \b is click's mark for "do not wrap"


@set_state.command("firm")
@_STATE
@_PROPOSER
@_APPROVER
@_REASON
@_JSON
@_with_settings
def set_firm_state(
    settings: Settings,
    *,
    state: str,
    proposer: str,
    approver: str | None,
    reason: str,
    as_json: bool,
) -> None:
    """Put the whole firm into STATE: ACTIVE, REDUCING or HALTED."""
    payload = FirmState(trading_state=TRADING_STATE_NAMES.index(state))
    change = ControlChange(payload, proposer=proposer, approver=approver, reason=reason)
    with ControlWriter(settings) as writer:
        _say(writer.publish([change])[0], f"firm is {state}", as_json=as_json)


@set_state.command("user")
@click.argument("user_id", metavar="USER")
@_STATE
@_PROPOSER
@_APPROVER
@_REASON
@_JSON
@_with_settings
def set_user_state(
    settings: Settings,
    *,
    user_id: str,
    state: str,
    proposer: str,
    approver: str | None,
    reason: str,
    as_json: bool,
) -> None:
    """Put USER into STATE: ACTIVE, REDUCING or HALTED."""
    with ControlWriter(settings) as writer:
        account = writer.history.payload(("user_account", user_id))
        if not isinstance(account, UserAccount):
            raise ControlError(
                f"user {user_id!r} is not registered: add it to users.yaml and apply that first"
            )
        changed = with_state(account, TRADING_STATE_NAMES.index(state))
        change = ControlChange(changed, proposer=proposer, approver=approver, reason=reason)
        _say(writer.publish([change])[0], f"{user_id} is {state}", as_json=as_json)


def _set_scope_state(scope: int) -> None:
    """Add `set-state algorithm|desk|instrument ID STATE`."""
    what = STATE_SCOPE_NAMES[scope].lower()

    @_with_settings
    def run(
        settings: Settings,
        *,
        scope_id: str,
        state: str,
        proposer: str,
        approver: str | None,
        reason: str,
        as_json: bool,
    ) -> None:
        payload = ScopeState(scope, scope_id, TRADING_STATE_NAMES.index(state))
        change = ControlChange(payload, proposer=proposer, approver=approver, reason=reason)
        with ControlWriter(settings) as writer:
            defined = writer.history.payload(("instrument", scope_id))
            if scope == STATE_SCOPE_INSTRUMENT and not isinstance(defined, Instrument):
                raise ControlError(
                    f"instrument {scope_id!r} is not defined: `tollgate control show` lists those "
                    "that are"
                )
            _say(writer.publish([change])[0], f"{what} {scope_id} is {state}", as_json=as_json)

    for option in (_JSON, _REASON, _APPROVER, _PROPOSER, _STATE):
        run = option(run)
    run = click.argument("scope_id", metavar=STATE_SCOPE_NAMES[scope])(run)
    help_text = f"Put {STATE_SCOPE_NAMES[scope]} into STATE: ACTIVE, REDUCING or HALTED."
    set_state.command(what, help=help_text)(run)


for _scope in (STATE_SCOPE_ALGORITHM, STATE_SCOPE_DESK, STATE_SCOPE_INSTRUMENT):
    _set_scope_state(_scope)


@command.command()
@click.argument("user_id", metavar="USER")
@click.option("--check", "check_name", metavar="NAME", help="Only this check's latch or halt.")
@click.option("--algorithm", metavar="ID", help="Instead, count this algorithm's trades anew.")
@_PROPOSER
@_APPROVER
@_REASON
@_JSON
@_with_settings
def release(
    settings: Settings,
    *,
    user_id: str,
    check_name: str | None,
    algorithm: str | None,
    proposer: str,
    approver: str | None,
    reason: str,
    as_json: bool,
) -> None:
    """Let USER trade again after the gate itself stopped something of theirs.

    Without an option every latch and halt of USER ends; with --check that of one check; with
    --algorithm the trades of one algorithm count from 0 again (REPEATED_EXECUTION). The proposer is
    whom the record names as having re-enabled it: a person, not a script.

    \b
    Examples:
      tollgate control release alice --proposer ann --reason "orders reviewed"
      tollgate control release alice --check DAILY_LOSS --proposer ann --reason "hedged"
      tollgate control release alice --algorithm twap-3 --proposer ann --reason "fixed"
    """  # noqa: D301 -- \b is click's mark for "do not wrap"
    if check_name is not None and algorithm is not None:
        raise click.UsageError("--check and --algorithm are two releases: give one, then the other")
    if check_name is not None:
        _require_check(check_name)
    payload = Release(user_id, algorithm, check_name)
    change = ControlChange(payload, proposer=proposer, approver=approver, reason=reason)
    with ControlWriter(settings) as writer:
        if not isinstance(writer.history.payload(("user_account", user_id)), UserAccount):
            raise ControlError(
                f"user {user_id!r} is not registered: `tollgate control show` lists those who are"
            )
        _say(writer.publish([change])[0], _released(payload), as_json=as_json)


def _require_check(name: str) -> None:
    if name not in CATALOG.exemptible and not name.startswith(RULE_PREFIX):
        raise click.BadParameter(
            f"{name!r} latches and halts nobody; what can is a rule ({RULE_PREFIX}ID) or one of "
            f"{', '.join(sorted(CATALOG.exemptible))}",
            param_hint="--check",
        )


def _released(payload: Release) -> str:
    if payload.algo_id is not None:
        return f"algorithm {payload.algo_id} of {payload.user_id} is counted anew"
    stopped = "every check" if payload.check is None else payload.check
    return f"{payload.user_id} is released from {stopped}"


@command.command()
@_SUBJECT
@_IDS
@_FILE
@_WITHIN
@_PROPOSER
@_APPROVER
@_REASON
@_JSON
@_with_settings
def restrict(settings: Settings, /, **options: Any) -> None:
    """Put ids on a restricted list: their orders are refused, cancels are not.

    SUBJECT: user, desk, instrument, counterparty or algorithm, as orders name them. Ids that are on
    the list already need no record, so a command that broke off can be run again.

    \b
    Examples:
      tollgate control restrict user alice bob --proposer compliance --reason "case 17"
      tollgate control restrict counterparty acme --instrument ESH4 --proposer compliance
        --reason "issuer"
      tollgate control restrict user --file users.txt --proposer compliance --reason "list of May"
    """  # noqa: D301 -- \b is click's mark for "do not wrap"
    _change_list(settings, restricted=True, **options)


@command.command()
@_SUBJECT
@_IDS
@_FILE
@_WITHIN
@_PROPOSER
@_APPROVER
@_REASON
@_JSON
@_with_settings
def unrestrict(settings: Settings, /, **options: Any) -> None:
    """Take ids off a restricted list.

    An id may be on two lists, everywhere and in an instrument: each is lifted by itself.

    \b
    Examples:
      tollgate control unrestrict user alice --proposer compliance --reason "case 17 closed"
      tollgate control restricted user | tollgate control unrestrict user --file -
        --proposer compliance --reason "list withdrawn"
    """  # noqa: D301 -- \b is click's mark for "do not wrap"
    _change_list(settings, restricted=False, **options)


@command.command("restricted")
@_SUBJECT
@_WITHIN
@_with_settings
def show_restricted(settings: Settings, *, subject: str, instrument: str | None) -> None:
    """Print the ids on a restricted list, one a line."""
    number = RESTRICTION_SUBJECT_NAMES.index(subject.upper())
    for each in listed(read_history(settings), number, instrument):
        click.echo(each)


def _change_list(
    settings: Settings,
    *,
    restricted: bool,
    subject: str,
    ids: tuple[str, ...],
    file: TextIO | None,
    instrument: str | None,
    proposer: str,
    approver: str | None,
    reason: str,
    as_json: bool,
) -> None:
    if not ids and file is None:
        raise click.UsageError("name at least one ID, or a --file with one id a line")
    named = [*ids, *(read_ids(file) if file is not None else ())]
    number = RESTRICTION_SUBJECT_NAMES.index(subject.upper())
    with ControlWriter(settings) as writer:
        records, unchanged = changes_of_list(
            writer.history, number, named, instrument, restricted=restricted
        )
        changes = [
            ControlChange(record, proposer=proposer, approver=approver, reason=reason)
            for record in records
        ]
        _publish_list(writer, changes)
        changed = sum(len(record.ids) for record in records)
        last_number = writer.current()
        left = len(listed(writer.history, number, instrument))
    if as_json:
        click.echo(
            json.dumps({"changed": changed, "unchanged": unchanged, "last_number": last_number})
        )
        return
    done, already = ("restricted", "were") if restricted else ("unrestricted", "were not")
    where = "" if instrument is None else f" in {instrument}"
    since = f", from control number {last_number} on" if changed else ""
    click.echo(
        f"{changed:,} {done}{where}, {unchanged:,} {already} before{since}; "
        f"{left:,} on the {subject} list{where}"
    )


def _publish_list(writer: ControlWriter, changes: list[ControlChange]) -> None:
    """Publish a list of any length; of a long one a bar shows how far it is."""
    parts = [changes[at : at + _LIST_RECORDS] for at in range(0, len(changes), _LIST_RECORDS)]
    if len(parts) <= 1:
        for part in parts:
            writer.publish(part)
        return
    with click.progressbar(length=len(changes), label="records", file=sys.stderr) as bar:
        for part in parts:
            writer.publish(part)
            bar.update(len(part))


def _say(number: int, text: str, *, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps({"number": number}))
    else:
        click.echo(f"{text}, from control number {number} on")


def _show_plan(plan: Plan, *, as_json: bool) -> None:
    if as_json:
        publish = [_tagged(payload) for payload in plan.payloads]
        click.echo(
            json.dumps({"publish": publish, "unchanged": plan.unchanged, "kept": list(plan.kept)})
        )
        return
    now_us = time.time_ns() // 1_000
    for payload in plan.payloads:
        click.echo(f"would publish {' '.join(subject_of(payload))}: {told(payload, now_us)}")
    click.echo(f"{len(plan.payloads)} to publish, {plan.unchanged} unchanged; nothing was written")
    _show_kept(plan.kept)


def _show_kept(kept: tuple[str, ...]) -> None:
    for who in kept:
        click.echo(f"{who}: its stricter trading state in force was kept (see set-state)")


def _tagged(payload: Payload) -> dict[str, Any]:
    name = subject_of(payload)[0]
    return {name: value_to_json(name, payload)}
