"""What a worker process has imported before it is forked: everything.

Owns how a worker process comes to be. Importing takes longer than all the rest of a worker's start,
and a run starts dozens, so one process imports and forks them. The app itself is built by each
worker anew, from its own environment.
"""

import sys
from multiprocessing import get_context
from multiprocessing.context import ForkServerContext

import pipeline.app
import pipeline.commands.worker  # noqa: F401 -- imported for those to come

# The app of this process's environment: it has loaded what Faust loads only when an app is built.
del sys.modules["pipeline.app"]


def nursery() -> ForkServerContext:
    """The context whose processes are forked from one that has imported this module."""
    context = get_context("forkserver")
    context.set_forkserver_preload([__name__])
    return context
