"""Regulatory documents: from the day's events to XML that can be traced back to its inputs."""
