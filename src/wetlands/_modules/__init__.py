"""Modules of the user, seen from the host: named, read, never run here."""
