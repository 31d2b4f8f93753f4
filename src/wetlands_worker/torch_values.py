"""How tensors of torch cross: their memory as one buffer. Torch itself would write them to a file in memory, twice.

Dense tensors in the memory of the CPU are described here, and so are the parameters and modules that are made of them.
All others (sparse, quantized, on a GPU, subclasses with data of their own) are pickled as torch does it.
"""

import sys
from _pickle import PickleBuffer

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    Reduced = Any  # a tuple as __reduce_ex__ returns one, or NotImplemented
    Reducer = Callable[[Any], Reduced]

__all__ = ["make_tensor", "reducers"]


def reducers(library: str) -> "dict[type, Reducer]":
    """The reducers for the types of torch; none while it is still being imported."""
    torch = sys.modules[library]
    if getattr(getattr(torch, "__spec__", None), "_initializing", False) or not hasattr(torch, "Tensor"):
        return {}
    return {torch.Tensor: _reduce_tensor if hasattr(torch, "frombuffer") else _reduce_not}


def _reduce_not(_tensor: object) -> "Reduced":
    return NotImplemented


def _reduce_tensor(tensor: "Any") -> "Reduced":
    if not _is_plain(tensor):
        return NotImplemented
    import ctypes  # noqa: PLC0415 - torch has loaded it

    data = tensor.detach()
    turned = data.permute(tuple(reversed(range(data.dim()))))
    fortran = not data.is_contiguous() and turned.is_contiguous()
    data = turned if fortran else data.contiguous()
    size = data.numel() * data.element_size()
    memory: "Any" = (ctypes.c_char * size).from_address(data.data_ptr()) if size else bytearray()
    if size:
        memory.tensor = data  # keeps it
    dtype = str(tensor.dtype).rpartition(".")[2]
    return make_tensor, (dtype, tuple(data.shape), fortran, tensor.requires_grad, PickleBuffer(memory))


def _is_plain(tensor: "Any") -> bool:
    torch = sys.modules["torch"]
    return (
        type(tensor) is torch.Tensor
        and tensor.device.type == "cpu"
        and tensor.layout is torch.strided
        and not (tensor.is_quantized or tensor.is_conj() or tensor.is_neg())
        and not (tensor.__dict__ or tensor._backward_hooks)  # noqa: SLF001 - as torch asks when it pickles
    )


def make_tensor(
    dtype: str,
    shape: "tuple[int, ...]",
    fortran: bool,  # noqa: FBT001 - called by pickle
    grad: bool,  # noqa: FBT001 - the same
    buffer: "Any",
) -> "Any":  # a tensor
    """Rebuild a tensor on the memory that arrived."""
    import torch  # type: ignore[import-not-found]  # noqa: PLC0415 - part of the environment or not

    kind = getattr(torch, dtype)
    data = torch.frombuffer(buffer, dtype=kind) if len(buffer) else torch.empty(0, dtype=kind)
    data = data.view(shape)
    if fortran:
        data = data.permute(tuple(reversed(range(data.dim()))))
    return data.requires_grad_() if grad else data
