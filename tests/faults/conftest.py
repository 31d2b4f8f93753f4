"""Instances with persistent workers."""

from persistent import environment, instance

__all__ = ["environment", "instance"]
