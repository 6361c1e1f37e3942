"""`tollgate worker` that keeps its audit records and regulatory events to itself.

Owns leaving them out, for `audit_on_vs_off`. They are still made and hashed, since the chain is the
core's; what it costs to send, store and acknowledge them is what the figure shows.
"""

import faust

from pipeline.settings import Settings
from pipeline.streaming.epoch_producer import EpochProducer
from pipeline.streaming.record_batch import Outgoing
from pipeline.topics import AUDIT, REGULATORY_EVENTS


def install(left_out: frozenset[str]) -> None:
    """Take the records of topics out of what is committed."""
    queue = EpochProducer.send_outputs

    def queue_less(producer: EpochProducer, outputs: Outgoing) -> None:
        for place in [place for place in outputs.batches if place[0] in left_out]:
            del outputs.batches[place]
        queue(producer, outputs)

    setattr(EpochProducer, "send_outputs", queue_less)  # noqa: B010 -- mypy allows no assignment


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
