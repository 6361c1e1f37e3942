"""Recorded market data as the traffic of a gate: read it, give it accounts, replay it."""
