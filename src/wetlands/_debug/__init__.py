"""Debugging what workers run: where the debugger is, where it listens, and how an editor is told."""
