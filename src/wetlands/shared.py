"""Arrays that processes share by choice; see `wetlands_worker.shared`, which a worker has under this name."""

from __future__ import annotations

from wetlands_worker.shared import copy_of, empty, is_shared, zeros

__all__ = ["copy_of", "empty", "is_shared", "zeros"]
