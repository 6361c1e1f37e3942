"""Which versions of the core this release can behave as.

Owns the list, and the refusal of a version that is not in it. A change of a rule is a branch on the
version in force in the lane (`rules.core_version >= 2`), never a replacement: a release must come
to the very bytes that every version of its list came to. Compiled with mypyc.
"""

from typing import Final

from pipeline.risk.state import InvariantViolated

# Oldest first. A new lane begins with the oldest and is told by control when to go on.
CORE_VERSIONS: Final[tuple[int, ...]] = (1,)


class UnknownCore(InvariantViolated):
    """A lane needs a core that this release does not have: nothing may be decided or committed."""

    def __init__(self, version: int, lane: int) -> None:
        super().__init__(
            f"lane {lane} needs core {version}, this release knows {known_cores()}: "
            "run a release that knows it"
        )
        self.version: Final = version


def known_cores() -> str:
    """The list in words: "core 1", "cores 1, 2"."""
    versions = ", ".join([str(version) for version in CORE_VERSIONS])
    return f"core {versions}" if len(CORE_VERSIONS) == 1 else f"cores {versions}"


def require_known(version: int, lane: int) -> None:
    """Raise UnknownCore unless this release can behave as core `version`."""
    if version not in CORE_VERSIONS:
        raise UnknownCore(version, lane)
