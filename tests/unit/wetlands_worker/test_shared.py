from __future__ import annotations

import gc
import pickle
import sys
import threading
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from arrays import DTYPES, filled
from pools import in_thread
from wetlands import ndarray as helpers
from wetlands import shared
from wetlands.ndarray import NDArray, SharedMemory
from wetlands_worker import handover, shared_memory
from wetlands_worker.shared import make_shared, memory_under
from wetlands_worker.values import EncodeError, decode, encode

if TYPE_CHECKING:
    from pathlib import Path

PLAIN = [dtype for dtype in DTYPES if not dtype.hasobject]


@pytest.fixture(autouse=True)
def _nothing_stays_lent() -> Any:  # noqa: ANN401 - a generator
    yield
    gc.collect()
    handover._lender._settle()
    with handover._lender._lock:
        left = len(handover._lender._lent)
        handover._lender._lent.clear()
    assert 0 == left


@pytest.fixture
def named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A system without memory that has no name, and the folder where it has one."""

    def missing() -> int:
        raise OSError

    monkeypatch.setattr(shared_memory, "_unnamed", missing)
    monkeypatch.setattr(shared_memory, "_folder", lambda: str(tmp_path))
    return tmp_path


def crossed(value: Any) -> Any:  # noqa: ANN401 - any value
    return decode(*encode(value))


@pytest.mark.parametrize("dtype", PLAIN, ids=str)
@pytest.mark.parametrize("shape", [(), (0,), (3, 0), (2, 3, 4)])
def test_a_copy_is_equal_and_crosses_by_reference(shape: tuple[int, ...], dtype: np.dtype[Any]) -> None:
    array = filled(shape, dtype)

    copy = shared.copy_of(array)
    there = crossed(copy)

    assert (array.dtype, array.shape, array.tobytes()) == (there.dtype, there.shape, there.tobytes())
    assert memory_under(copy) is memory_under(there)


def test_an_empty_array_is_what_numpy_would_make() -> None:
    array = shared.empty((2, 3), ("f4", (5,)), order="F")

    assert np.ndarray is type(array)
    assert ((2, 3, 5), np.dtype("f4"), True) == (array.shape, array.dtype, array.flags.f_contiguous)
    assert (4,) == shared.zeros(4, "i8").shape
    assert 0 == shared.zeros((9, 9)).any()


def test_objects_and_negative_lengths_are_refused() -> None:
    with pytest.raises(TypeError, match="cannot be shared"):
        shared.empty(3, "O")
    with pytest.raises(ValueError, match="negative length"):
        shared.empty((3, -1))
    with pytest.raises(TypeError, match="dimensions of its own"):
        NDArray(shape=3, dtype=("f4", (2,)))


def test_memory_that_does_not_exist_is_an_error_of_the_call() -> None:
    with pytest.raises(OSError, match="no shared memory of"):
        shared.empty(1 << 62, "u1")


def test_masked_arrays_and_subclasses_share_what_they_stand_on() -> None:
    array = shared.zeros(5)
    there = crossed([np.ma.array(array, mask=False, copy=False), array.view(np.recarray)])
    array[...] = 3

    assert [3.0] * 5 == there[0].data.tolist()
    assert [3.0] * 5 == there[1].tolist()


def test_the_memory_ends_with_the_last_view() -> None:
    array = shared.zeros(1000)
    view = array[10:20][::2]
    name = memory_under(array).name  # type: ignore[union-attr]
    del array
    gc.collect()
    assert SharedMemory(name=name).size >= 8000
    del view
    gc.collect()

    with pytest.raises(FileNotFoundError, match="is gone: the process that sent it"):
        SharedMemory(name=name)


@pytest.mark.parametrize("name", ["psm_1234", "wl-1-2", "wl-x-y-z-a", "/tmp/other"])
def test_other_names_are_refused(name: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - two reasons
        SharedMemory(name=name)


def test_an_ndarray_is_used_by_its_properties() -> None:
    array = np.arange(6, dtype="i2").reshape(2, 3)
    with NDArray(array) as ndarray:
        kept = ndarray.array
        kept[0, 0] = 9

        assert ((2, 3), np.dtype("i2"), 12) == (ndarray.shape, ndarray.dtype, ndarray.shm.size)
        assert 9 == ndarray.shm.buf[0]
        assert 0 == array[0, 0]
        assert len(ndarray.shm.name) <= 30
    assert 9 == kept[0, 0]


@pytest.mark.parametrize("use", [lambda it: it.array, lambda it: it.shm.buf, pickle.dumps])
def test_use_after_close_is_a_clear_error(use: Any) -> None:  # noqa: ANN401 - three functions
    ndarray = NDArray(np.zeros(3))
    ndarray.close()
    ndarray.close()
    ndarray.unlink()

    with pytest.raises(ValueError, match="was closed here; use it before"):
        use(ndarray)
    assert (3,) == ndarray.shape


def test_what_was_unlinked_stays_here_and_is_not_sent() -> None:
    ndarray = NDArray(np.ones(3))
    ndarray.unlink()

    assert 3 == ndarray.array.sum()
    with pytest.raises(EncodeError, match="was unlinked"):
        encode(ndarray)


def test_an_ndarray_is_picklable_by_reference() -> None:
    helpers.register_ndarray_pickle()
    ndarray = NDArray(np.ones(3))

    there = pickle.loads(pickle.dumps(ndarray))
    there.array[...] = 4

    assert 12 == ndarray.array.sum()


def test_an_ndarray_stands_on_given_memory() -> None:
    shm = SharedMemory(create=True, size=16)
    NDArray(np.array([1, 2], "i8"), shm=shm)

    assert [1, 2] == NDArray(shm=shm, shape=2, dtype="i8").array.tolist()
    with pytest.raises(ValueError, match="needs 24 bytes"):
        NDArray(shm=shm, shape=3, dtype="i8")
    with pytest.raises(TypeError, match="needs an array, or a shape and a dtype"):
        NDArray(shm=shm)
    with pytest.raises(TypeError, match="shm is a bytes"):
        NDArray(shm=b"", shape=3, dtype="i8")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="either made"):
        SharedMemory()


def test_an_update_keeps_the_memory_where_it_fits() -> None:
    first = helpers.initialize_ndarray((2, 2))
    same = helpers.update_ndarray(first, np.ones((2, 2)))
    other = helpers.update_ndarray(np.zeros(3, "i4"), first)

    assert same is first
    assert ((3,), np.dtype("i4")) == (other.shape, other.dtype)
    with pytest.raises(ValueError, match="was closed"):
        _ = first.array
    assert [7] == helpers.initialize_ndarray(np.array([7])).array.tolist()
    assert 2 == helpers.update_ndarray(None, np.ones(2)).array.sum()


def test_the_helpers_share_by_plain_values() -> None:
    array, shm = helpers.create_shared_array((2,), "f8")
    again, other = helpers.unwrap(helpers.wrap(array, shm))
    again[1] = 5
    assert [0, 5] == array.tolist()
    for handle in (shm, other, None):
        helpers.release_shared_memory(handle)
        helpers.unregister(handle)

    with helpers.share_manage_array(np.ones(4)) as wrapped, helpers.get_shared_array(wrapped) as inside:
        assert 4 == inside.sum()
    assert [2, 2] == helpers.share_array([2, 2])[0].tolist()


def test_without_numpy_a_view_arrives_as_its_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    array = shared.copy_of(np.arange(12, dtype="u1").reshape(3, 4))
    view = array[::2, ::-1]
    monkeypatch.setattr("wetlands_worker.shared.numpy_here", _no_numpy)

    raw = crossed(view)

    assert (view.shape, view.tobytes()) == (raw.shape, bytes(raw.memory))
    assert b"\x05" == bytes(crossed(array[1:2, 1:2].reshape(())).memory)
    with NDArray(shape=(2,), dtype="<f8") as ndarray, pytest.raises(ModuleNotFoundError):
        _ = ndarray.array


def _no_numpy() -> None:
    raise ModuleNotFoundError


def test_what_nobody_receives_is_kept_for_a_bounded_time() -> None:
    lender = handover.Lender(patience=0)
    lender.lend(shared_memory.create(10))

    for _ in range(1000):
        if not lender.outstanding():
            break
        lender._settle()
    assert 0 == lender.outstanding()


def test_what_is_lent_for_a_call_is_kept_as_long_as_the_call() -> None:
    lender = handover.Lender(patience=-1)
    holder = handover.Holder()
    with holder:
        lender.lend(shared_memory.create(10))
    lender._settle()
    assert 1 == lender.outstanding()

    del holder
    lender._settle()
    assert 0 == lender.outstanding()


def test_no_more_than_a_page_of_them_is_lent() -> None:
    lender = handover.Lender(places=4096)
    memory = shared_memory.create(10)
    places = [lender.lend(memory)[1] for _ in range(5000)]
    assert 4096 == lender.outstanding()

    lender._patience = 0
    for place in set(places):
        lender._page[place] = 1  # type: ignore[index]
    lender._settle()
    assert 0 == lender.outstanding()


def test_named_memory_is_removed_with_its_last_user(named: Path) -> None:
    array = shared.zeros(100)
    ndarray = NDArray(np.ones(10))
    there = crossed([array, ndarray])
    array[...] = 2
    assert (200, 10) == (there[0].sum(), there[1].array.sum())
    assert 2 <= len(list(named.iterdir()))

    del array, ndarray, there
    _settled(named)


def test_unlinking_named_memory_takes_its_name_at_once(named: Path) -> None:
    ndarray = NDArray(np.ones(10))
    ndarray.unlink()

    assert [] == list(named.iterdir())
    assert 10 == ndarray.array.sum()


def test_what_a_killed_process_left_is_swept_and_what_is_used_is_not(named: Path) -> None:
    (named / "wl-abandoned").write_bytes(b"x")
    (named / "other").write_bytes(b"x")
    ndarray = NDArray(np.ones(10))

    shared_memory.sweep(str(named), young=60)
    shared_memory.sweep(str(named), young=-1)

    assert {"other", ndarray.shm.name.rpartition("/")[2]} == {path.name for path in named.iterdir()}


@pytest.fixture
def _frequent_turns() -> Any:  # noqa: ANN401 - a generator
    """Threads take turns as often as can be."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


