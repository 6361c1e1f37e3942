"""`tollgate control`: publish config/ as control records, show what is published, stop trading."""

import json
from collections.abc import Callable
from dataclasses import asdict
from datetime import UTC, date, datetime
from functools import wraps
from pathlib import Path
from typing import Any, Concatenate, Final, ParamSpec

import click

from pipeline.codecs.registry import RegistryError
from pipeline.codecs.rendering import time_text, value_to_json
from pipeline.control.definitions import OutOfRangeError, Payload, subject_of
from pipeline.control.directory import Plan, plan_directory, with_state
from pipeline.control.history import ControlError, read_history
from pipeline.control.publisher import ControlChange, ControlWriter, apply_directory
from pipeline.risk.records import (
    TRADING_STATE_NAMES,
    CoreVersion,
    DayClose,
    FirmState,
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
    if as_json:
        for control in history.last.values():
            click.echo(json.dumps(value_to_json("control", control)))
        return
    for subject, control in sorted(history.last.items()):
        by = ", ".join(name for name in (control.proposer, control.approver) if name)
        start = "at once" if control.effective_from <= 0 else time_text(control.effective_from)
        click.echo(
            f"{' '.join(subject)}  version {control.version}, number {control.number}, {start}, "
            f"by {by}: {control.reason}\n    {_fields(control.payload)}"
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
    """Stop or start trading of the firm or of one user: the kill switch.

    HALTED: no order passes. REDUCING: only orders that reduce a position. ACTIVE: all. Cancels
    always pass. Orders that work at the venue stay there: cancel them as well.
    """


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
    for payload in plan.payloads:
        click.echo(f"would publish {' '.join(subject_of(payload))}: {_fields(payload)}")
    click.echo(f"{len(plan.payloads)} to publish, {plan.unchanged} unchanged; nothing was written")
    _show_kept(plan.kept)


def _show_kept(kept: tuple[str, ...]) -> None:
    for who in kept:
        click.echo(f"{who}: its stricter trading state in force was kept (see set-state)")


def _tagged(payload: Payload) -> dict[str, Any]:
    name = subject_of(payload)[0]
    return {name: value_to_json(name, payload)}


def _fields(payload: Payload) -> str:
    """The figures of a definition in one line, without what names its subject."""
    subject = subject_of(payload)
    rendered = value_to_json(subject[0], payload)
    return ", ".join(
        f"{name} {value}"
        for name, value in rendered.items()
        if value is not None and value not in subject
    )
