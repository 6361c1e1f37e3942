"""Measurements of the worker: how many orders a second, how long an answer takes, and why."""
