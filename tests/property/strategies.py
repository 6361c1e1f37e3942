"""Hypothesis strategies for histories.

Owns how a history is drawn, so that a failing one shrinks: a step of seed 0 does nothing, so the
shrinker blanks the steps that do not matter and is left with those that do.
"""

from typing import Final

from hypothesis import strategies as st

STEPS: Final = st.lists(st.integers(0, 2**32 - 1), min_size=60, max_size=150)
# Bounds of the memory by count that a history reaches again and again.
TIGHT_IDS_MAX: Final = st.integers(1, 60)
