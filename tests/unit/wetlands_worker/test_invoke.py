from __future__ import annotations

import asyncio
import functools
import math
from typing import TYPE_CHECKING, Any, Optional

import pytest

from wetlands_worker import invoke
from wetlands_worker.handle import RemoteTaskHandle
from wetlands_worker.invoke import call

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Generator

Handle = RemoteTaskHandle
H: Any = object()  # stands for the handle: the call only passes it on


# ------------------------------------------------------------------------------------------- the parameter named task


def last_task(x: object, task: object) -> object:
    return x, task


def first_task(task: object, x: object) -> object:
    return x, task


def optional_task(x: object, task: object = None) -> object:
    return x, task


def keyword_task(x: object, *, task: object) -> object:
    return x, task


def positional_only_task(x: object, task: object, /) -> object:
    return x, task


def first_positional_only_task(task: object, /, x: object) -> object:
    return x, task


def task_after_any(x: object, *rest: object, task: object) -> object:
    assert not rest
    return x, task


DECLARING = [
    last_task,
    first_task,
    optional_task,
    keyword_task,
    positional_only_task,
    first_positional_only_task,
    task_after_any,
]


@pytest.mark.parametrize("function", DECLARING)
def test_a_function_that_declares_task_receives_the_handle(function: Callable[..., object]) -> None:
    for _ in range(2):  # also from memory
        assert ("x", H) == call(function, ("x",), {}, H)


@pytest.mark.parametrize("function", [last_task, first_task, optional_task, keyword_task, task_after_any])
def test_a_task_that_the_caller_passed_by_name_is_not_overwritten(function: Callable[..., object]) -> None:
    for mine in ("mine", None):
        assert ("x", mine) == call(function, (), {"x": "x", "task": mine}, H)


@pytest.mark.parametrize("function", [last_task, optional_task, positional_only_task])
def test_a_task_that_the_caller_passed_by_position_is_not_overwritten(function: Callable[..., object]) -> None:
    assert ("x", "mine") == call(function, ("x", "mine"), {}, H)


@pytest.mark.parametrize("function", [first_task, first_positional_only_task])
def test_a_leading_task_that_the_caller_passed_by_position_is_not_overwritten(
    function: Callable[..., object],
) -> None:
    assert ("x", "mine") == call(function, ("mine", "x"), {}, H)
    assert ("x", "mine") == call(function, ("mine",), {"x": "x"}, H)


def test_a_task_that_shows_by_its_default_that_it_is_the_users_own_keeps_it() -> None:
    def f(task: object = "denoise") -> object:
        return task

    assert "denoise" == call(f, (), {}, H)


def test_a_task_that_shows_by_its_annotation_that_it_is_the_users_own_is_asked_for() -> None:
    def f(task: str) -> object:
        return task

    with pytest.raises(TypeError, match="missing 1 required positional argument: 'task'"):
        call(f, (), {}, H)


def test_a_function_that_takes_any_keyword_is_not_given_one_it_did_not_declare() -> None:
    def f(*args: object, **kwargs: object) -> object:
        return args, kwargs

    assert (("x",), {"y": 1}) == call(f, ("x",), {"y": 1}, H)


def test_a_function_without_task_is_called_as_it_is() -> None:
    assert 3 == call(lambda x, y: x + y, (1,), {"y": 2}, H)


# --------------------------------------------------------------------------------------------- annotated parameters


def by_class(x: object, handle: RemoteTaskHandle) -> object:
    return x, handle


def leading(handle: RemoteTaskHandle, x: object = "default") -> object:
    return x, handle


def by_other_name(x: object, handle: Handle) -> object:
    return x, handle


def as_option(x: object, handle: Optional[RemoteTaskHandle] = None) -> object:  # noqa: UP045 - one of the spellings
    return x, handle


def keyword_only(x: object, *, handle: RemoteTaskHandle | None = None) -> object:
    return x, handle


