"""Fuzzing: a million hostile records of all five inputs through a lane, each judged for itself."""
