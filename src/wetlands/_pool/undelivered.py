"""Answers that persistent workers have kept for whoever attaches next, as tasks that have ended."""

from __future__ import annotations
