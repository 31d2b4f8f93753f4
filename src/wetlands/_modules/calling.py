"""The verbs that call a function and go for its result, or for a reference to it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Literal, overload

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from wetlands.ref import Ref
    from wetlands.task import Task

__all__ = ["Calling"]


class Calling(ABC):
    """`execute` and `submit`; what they come to, subclasses say."""

    @overload
    def execute(
        self,
        module: str | Path,
        function: str,
        args: Sequence[object] = (),
        kwargs: Mapping[str, object] = {},
        *,
        keep: Literal[False] = False,
        timeout: float | None = None,
    ) -> object: ...

    @overload
    def execute(
        self,
        module: str | Path,
        function: str,
        args: Sequence[object] = (),
        kwargs: Mapping[str, object] = {},
        *,
        keep: Literal[True],
        timeout: float | None = None,
    ) -> Ref[object]: ...

    def execute(
        self,
        module: str | Path,
        function: str,
        args: Sequence[object] = (),
        kwargs: Mapping[str, object] = {},
        *,
        keep: bool = False,
        timeout: float | None = None,
    ) -> object:
        """Call a function and wait for its result.

        Args:
            module: See the class.
            function: The name of the function.
            args: Its positional arguments. They are copied to the worker: what it changes in them is not seen here.
                Functions of your files, lambdas, and methods of objects among them are not copied: they can be called
                there, and run here, on threads of their own.
            kwargs: Its keyword arguments.
            keep: Return a `Ref` instead: the arrays in the result stay where the worker wrote them, for other calls, in
                this or another environment, that are passed the Ref.
            timeout: Seconds that it may run, counted from when a worker takes it. A call that runs longer fails
                (category ``timeout``, with the stack of the worker as its traceback); its worker is killed and
                replaced.

        Returns:
            What the function returned.

        Raises:
            ExecutionException: The call failed; ``.failure`` says how, and the traceback of the worker is its cause.
            NotLaunchedError: There are no workers.
            ModuleNotResolvedError: There is no such file.
            CancelledError: The environment was exited before the call could run (`concurrent.futures`).
        """
        return self._execute(module, function, args, kwargs, keep=keep, timeout=timeout)

    @abstractmethod
    def _execute(
        self,
        module: str | Path,
        function: str,
        args: Sequence[object],
        kwargs: Mapping[str, object],
        *,
        keep: bool,
        timeout: float | None,
    ) -> object: ...

    @overload
    def submit(
        self,
        module: str | Path,
        function: str,
        args: Sequence[object] = (),
        kwargs: Mapping[str, object] | None = None,
        *,
        start: bool = True,
        keep: Literal[False] = False,
        timeout: float | None = None,
    ) -> Task[object]: ...

    @overload
    def submit(
        self,
        module: str | Path,
        function: str,
        args: Sequence[object] = (),
        kwargs: Mapping[str, object] | None = None,
        *,
        start: bool = True,
        keep: Literal[True],
        timeout: float | None = None,
    ) -> Task[Ref[object]]: ...

    def submit(
        self,
        module: str | Path,
        function: str,
        args: Sequence[object] = (),
        kwargs: Mapping[str, object] | None = None,
        *,
        start: bool = True,
        keep: bool = False,
        timeout: float | None = None,
    ) -> Task[object] | Task[Ref[object]]:
        """Call a function and go on; see `execute` for the arguments.

        Args:
            module: See the class.
            function: The name of the function.
            args: Its positional arguments; do not change large arrays among them before a worker has taken the task.
            kwargs: Its keyword arguments.
            start: False leaves it to `Task.start`, so that listeners can be added before anything happens.
            keep: The result is a `Ref`; see `execute`.
            timeout: Seconds that it may run; see `execute`. Waiting for a worker does not count.

        Raises:
            NotLaunchedError: There are no workers.
            ModuleNotResolvedError: There is no such file.
        """
        task = self._submit(module, function, args, kwargs or {}, keep=keep, timeout=timeout)
        return task.start() if start else task

    @abstractmethod
    def _submit(
        self,
        module: str | Path,
        function: str,
        args: Sequence[object],
        kwargs: Mapping[str, object],
        *,
        keep: bool,
        timeout: float | None,
    ) -> Task[object]: ...
