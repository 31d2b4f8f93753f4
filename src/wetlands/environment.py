"""What `EnvironmentManager.create` hands back: an environment, and the verbs to run code in it."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, Literal, TypeVar

from wetlands._modules.calling import Calling
from wetlands._modules.proxy import ModuleProxy
from wetlands._pool.limits import KEEP_SECONDS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from concurrent.futures import Executor
    from pathlib import Path
    from types import TracebackType

    from typing_extensions import Self

    from wetlands._plain.decoding import Accept
    from wetlands._spec import Commands
    from wetlands._store.debuggers import DebugEndpoint
    from wetlands.environment_manager import EnvironmentManager
    from wetlands.stream import Stream
    from wetlands.task import Task

__all__ = ["Environment"]

E = TypeVar("E", bound="Environment")


class Environment(Calling):
    """An environment, and the verbs to run code in it.

    ``module`` is always a path to a Python file on this machine (with or without ``.py``, relative to the current
    folder), or a dotted name that can be imported in the environment (``"scipy.ndimage"``). ``function`` is the name of
    a function in it, or a dotted one (``"Model.predict"``). The siblings of a file are importable from it, and a file
    that was edited is read again. Coroutine functions are awaited.

    As a context manager it is exited on the way out.

    Attributes:
        name: Its name.
        path: Its folder; None where there is none.
        environment_manager: The manager that made it.
    """

    def __init__(self, name: str, path: Path | None, environment_manager: EnvironmentManager) -> None:
        self.name = name
        self.path = path
        self.environment_manager = environment_manager

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.name!r} at {self.path}>"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, _type: type[BaseException] | None, _error: BaseException | None, _tb: TracebackType | None
    ) -> None:
        self.exit()

    @abstractmethod
    def launch(  # noqa: PLR0913 - independent options of the user, each by its name
        self,
        additional_activate_commands: Commands = {},  # noqa: B006 - the 1.x interface; it is never changed
        *,
        max_workers: int = 1,
        worker_env: Callable[[int], Mapping[str, str]] | None = None,
        worker_timeout: float | None = None,
        min_workers: int | None = None,
        idle_timeout: float | None = None,
        initializer: tuple[str | Path, str, Sequence[object]] | None = None,
        max_tasks_per_worker: int | None = None,
        max_memory: int | str | None = None,
        on_error: Literal["raise", "hold"] = "raise",
        hold_timeout: float = 600.0,
        preload: Sequence[str] = (),
        persistent: bool | Literal["tcp"] = False,
        keep_results: float = KEEP_SECONDS,
        accept: Accept | None = None,
    ) -> None:
        """Start the workers; does nothing when they run already.

        Args:
            additional_activate_commands: Shell lines that run once before the workers start; the variables that they
                set are the workers' too.
            max_workers: How many workers there are, each a process that runs one task at a time; with ``min_workers``,
                the most that there are.
            worker_env: Gives the variables to add for the worker of an index, also for its replacement.
            worker_timeout: Seconds that a running call may go without a sign of life: progress, an output, a log
                record, or a line that it prints. Then its worker is killed and replaced, and the call fails (category
                ``timeout``) with what the worker was doing: computing, waiting, or suspended. None, the default: a call
                may be silent for as long as it likes.
            min_workers: How many workers are started at launch, and are always kept; 0 is allowed. More are started, up
                to ``max_workers``, while calls wait for one. All, if not given.
            idle_timeout: Seconds after which a worker that has nothing to do is stopped, if there are more than
                ``min_workers``. None, the default: never. If they are persistent, all of them end that have no program
                and nothing to do for so long.
            initializer: A module, a function of it and its arguments: it is called in each worker before anything else,
                also in each replacement. Its result is dropped.
            max_tasks_per_worker: How many tasks a worker runs before a fresh one takes its place. Each item of a `map`
                is one. None, the default: any number.
            max_memory: Bytes, or text such as ``"2GB"`` or ``"512MiB"``: a worker that holds more once its task has
                ended is replaced by a fresh one. Arrays in shared memory do not count. None, the default: any amount.
            on_error: ``"hold"``: a call that raises waits, with its frames as they were, until a debugger was attached
                to its worker (see `debug`) and let it go on; a warning in the log says where it listens. Its
                time-outs, if it has any, go on.
            hold_timeout: Seconds that it waits for the debugger at most.
            preload: Names of modules to import once, in a process of which the workers and their replacements are
                forked in milliseconds; what they do not change of its memory is shared. On Windows, or if an import
                leaves threads running or has opened the GPU, the log says so, and workers are started as usual.
            persistent: Whether the workers outlive this program: after `detach`, or if it is killed, they finish what
                they do and wait for a program that takes them (`EnvironmentManager.attach`). They listen in a folder
                that only this user may enter; ``"tcp"`` has them listen at a port of the loopback interface instead.
                Not on Windows.
            keep_results: Seconds for which a persistent worker keeps the result of a call whose program is gone, see
                `pending_results`.
            accept: Which values are taken from the workers. ``"any"``: all that pickle can load, which runs code of the
                classes they are of. ``"plain"``: numbers, text, bytes, containers, dates, paths and arrays; any other
                fails its call (category ``serialization``). It is for environments whose packages are not trusted, see
                SECURITY.md. None: what the manager was told (``EnvironmentManager(accept=...)``).

        Raises:
            DebuggerError: A debugger is asked for (``on_error="hold"``, or ``debug=True`` of the manager), and this
                program has no debugpy.
            LaunchError: A worker could not be started, or the initializer failed; none is left running. The error
                carries the worker's output, or the failure.
            ValueError: An option makes no sense.
            ExecutionException: An argument of the initializer cannot cross.
        """

    @abstractmethod
    def launched(self) -> bool:
        """Whether calls can be made now."""

    @property
    @abstractmethod
    def worker_count(self) -> int:
        """How many workers there are now, those that are being started included; 0 when not launched."""

    @abstractmethod
    def run_script(
        self,
        path: str | Path,
        args: Sequence[object] = (),
        run_name: str = "__main__",
        *,
        timeout: float | None = None,
    ) -> dict[str, object]:
        """Run a script as ``python script.py args`` would, and wait for its end.

        Args:
            path: The script.
            args: Its ``sys.argv[1:]``, as text.
            run_name: Its ``__name__``.
            timeout: Seconds that it may run; see `execute`.

        Returns:
            Its public globals, as far as they can cross.

        Raises:
            ExecutionException: It raised, or left with ``sys.exit`` and another code than 0.
            NotLaunchedError: There are no workers.
        """

    @abstractmethod
    def submit_script(
        self,
        path: str | Path,
        args: Sequence[object] = (),
        run_name: str = "__main__",
        *,
        start: bool = True,
        timeout: float | None = None,
    ) -> Task[dict[str, object]]:
        """Run a script and go on; see `run_script` and `submit`."""

    @abstractmethod
    def map(
        self,
        module: str | Path,
        function: str,
        iterable: Iterable[object],
        *,
        timeout: float | None = None,
        ordered: bool = True,
        call_timeout: float | None = None,
        chunksize: int | None = None,
    ) -> Iterator[object]:
        """Call a function with each item, on all workers, and iterate over the results.

        The first calls begin at once, and a bounded number is ahead of what was taken; so the iterable may be long.

        Args:
            module: See the class.
            function: The name of the function; it is given one item as its only argument.
            iterable: The items.
            timeout: Seconds until the last result must have been taken.
            ordered: In the order of the items, or as they are completed.
            call_timeout: Seconds that each of the calls may run; see ``timeout`` of `execute`. A chunk of several has
                as many times that for all of them.
            chunksize: So many items go to one worker together, as one task, and their results come back together,
                which is fast for calls of microseconds. A call that fails fails by itself; a worker that dies takes
                the results of its chunk with it. None: one by one, or in small batches by how long the calls take,
                whose results come one by one. In the main environment it makes no difference.

        Returns:
            The results. The first failure is raised while iterating, and what is left is canceled.

        Raises:
            ValueError: ``chunksize`` or ``call_timeout`` is no such number.
        """

    @abstractmethod
    def stream(
        self,
        module: str | Path,
        function: str,
        args: Sequence[object] = (),
        kwargs: Mapping[str, object] = {},
        *,
        window: int = 16,
        timeout: float | None = None,
    ) -> Stream[object]:
        """Call a generator function and iterate over what it yields, while it runs.

        It begins at once, and runs ahead of whoever takes its items by ``window`` of them; then it waits at its
        ``yield``. When the stream is closed, forgotten, or its ``async for`` is cancelled, the generator is closed at
        the ``yield`` where it is: its ``finally`` blocks run.

        Asynchronous generators can be called too, and functions that return something iterable, such as a list; a
        single value fails, and so do text, bytes and dictionaries.

        Args:
            module: See the class.
            function: The name of the function.
            args: Its positional arguments; do not change large arrays among them before a worker has taken the task.
            kwargs: Its keyword arguments.
            window: How many items there may be that were made and not taken. They are kept in memory here.
            timeout: Seconds that the function may run; see `execute`. Waiting until items are taken does not count.

        Returns:
            A `Stream`: an iterator, an asynchronous iterator, and a context manager. What the generator returned is its
            ``value``.

        Raises:
            NotLaunchedError: There are no workers.
            ModuleNotResolvedError: There is no such file.
            ValueError: ``window`` or ``timeout`` is no such number.
        """

    @abstractmethod
    def stacks(self) -> dict[int, str]:
        """What every worker is doing now: its Python stacks as text, by the index of the worker; see `Task.stack`.

        Raises:
            NotLaunchedError: There are no workers.
        """

    @abstractmethod
    def debug(self) -> list[DebugEndpoint]:
        """Have each worker listen for a debugger, whatever it is doing, and say where; it can be asked again.

        Any editor that speaks the Debug Adapter Protocol can attach there (VS Code: ``"request": "attach"``). The
        debugger is the debugpy of this program, the environments need none; it stays in a worker until that ends.
        Calls run slower as soon as an editor is attached.

        Raises:
            DebuggerError: This program has no debugpy (``pip install "wetlands[debug]"``), or a worker cannot start it.
            NotLaunchedError: There are no workers.
        """

    def map_tasks(self, module: str | Path, function: str, iterable: Iterable[object]) -> list[Task[object]]:
        """Submit a task for each item; see `submit`."""
        return [self.submit(module, function, (item,)) for item in iterable]

    @abstractmethod
    def executor(self) -> Executor:
        """The environment as a `concurrent.futures.Executor`, for callables instead of names.

        What is found under its name in the standard library or in an installed package goes by that name, and is the
        environment's own; a function of a file of yours goes by that file, which the workers import; a lambda or a
        function defined in another one goes by its source, with a copy of what it captured. An exception comes as an
        `ExecutionException`.

        Shutting the executor down leaves the workers running. There may be several at the same time.

        Raises:
            NotLaunchedError: There are no workers.
        """

    def import_module(self, path: str | Path) -> ModuleProxy:
        """A stand-in for a module, with a callable for each of its public functions that runs it in the environment.

        The file is read here, never run; signatures and docstrings are kept. Calling a generator function gives a
        `Stream` of what it yields, as `stream` does, unless it has decorators.

        Raises:
            ModuleNotResolvedError: There is no such file, or it is no Python.
        """
        return ModuleProxy.of(path, self.execute, self.stream)

    def pending_results(self) -> list[Task[object]]:
        """What persistent workers have finished for a program that is gone, since they were attached to.

        Each is a task with the id that it had in its program, its result or its failure, and what it reported when
        nobody listened any more. Each is given once. A stream that nobody read is canceled; calls that waited for a
        worker went with their program.
        """
        return []

    def detach(self) -> None:
        """Let go of persistent workers: they stay, and finish what they do. Others are stopped, as by `exit`.

        Waiting tasks are canceled. Running ones fail here and go on there; the next program that attaches finds what
        became of them in `pending_results`.
        """
        self.exit()

    @abstractmethod
    def exit(self) -> None:
        """Stop the workers, all at the same time and with growing force; within seconds all are gone.

        Tasks that wait are canceled, running ones fail. It may be called more than once.
        """


def check_max_workers(max_workers: object) -> None:
    """Refuse what is no number of workers.

    Raises:
        ValueError: It is none.
    """
    if type(max_workers) is not int or max_workers < 1:
        raise ValueError(f"max_workers is a number from 1 up, not {max_workers!r}")
