"""`python -m tests.upgrade.activate MS`: put the newest core of a release in force.

Owns what `tollgate control set-core-version` has no option for: the Kafka time stamp of the record,
by which lanes with the record clock go. Run from the next release's tree, since only that one knows
its newest core.
"""

import sys

from pipeline.control.publisher import ControlChange, ControlWriter
from pipeline.risk.core_versions import CORE_VERSIONS
from pipeline.risk.records import CoreVersion
from pipeline.settings import Settings


def main(record_time_ms: int) -> None:
    """Publish the record."""
    change = ControlChange(
        CoreVersion(CORE_VERSIONS[-1]), proposer="test", approver="test", reason="upgrade"
    )
    with ControlWriter(Settings.load()) as writer:
        writer.publish([change], record_time_ms)


if __name__ == "__main__":
    main(int(sys.argv[1]))
