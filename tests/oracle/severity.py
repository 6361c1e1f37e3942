"""What a check's failure leads to: nothing, a rejection, an alert, or a user who is stopped.

Owns docs/rules.md, "Severity". Must never judge an order itself.
"""

from pipeline.risk.records import (
    CHECK_SEVERITY_HALT,
    CHECK_SEVERITY_LATCH,
    CHECK_SEVERITY_NOTIFY,
    ORDER_ACTION_CANCEL,
    Order,
)
from tests.oracle.book import Book
from tests.oracle.check_limits import RULE, Steering
from tests.oracle.lines import Check
from tests.oracle.situation import Situation
from tests.oracle.traits import EXEMPTABLE


def settled(judged: Check, order: Order, now: Situation) -> Check:
    """The line as it is recorded: switched off, told of, or as it was judged."""
    exempt = now.policy[0].checks_exempt if now.policy is not None else []
    if judged.check in exempt:
        return Check(judged.check, "EXEMPT")
    if judged.result != "FAIL" or not is_severable(judged.check):
        return judged
    told = now.steering.severity(judged.check) == CHECK_SEVERITY_NOTIFY
    if told or order.action == ORDER_ACTION_CANCEL:
        return judged._replace(result="NOTIFIED")
    return judged


def is_severable(check: str) -> bool:
    """Whether its failure may lead to anything but a rejection."""
    return check in EXEMPTABLE or check.startswith(RULE)


def stop(book: Book, decided: Check, steering: Steering) -> str | None:
    """Latch or halt the user by the check that decided; the event if that is new."""
    if not is_severable(decided.check):
        return None
    severity = steering.severity(decided.check)
    if severity == CHECK_SEVERITY_LATCH and decided.check not in book.latched:
        book.latched = (*book.latched, decided.check)
        return "LATCH"
    if severity == CHECK_SEVERITY_HALT and decided.check not in book.halted_by:
        book.halted_by = (*book.halted_by, decided.check)
        return "HALT"
    return None
