"""The command line: `tollgate COMMAND`.

Owns the list of commands and nothing of what they do; each lives in `pipeline/commands` and is
imported only when it is asked for, so that `--help` and a worker's start stay fast.
"""

from importlib import import_module
from typing import Final

import click

# In the order in which a newcomer needs them.
COMMANDS: Final = {
    "run": "Start a local Kafka and a worker, replay real orders, summarise, stop everything.",
    "up": "Start a local Kafka, workers and a venue and leave them running.",
    "down": "Stop what `up` started.",
    "topics": "Create the topics, or list them as the code has them.",
    "control": "Publish config/ as control records.",
    "worker": "Decide orders: run a worker until SIGTERM.",
    "marks": "Publish a feed's ticks as conflated marks, until SIGTERM.",
    "replay": "Publish recorded market data as orders, fills and marks.",
    "venue": "Match accepted orders and report executions, until SIGTERM.",
    "produce": "Publish records from a JSON Lines file.",
    "consume": "Print a topic's records.",
    "state": "Show what the gate knows of a user.",
    "explain": "Tell the story of an order from the audit.",
    "verify": "Re-read the audit topic, check its chains and replay it bit for bit.",
    "transactions": "List transactions that a broker gave up half-way, and finish them.",
    "doctor": "Check the broker, the topics and this installation.",
}


class _LazyGroup(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:
        del ctx
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        del ctx
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = import_module(f"pipeline.commands.{cmd_name}").command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        del ctx
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.group(cls=_LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="tollgate")
def main() -> None:
    """Tollgate decides orders before they may reach a venue, exactly once, on Apache Kafka.

    Settings come from config/settings.yaml and the environment (KAFKA_BOOTSTRAP, TOLLGATE_...).
    `tollgate COMMAND --help` has examples.
    """


if __name__ == "__main__":
    main()
