"""What holds for every test: it runs alone in a temporary folder of its session, and leaves nothing behind."""

from __future__ import annotations

import os
import shutil
import signal
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

import leaks
from interpreters import found

if TYPE_CHECKING:
    from collections.abc import Iterator

    from conda_channel import Channel


if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # Who is started in the background by a shell has Ctrl-C ignored, and hands that on to the programs of the tests.
    signal.signal(signal.SIGINT, signal.default_int_handler)

# The machine may be busy, so no example has to come by a time; a timeout of pytest holds every test.
settings.register_profile("patient", deadline=None)
settings.load_profile("patient")

_MOST_TEST_PROCESSES = 4  # each test may start several workers of its own


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """The whole suite, or a folder of it, runs in parallel; a named file runs in this process."""
    if all(Path(argument.split("::")[0]).is_file() for argument in config.args):
        return 0
    return max(1, min(os.cpu_count() or 1, _MOST_TEST_PROCESSES))


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """A test that takes `interpreter` runs under each Python of this machine."""
    if "interpreter" in metafunc.fixturenames:
        metafunc.parametrize("interpreter", found().values(), ids=found().keys(), indirect=True)


@pytest.fixture
def interpreter(request: pytest.FixtureRequest) -> Path:
    """One interpreter of this machine; the ids are the versions, so `-k 3.8` selects one."""
    path: Path = request.param
    return path


@pytest.fixture(scope="session")
def numpy_environments(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the environments of `numpys` are; those of all test processes, so that each is built once."""
    base = tmp_path_factory.getbasetemp()
    return (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "numpy environments"


@pytest.fixture(autouse=True, scope="session")
def _own_temporary_folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """A temporary folder that no other test process uses: whatever is new in it was left by our test."""
    tmp_path_factory.getbasetemp()  # made now, outside of the folder that is watched
    leaks.mark_descendants()
    folder = tempfile.mkdtemp(prefix="wltest-")
    with pytest.MonkeyPatch.context() as patch:
        for variable in ("TMPDIR", "TEMP", "TMP"):
            patch.setenv(variable, folder)
        patch.setattr(tempfile, "tempdir", None)
        yield
    shutil.rmtree(folder)


@pytest.fixture(scope="session")
def channel(_own_temporary_folder: None) -> Channel:
    """A conda channel of our own; what the engine keeps open from its first use on is no leak."""
    from conda_channel import channel, start_engine

    with leaks.allow():
        built = channel()
        start_engine(built)
    return built


@pytest.fixture(autouse=True)
def _no_leaks(_own_temporary_folder: None) -> Iterator[None]:
    """Fail a test that leaves a process, thread, descriptor, temporary file or shared memory behind."""
    before = leaks.snapshot()
    yield
    leaked = leaks.new_since(before)
    leaks.end(leaked)
    if leaked:
        pytest.fail("the test left behind\n" + "\n".join(f"  {leak}" for leak in leaked), pytrace=False)
