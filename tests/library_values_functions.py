"""Values of other libraries cross through shared memory as they were; run with a Python that has those libraries.

``python library_values_functions.py pandas pyarrow`` says which did, one a line.
"""

# mypy: ignore-errors

import sys

from exchanges import a_connection, decoded, frame_of
from wetlands_worker.exchange import Lease

LARGE = 50_000


def of_pandas():
    import numpy as np
    import pandas as pd

    frame = pd.DataFrame(
        {
            "numbers": np.arange(LARGE),
            "fractions": np.linspace(0, 1, LARGE, dtype="f4"),
            "times": pd.date_range("2024-02-29", periods=LARGE, freq="s", tz="Europe/Berlin"),
            "words": pd.Series(["a", "bc", None, "d"] * (LARGE // 4), dtype="string"),
            "kinds": pd.Categorical(["x", "y"] * (LARGE // 2)),
            "gaps": pd.array([1, None] * (LARGE // 2), dtype="Int64"),
        },
        index=pd.Index(np.arange(LARGE) * 2, name="even"),
    )
    yield frame, pd.testing.assert_frame_equal
    yield frame["times"], pd.testing.assert_series_equal
    yield frame.index, pd.testing.assert_index_equal


def of_pyarrow():
    import pyarrow as pa

    numbers = pa.array(range(LARGE))
    words = pa.array(["a", None, "bcd", "", "é"] * (LARGE // 5))
    table = pa.table({"numbers": numbers, "words": words, "lists": pa.array([[1], None] * (LARGE // 2))})
    for value in (numbers, words, pa.chunked_array([words, words]), table, table.to_batches()[0], table.schema):
        yield value, equal


def of_torch():
    import torch

    def same(expected, actual):
        assert (type(expected), expected.dtype, expected.stride()) == (type(actual), actual.dtype, actual.stride())
        assert (expected.requires_grad, expected.layout) == (actual.requires_grad, actual.layout)
        assert torch.equal(expected.detach(), actual.detach())

    numbers = torch.arange(float(LARGE)).view(LARGE // 10, 10)
    yield numbers, same
    yield numbers.t(), same
    yield numbers.bfloat16(), same
    yield numbers.clone().requires_grad_(), same
    yield torch.nn.Parameter(numbers), same
    yield numbers.to(torch.complex64), same
    for small in (torch.tensor(5), torch.empty(0, 3), torch.tensor([True, False]), torch.ones(2, 3).t()):
        yield small, same
    yield torch.nn.Linear(200, 200), lambda expected, actual: same(expected.weight, actual.weight)
    yield numbers[::3, 1], lambda expected, actual: same(expected.contiguous(), actual)
    yield torch.ones(2, dtype=torch.complex64).conj(), equal
    sparse = torch.eye(50).to_sparse()
    yield sparse, lambda expected, actual: same(expected.to_dense(), actual.to_dense())


def equal(expected, actual):
    assert type(expected) is type(actual)
    assert expected.equals(actual) if hasattr(expected, "equals") else bool((expected == actual).all())


def main(libraries):
    with a_connection() as ends:
        for library in libraries:
            shared = 0
            for value, check in globals()[f"of_{library}"]():
                frame = frame_of(value, *ends)
                shared += sum(isinstance(part, Lease) for part in frame[3])
                there = decoded(frame)
                check(value, there)
                check(value, decoded(frame_of(there, *reversed(ends))))
                del there, frame
            assert shared > 0, f"nothing of {library} went through shared memory"
            print(library, flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
