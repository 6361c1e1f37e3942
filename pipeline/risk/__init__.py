"""The pure core: (lane state, input) -> effects. No I/O, no clock, no randomness, no float."""
