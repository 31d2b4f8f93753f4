"""What a solver found no package for, read from what it says."""

from __future__ import annotations

import asyncio

import pytest

from wetlands._backends.conda.elsewhere import elsewhere, without_candidates


@pytest.mark.parametrize(
    "reason, expected",
    [
        ("No candidates were found for seal >=2.", ("seal >=2",)),
        ("No candidates were found for seal *.\n", ("seal *",)),
        (
            "└─ zoo *:\n   └─ zoo 1.0 would require\n      └─ seal >=2, for which no candidates were found.",
            ("seal >=2",),
        ),
        ("└─ thunder would require\n   └─ __cuda >=11, for which no candidates were found.", ()),
        ("seal 1.0 conflicts with the versions reported above", ()),
    ],
)
def test_what_has_no_candidates_is_found_in_the_words_of_the_solver(reason: str, expected: tuple[str, ...]) -> None:
    assert expected == without_candidates(reason)


def test_an_engine_that_does_not_answer_in_time_explains_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    class Silent:
        async def query(self, *_: object, **__: object) -> list[object]:
            await asyncio.Event().wait()
            return []

    monkeypatch.setattr("wetlands._backends.conda.elsewhere._SEARCH_SECONDS", 0.01)

    told = asyncio.run(elsewhere("No candidates were found for seal *.", (), Silent(), "linux-64"))  # type: ignore[arg-type]  # a stand-in

    assert "" == told