def at_once(work: Any) -> None:  # noqa: ANN401 - a function
    """Run it on some threads; what one of them raises is raised."""
    for finish in [in_thread(work) for _ in range(3)]:
        finish()


@pytest.mark.usefixtures("_frequent_turns")
def test_memory_that_is_let_go_of_is_found_by_no_other_thread() -> None:
    def work() -> None:
        for _ in range(300):
            kept = [shared_memory.create(100)]
            name = kept[0].name
            last = threading.Thread(target=kept.clear)
            last.start()
            try:
                found = shared_memory.find(name)
            except FileNotFoundError:
                continue  # it was gone already
            finally:
                last.join()
            found[0] = 1
            assert found.name, "its file is open"

    at_once(work)


@pytest.mark.usefixtures("_frequent_turns")
def test_the_file_of_new_memory_is_not_taken_for_one_that_is_being_removed(named: Path) -> None:
    def work() -> None:
        for _ in range(500):  # file systems give the number of a removed file to the next one
            shared_memory.create(100)[0] = 1

    at_once(work)
    assert [] == list(named.iterdir())


def _settled(folder: Path) -> None:
    for _ in range(1000):
        gc.collect()
        handover._lender._settle()
        if not list(folder.iterdir()):
            return
    assert [] == list(folder.iterdir())


def test_make_shared_tells_when_the_memory_is_gone() -> None:
    with pytest.raises(FileNotFoundError):
        make_shared(("wl-1-2-3-4", ("wl-1-2-3-5", 0)), "<f8", (1,), (8,), 0, True)
