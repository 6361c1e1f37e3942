"""`tollgate worker` that keeps its audit records and regulatory events to itself.

Owns leaving them out, for `audit_on_vs_off`. They are still made and hashed, since the chain is the
core's; what it costs to send, store and acknowledge them is what the figure shows.
"""

from typing import Any

import faust

from pipeline.settings import Settings
from pipeline.streaming.transaction import Transaction
from pipeline.topics import AUDIT, REGULATORY_EVENTS


def install(left_out: frozenset[str]) -> None:
    """Take the records of topics out of what is committed."""
    add = Transaction.add

    def add_less(transaction: Transaction, lane: Any, outputs: list[Any], *rest: Any) -> None:
        kept = [output for output in outputs if output[0] not in left_out]
        add(transaction, lane, kept, *rest)

    setattr(Transaction, "add", add_less)  # noqa: B010 -- mypy does not let a method be assigned


def main() -> None:
    """Run until SIGTERM."""
    settings = Settings.load()
    install(frozenset(settings.topic(topic.name) for topic in (AUDIT, REGULATORY_EVENTS)))
    from pipeline.app import app  # noqa: PLC0415 -- builds the app with what is left out

    faust.Worker(
        app, loglevel="ERROR", redirect_stdouts=False, quiet=True
    ).execute_from_commandline()


if __name__ == "__main__":
    main()
