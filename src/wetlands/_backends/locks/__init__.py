"""Locks: exactly which packages, as a file in the format of ``pixi.lock``."""
