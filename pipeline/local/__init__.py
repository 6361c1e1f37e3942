"""Kafka and workers as child processes of this machine, for `run`, `up`, tests and benches."""
