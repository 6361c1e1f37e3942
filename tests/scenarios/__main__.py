"""`python -m tests.scenarios FILE`: the file's table as the gate fills it, for who writes one."""

import sys
from pathlib import Path

from tests.scenarios.playing import play
from tests.scenarios.reading import FIRST_COLUMNS, ScenarioError, read_scenario


def main(arguments: list[str]) -> int:
    """Print the table of each file; 1 when one differs from what it says."""
    problems: list[str] = []
    for name in arguments:
        try:
            scenario = read_scenario(Path(name))
            differences, rows = play(scenario)
        except ScenarioError as error:
            problems.append(str(error))
            continue
        problems += differences
        header = [*FIRST_COLUMNS, *scenario.columns]
        widths = [max(map(len, column)) for column in zip(header, *rows, strict=True)]
        rule = "|".join("-" * (width + 2) for width in widths)
        lines = [
            " | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True))
            for row in (header, *rows)
        ]
        lines = [f"| {line} |" for line in lines]
        sys.stdout.write("\n".join([lines[0], f"|{rule}|", *lines[1:], "", ""]))
    sys.stderr.writelines(f"{problem}\n" for problem in problems)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
