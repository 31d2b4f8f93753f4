"""Arrays in shared memory with a handle; see `wetlands_worker.ndarray`, which a worker has under this name."""

from __future__ import annotations

from wetlands_worker.ndarray import (
    NDArray,
    SharedMemory,
    create_shared_array,
    get_shared_array,
    initialize_ndarray,
    register_ndarray_pickle,
    release_shared_memory,
    share_array,
    share_manage_array,
    unregister,
    unwrap,
    update_ndarray,
    wrap,
)

__all__ = [
    "NDArray",
    "SharedMemory",
    "create_shared_array",
    "get_shared_array",
    "initialize_ndarray",
    "register_ndarray_pickle",
    "release_shared_memory",
    "share_array",
    "share_manage_array",
    "unregister",
    "unwrap",
    "update_ndarray",
    "wrap",
]
