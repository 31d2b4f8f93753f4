"""What workers of the tests do with values of libraries that the program does not have."""

# mypy: ignore-errors


def frame(size):
    import numpy as np
    import pandas as pd

    return pd.DataFrame({"a": np.arange(size), "b": np.ones(size)})


def frame_total(value):
    return type(value).__name__, int(value["a"].sum()), float(value["b"].sum())


def table(size):
    import pyarrow as pa

    return pa.table({"a": pa.array(range(size))})


def table_total(value):
    import pyarrow.compute as pc

    return type(value).__name__, pc.sum(value["a"]).as_py()


def tensor(size):
    import torch

    return torch.ones(size, dtype=torch.float64)


def tensor_total(value):
    return type(value).__name__, float(value.sum())


def where_it_lies(value):
    """Whether the memory of a tensor is shared."""
    with open("/proc/self/maps", encoding="ascii") as maps:
        for line in maps:
            first, last = (int(word, 16) for word in line.split()[0].split("-"))
            if first <= value.data_ptr() < last:
                return "memfd:wetlands" in line
    return None