def by_object(x: object, handle: object) -> object:
    return x, handle


by_object.__annotations__["handle"] = RemoteTaskHandle


@pytest.mark.parametrize("function", [by_class, leading, by_other_name, as_option, keyword_only, by_object])
def test_a_parameter_annotated_with_the_handles_class_receives_it_whatever_its_name(
    function: Callable[..., object],
) -> None:
    assert ("x", H) == call(function, ("x",), {}, H)
    assert ("x", H) == call(function, (), {"x": "x"}, H)
    assert ("x", "mine") == call(function, (), {"x": "x", "handle": "mine"}, H)


def test_a_leading_handle_makes_no_room_where_the_caller_fills_what_is_behind_by_name() -> None:
    assert ("x", "mine") == call(leading, ("mine",), {"x": "x"}, H)


def test_a_task_beside_an_annotated_handle_is_the_users_own() -> None:
    def f(task: object, handle: RemoteTaskHandle) -> object:
        return task, handle

    assert ("mine", H) == call(f, ("mine",), {}, H)
    with pytest.raises(TypeError, match="missing 1 required positional argument: 'task'"):
        call(f, (), {}, H)


def test_annotations_that_cannot_be_evaluated_do_not_fail_the_call() -> None:
    def f(x: object, handle: RemoteTaskHandle) -> object:
        return x, handle

    f.__annotations__ = {"x": "NotImported", "handle": "Missing[RemoteTaskHandle]", "return": "??? ["}

    with pytest.raises(TypeError, match="missing 1 required positional argument: 'handle'"):
        call(f, ("x",), {}, H)


# ------------------------------------------------------------------------------------------ callables of other kinds


def passing_on(function: Callable[..., object]) -> Callable[..., object]:
    @functools.wraps(function)
    def wrapper(*args: object, **kwargs: object) -> object:
        return function(*args, **kwargs)

    return wrapper


def by_name_alone(function: Callable[..., object]) -> Callable[..., object]:
    @functools.wraps(function)
    def wrapper(x: object, **kwargs: object) -> object:
        return function(x=x, **kwargs)

    return wrapper


def closed(function: Callable[..., object]) -> Callable[..., object]:
    @functools.wraps(function)
    def wrapper(x: object) -> object:
        return function(x, "from the wrapper")

    return wrapper


@pytest.mark.parametrize("function", [*DECLARING, by_class, leading, as_option, keyword_only])
def test_a_decorated_function_receives_the_handle(function: Callable[..., object]) -> None:
    assert ("x", H) == call(passing_on(passing_on(function)), ("x",), {}, H)


@pytest.mark.parametrize("function", [last_task, first_task, keyword_task, by_class, leading])
def test_a_decorator_that_takes_keywords_passes_the_handle_on(function: Callable[..., object]) -> None:
    assert ("x", H) == call(by_name_alone(function), ("x",), {}, H)


def test_a_decorator_that_provides_the_task_itself_is_left_alone() -> None:
    assert ("x", "from the wrapper") == call(closed(last_task), ("x",), {}, H)


class Model:
    def __init__(self, x: object, task: object = None) -> None:
        self.made = (x, task)

    def __call__(self, x: object, task: object) -> object:
        return x, task

    def method(self, x: object, task: object) -> object:
        return x, task

    @classmethod
    def of_class(cls, x: object, handle: RemoteTaskHandle) -> object:
        return x, handle

    @staticmethod
    def static(task: object, x: object) -> object:
        return x, task


class Slotted:
    __slots__ = ()

    def __call__(self, x: object, task: object) -> object:
        return x, task


@pytest.mark.parametrize(
    "function",
    [
        Model("x"),
        Slotted(),
        Model("x").method,
        Model.of_class,
        Model.static,
        functools.partial(last_task),
        functools.partial(Model("x").method),
        functools.lru_cache(last_task),
        functools.lru_cache(optional_task),
    ],
)
def test_other_callables_receive_the_handle(function: Callable[..., object]) -> None:
    for _ in range(2):
        assert ("x", H) == call(function, ("x",), {}, H)


