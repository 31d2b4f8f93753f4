"""A worker starts and answers under every Python found, whatever surrounds it."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path
from textwrap import dedent
from typing import TYPE_CHECKING

import pytest

from pools import FUNCTIONS, an_environment, eventually, pool_of
from wetlands.exceptions import ExecutionException
from wetlands.task import TaskFailureCategory

if TYPE_CHECKING:
    from wetlands.external_environment import ExternalEnvironment

pytestmark = pytest.mark.compat

ODD = "odd (paths) with spaces, ümläuts and 漢字"

HOSTILE = """
import builtins, sys, os
print("sitecustomize writes to stdout", end="")
sys.path.insert(0, os.path.dirname(__file__))
sys.setrecursionlimit(500)
os.environ["CUSTOMIZED"] = "yes"
"""


def write(folder: Path, name: str, text: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / name
    path.write_text(dedent(text), encoding="utf-8")
    return path


def version_of(environment: ExternalEnvironment) -> str:
    return str(environment.execute("platform", "python_version")).rpartition(".")[0]


def test_it_starts_and_answers_with_values_and_errors(interpreter: Path, request: pytest.FixtureRequest) -> None:
    with an_environment(interpreter) as environment:
        assert request.node.callspec.id == version_of(environment)
        values = [1, -2.5, "text", b"bytes", None, {"a": (1, {2, 3})}, 1j, range(3), Path("x") / "y"]
        assert values == environment.execute(FUNCTIONS, "echo", (values,))
        with pytest.raises(ExecutionException, match="Remote ValueError from pool_functions: bad input") as caught:
            environment.execute(FUNCTIONS, "fail")
        remote = caught.value.failure.remote_exception
        assert remote is not None
        assert remote.cause is not None
        assert ("ValueError", "KeyError") == (remote.type_name, remote.cause.type_name)
        assert "raise ValueError(message) from error" in str(caught.value.failure.traceback)


def test_tasks_coroutines_scripts_and_maps_work(interpreter: Path, tmp_path: Path) -> None:
    script = write(tmp_path, "script.py", "import sys\nresult = [int(a) for a in sys.argv[1:]]\nsys.exit(0)\n")
    with an_environment(interpreter, max_workers=2) as environment:
        task = environment.submit(FUNCTIONS, "steps", (3,)).wait_for(20)
        assert ("COMPLETED", 3) == (task.status.name, task.maximum)
        assert "value" == environment.execute(FUNCTIONS, "coroutine", ("value",))
        assert {"result": [1, 2]} == environment.run_script(script, (1, 2))
        assert list(range(500)) == list(environment.map(FUNCTIONS, "echo", range(500)))


def test_a_hostile_sitecustomize_and_odd_paths_change_nothing(interpreter: Path, tmp_path: Path) -> None:
    folder = tmp_path / ODD
    write(folder, "sitecustomize.py", HOSTILE)
    write(folder, "frames.py", "raise RuntimeError('a module of the user took the place of ours')")
    write(folder, "values.py", "raise RuntimeError('a module of the user took the place of ours')")
    module = write(folder, "mein módulo.py", "import os\n\ndef see():\n    return os.environ['CUSTOMIZED'], __file__\n")
    with an_environment(interpreter, variables={"PYTHONPATH": str(folder)}) as environment:
        assert ("yes", str(module.resolve())) == environment.execute(module, "see")


@pytest.mark.parametrize("name", ["protocol.py", "pickle.py", "frames.py", "struct.py"])
def test_a_module_of_the_user_may_have_a_name_of_ours_or_of_the_standard_library(
    interpreter: Path, tmp_path: Path, name: str
) -> None:
    module = write(tmp_path, name, "import sibling\n\ndef who():\n    return sibling.NAME, __file__\n")
    write(tmp_path, "sibling.py", "NAME = 'the sibling'\n")
    other = write(
        tmp_path, "other.py", "import pickle\n\ndef dumps(value):\n    return pickle.loads(pickle.dumps(value))\n"
    )
    with an_environment(interpreter) as environment:
        assert ("the sibling", str(module.resolve())) == environment.execute(module, "who")
        assert [1] == environment.execute(other, "dumps", ([1],))
        assert ("the sibling", str(module.resolve())) == environment.execute(module, "who")


def test_each_line_is_logged_with_the_task_that_wrote_it(interpreter: Path, tmp_path: Path) -> None:
    module = write(
        tmp_path,
        "speaker.py",
        """
        import os
        import sys

        def speak(text):
            print(text, end="")              # no newline: the protocol must not mind
            print(text, file=sys.stderr)
            sys.stdout.flush()
            os.write(1, b" and past Python")
        """,
    )
    seen: list[tuple[str, object, object]] = []
    with an_environment(interpreter) as environment:
        output = pool_of(environment).workers[0].process.output
        output.subscribe(lambda line, context: seen.append((line, context["stream"], context["task_id"])))
        tasks = [environment.submit(module, "speak", (text,)).wait_for(20) for text in ("one", "two")]
        eventually(lambda: len(seen) >= 3, "the lines arrive")  # the last stdout line ends with the process
    expected = [("one", "stderr", tasks[0].id), ("two", "stderr", tasks[1].id)]
    assert expected == [line for line in seen if line[1] == "stderr"]
    assert [("one and past Python", "stdout", tasks[0].id), ("two and past Python", "stdout", tasks[1].id)] == [
        line for line in seen if line[1] == "stdout"
    ]


def test_children_of_a_task_neither_hold_nor_break_the_connections(interpreter: Path, tmp_path: Path) -> None:
    module = write(
        tmp_path,
        "children.py",
        """
        import concurrent.futures
        import multiprocessing
        import os
        import subprocess
        import sys

        def square(x):
            return x * x

        def pools(method):
            context = multiprocessing.get_context(method)
            with context.Pool(2) as pool:
                squares = pool.map(square, range(4))
            with concurrent.futures.ThreadPoolExecutor(2) as threads:
                return squares, list(threads.map(square, range(4)))

        def outlived():
            code = "import sys; print('up', flush=True); sys.stdin.read()"  # once it is up, it opens no more files
            child = subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
            child.stdout.readline()
            return child.pid, os.listdir(f"/proc/{child.pid}/fd") if os.path.isdir("/proc") else []

        def forked():
            if os.fork() == 0:
                return "the child comes back"
            return "the parent"
        """,
    )
    squares = [0, 1, 4, 9]
    with an_environment(interpreter) as environment:
        assert (squares, squares) == environment.execute(module, "pools", ("spawn",))
        assert (squares, squares) == environment.execute(module, "pools", ("fork",))
        _, descriptors = ast.literal_eval(repr(environment.execute(module, "outlived")))
        assert {"0", "1", "2"} >= set(descriptors)
        assert "the parent" == environment.execute(module, "forked")
        assert "still here" == environment.execute(FUNCTIONS, "echo", ("still here",))


def test_a_function_that_leaves_or_is_interrupted_leaves_the_worker(interpreter: Path) -> None:
    with an_environment(interpreter) as environment:
        before = environment.execute(FUNCTIONS, "pid")
        with pytest.raises(ExecutionException) as caught:
            environment.execute(FUNCTIONS, "raises_exit", (3,))
        assert TaskFailureCategory.REMOTE_EXCEPTION is caught.value.failure.category
        assert before == environment.execute(FUNCTIONS, "pid")


@pytest.mark.integration
@pytest.mark.network
@pytest.mark.parametrize("versions", [("1.26.4", "2.2.4"), ("2.2.4", "1.26.4")], ids=["host 1", "host 2"])
def test_arrays_cross_between_a_host_and_workers_of_other_numpys(tmp_path: Path, versions: tuple[str, str]) -> None:
    """Through real environments on both sides; the laws of values hold for every pair in tests/worker."""
    if sys.version_info >= (3, 13):
        pytest.skip("numpy 1.26 has no wheels for this Python")
    here, there = versions
    program = write(
        tmp_path,
        "host.py",
        f"""
        import numpy
        from wetlands import EnvironmentManager

        assert numpy.__version__ == {here!r}
        with EnvironmentManager({str(tmp_path / "instance")!r}) as manager:
            env = manager.create("other", {{"pip": ["numpy=={there}"]}})
            env.launch()
            array = numpy.arange(200_000, dtype="float32").reshape(400, 500)[::2]
            masked = numpy.ma.masked_equal(numpy.array([1, 2, 3]), 2)
            version, same, mask = env.execute({str(tmp_path / "arrays.py")!r}, "look", (array, masked))
            assert numpy.array_equal(array, same) and same.dtype == array.dtype
            assert mask.mask.tolist() == [False, True, False]
            print(version)
        """,
    )
    write(tmp_path, "arrays.py", "import numpy\n\ndef look(*arrays):\n    return (numpy.__version__, *arrays)\n")
    root = Path(__file__).parents[2]
    venv = tmp_path / "venv"
    uv = [sys.executable, "-m", "uv"]
    subprocess.run([*uv, "venv", "-q", "--python", sys.executable, str(venv)], check=True)
    python = venv / "bin" / "python"
    subprocess.run([*uv, "pip", "install", "-q", "--python", str(python), str(root), f"numpy=={here}"], check=True)
    done = subprocess.run([str(python), str(program)], check=False, capture_output=True, text=True, timeout=100)
    assert (there, "") == (done.stdout.strip(), done.stderr)
