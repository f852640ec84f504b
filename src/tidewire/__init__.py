"""Tidewire: streams that arrive."""

__version__ = "0.1.0"
