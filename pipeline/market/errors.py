"""What stops a replay."""


class ReplayError(RuntimeError):
    """The replay cannot start or go on; the text says why and what to do."""
