"""Managers to test."""

from manager_fixtures import backend, manager, new_manager, records

__all__ = ["backend", "manager", "new_manager", "records"]