def test_a_constructor_receives_the_handle() -> None:
    made = call(Model, ("x",), {}, H)

    assert isinstance(made, Model)
    assert ("x", H) == made.made


@pytest.mark.parametrize("mine", ["mine", None])
def test_a_task_that_a_partial_holds_is_not_overwritten(mine: object) -> None:
    assert ("x", mine) == call(functools.partial(last_task, task=mine), ("x",), {}, H)


@pytest.mark.parametrize(
    "function, args, expected",
    [(math.sqrt, (4,), 2.0), (len, ([1],), 1), (int, ("3",), 3), (str.upper, ("a",), "A"), ("b".join, ("ac",), "abc")],
)
def test_functions_that_do_not_tell_their_parameters_are_called_as_they_are(
    function: Callable[..., object], args: tuple[object, ...], expected: object
) -> None:
    assert expected == call(function, args, {}, H)


def test_a_callable_with_a_broken_signature_is_called_as_it_is() -> None:
    class Broken:
        @property
        def __signature__(self) -> object:
            raise RuntimeError

        def __call__(self, x: object) -> object:
            return x

    assert "x" == call(Broken(), ("x",), {}, H)


def test_a_wrapper_that_wraps_itself_ends() -> None:
    def f(**kwargs: object) -> object:
        return kwargs

    f.__wrapped__ = f  # type: ignore[attr-defined]

    assert {} == call(f, (), {}, H)


def test_an_error_of_the_function_comes_through_unchanged() -> None:
    error = ValueError("bad input")

    def f() -> None:
        raise error

    with pytest.raises(ValueError, match="bad input") as caught:
        call(f, (), {}, H)
    assert error is caught.value


# ------------------------------------------------------------------------------------------------------- coroutines


async def waiting(x: object, task: object = None) -> object:
    await asyncio.sleep(0)
    return x, task


def test_a_coroutine_function_is_run_to_its_result_and_receives_the_handle() -> None:
    assert ("x", H) == call(waiting, ("x",), {}, H)


def test_a_function_that_returns_a_coroutine_is_run_to_its_result() -> None:
    assert ("x", None) == call(lambda: waiting("x"), (), {}, H)
    assert ("x", H) == call(functools.partial(waiting, "x"), (), {}, H)


def test_any_awaitable_is_awaited() -> None:
    class Awaitable:
        def __await__(self) -> Generator[object, None, object]:
            return waiting("x").__await__()

    assert ("x", None) == call(Awaitable, (), {}, H)


def test_an_error_in_a_coroutine_comes_through_unchanged() -> None:
    async def f() -> None:
        raise ValueError("bad input")

    with pytest.raises(ValueError, match="bad input"):
        call(f, (), {}, H)


def test_a_coroutine_where_a_loop_already_runs_is_refused_without_a_warning() -> None:
    async def outer() -> object:
        return call(waiting, ("x",), {}, H)

    with pytest.raises(RuntimeError, match="running event loop"):
        asyncio.run(outer())


def test_an_asynchronous_generator_is_refused_with_advice() -> None:
    async def counting() -> AsyncIterator[int]:
        yield 1

    with pytest.raises(TypeError, match=r"counting is an asynchronous generator .* let it return a list"):
        call(counting, (), {}, H)


def test_the_parameters_of_a_function_are_looked_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    looked: list[object] = []
    remember = invoke._remember

    def counted(function: Callable[..., object]) -> object:
        looked.append(function)
        return remember(function)

    def once(x: object, task: object) -> object:
        return x, task

    monkeypatch.setattr(invoke, "_remember", counted)
    for _ in range(3):
        assert (1, H) == call(once, (1,), {}, H)
    assert [once] == looked
