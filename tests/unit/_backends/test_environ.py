from __future__ import annotations

import pytest

from wetlands._backends.environ import scrubbed


@pytest.mark.parametrize(
    "name",
    [
        "PYTHONHOME",
        "PYTHONPATH",
        "PYTHONEXECUTABLE",
        "PYTHONSTARTUP",
        "PYTHONPLATLIBDIR",
        "PYTHONINSPECT",
        "__PYVENV_LAUNCHER__",
        "VIRTUAL_ENV",
        "CONDA_PREFIX",
        "CONDA_DEFAULT_ENV",
        "CONDA_PREFIX_1",
        "CONDA_PYTHON_EXE",
        "_CE_CONDA",
        "PIXI_PROJECT_ROOT",
        "_MEIPASS2",
        "_PYI_ARCHIVE_FILE",
        "_PYI_PARENT_PROCESS_LEVEL",
    ],
)
def test_what_belongs_to_the_hosts_own_python_is_gone(name: str) -> None:
    assert {"HOME": "/home"} == scrubbed({name: "/elsewhere", "HOME": "/home"})


@pytest.mark.parametrize(
    "name", ["HOME", "LANG", "CUDA_VISIBLE_DEVICES", "PYTHONUNBUFFERED", "PYTHONUTF8", "HTTPS_PROXY", "PIXI_HOME"]
)
def test_what_belongs_to_the_user_stays(name: str) -> None:
    assert {name: "1"} == scrubbed({name: "1"})


def test_the_given_variables_are_not_changed() -> None:
    host = {"PYTHONHOME": "/elsewhere", "LD_LIBRARY_PATH_ORIG": "/usr/lib"}

    scrubbed(host)

    assert {"PYTHONHOME": "/elsewhere", "LD_LIBRARY_PATH_ORIG": "/usr/lib"} == host


def test_a_frozen_program_gives_back_the_library_path_of_the_user() -> None:
    host = {"LD_LIBRARY_PATH": "/tmp/_MEI1", "LD_LIBRARY_PATH_ORIG": "/opt/cuda/lib"}

    assert {"LD_LIBRARY_PATH": "/opt/cuda/lib"} == scrubbed(host)


def test_no_path_inside_the_bundle_of_a_frozen_program_leaks() -> None:
    host = {
        "_PYI_APPLICATION_HOME_DIR": "/tmp/_MEI1",
        "LD_LIBRARY_PATH": "/tmp/_MEI1:/opt/cuda/lib",
        "TCL_LIBRARY": "/tmp/_MEI1/_tcl_data",
        "QT_PLUGIN_PATH": "/tmp/_MEI1",
        "DATA": "/tmp/_MEI12/kept",
    }

    assert {"LD_LIBRARY_PATH": "/opt/cuda/lib", "DATA": "/tmp/_MEI12/kept"} == scrubbed(host, separator=":")
