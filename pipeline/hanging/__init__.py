"""Transactions that a broker gave up without their end: found, told apart and finished.

Kafka's own tool finds them and can only abort them; one that had committed would lose its records.
"""
