from __future__ import annotations

from typing import Optional

import pytest

from wetlands_worker.annotations import means_handle, means_own
from wetlands_worker.handle import RemoteTaskHandle


@pytest.mark.parametrize(
    "annotation",
    [
        "RemoteTaskHandle",
        "'RemoteTaskHandle'",
        "wetlands.task.RemoteTaskHandle",
        "Optional[RemoteTaskHandle]",
        "typing.Optional[wetlands.task.RemoteTaskHandle]",
        "Union[RemoteTaskHandle, None]",
        "RemoteTaskHandle | None",
        "None|'RemoteTaskHandle'",
        RemoteTaskHandle,
        Optional[RemoteTaskHandle],  # noqa: UP045 - one of the spellings
        Optional["RemoteTaskHandle"],
        RemoteTaskHandle | None,
    ],
)
def test_an_annotation_means_the_handle(annotation: object) -> None:
    assert means_handle(annotation)
    assert not means_own(annotation)


@pytest.mark.parametrize(
    "annotation",
    [
        "",
        "object",
        "list[RemoteTaskHandle]",
        "Callable[[RemoteTaskHandle], None]",
        "RemoteTaskHandle | int",
        "RemoteTaskHandleFactory",
        "type[RemoteTaskHandle]",
        None,
        int,
        list[RemoteTaskHandle],
        RemoteTaskHandle | int,
    ],
)
def test_an_annotation_does_not_mean_the_handle(annotation: object) -> None:
    assert not means_handle(annotation)


@pytest.mark.parametrize(
    "annotation",
    ["str", "Optional[str]", "int | None", "dict[str, int | None]", "Literal['a', 'b']", str, list[int], int | str],
)
def test_an_annotation_of_plain_values_is_the_users_own(annotation: object) -> None:
    assert means_own(annotation)


@pytest.mark.parametrize("annotation", ["", "object", "Any", "TaskProxy", "str | TaskProxy", None, "None", object])
def test_an_annotation_that_says_nothing_is_not_the_users_own(annotation: object) -> None:
    assert not means_own(annotation)
