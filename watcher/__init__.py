"""Tells administrators that an update is out, was pulled, or is back as v2."""

__version__ = "1.0.0"
