from __future__ import annotations

from pathlib import Path

import pytest

from wetlands._backends.locks.match import unmet
from wetlands._backends.locks.model import LockedPackage, LockedPlatform
from wetlands._spec import parse

LOCKED = LockedPlatform(
    "linux-64",
    (
        LockedPackage("mine", "", "local", "/program/mine"),
        LockedPackage("pyyaml", "6.0", "pypi", "https://host.test/pyyaml-6.0.whl", sha256="aa"),
        LockedPackage("six", "1.16.0", "pypi", "https://host.test/six-1.16.0-py3-none-any.whl", sha256="bb"),
        LockedPackage("tool", "1.0", "pypi", "git+https://host.test/tool#abc"),
    ),
    python="3.11.7",
)


@pytest.mark.parametrize(
    "recipe",
    [
        {},
        {"pip": ["six"], "python": ">=3.10"},
        {"pip": ["six>=1.16,<2", "PyYAML==6.*"]},
        {"pip": ["never; python_version < '3.9'", "six"]},
        {"pip": ["six @ https://host.test/six-1.16.0-py3-none-any.whl"]},
        {"pip": ["tool @ git+https://host.test/tool@main"]},
        {"pip": ["tool @ git+https://host.test/tool.git"]},
    ],
)
def test_a_lock_that_gives_all_that_is_asked_for_fits(recipe: dict[str, object]) -> None:
    assert () == unmet(parse(recipe, platform="linux-64", base=Path()), LOCKED)  # type: ignore[arg-type]  # parametrized


@pytest.mark.parametrize(
    "recipe, reason",
    [
        ({"python": "3.12"}, "the recipe asks for python 3.12.*, and the lock has 3.11.7"),
        ({"pip": ["six<1"]}, "the recipe asks for six<1, and the lock has six 1.16.0"),
        ({"pip": ["scipy"]}, "the recipe asks for scipy, and the lock has no scipy"),
        (
            {"pip": ["six @ https://user:word@other.test/six.whl"]},
            (
                "the recipe asks for six @ https://***@other.test/six.whl, and the lock has six 1.16.0 from "
                "https://host.test/six-1.16.0-py3-none-any.whl"
            ),
        ),
        ({"conda": ["greeter>=1"]}, "the recipe asks for greeter >=1, and the lock has no conda package greeter"),
    ],
)
def test_what_a_lock_does_not_give_is_told(recipe: dict[str, object], reason: str) -> None:
    found = unmet(parse(recipe, platform="linux-64", base=Path()), LOCKED)  # type: ignore[arg-type]  # parametrized

    assert (reason,) == found


def test_a_local_package_must_be_in_the_lock(tmp_path: Path) -> None:
    for name in ("mine", "yours"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "pyproject.toml").write_text(
            f"[project]\nname = '{name}'\nversion = '1'\n", encoding="utf-8"
        )
    spec = parse(
        {"local": [{"name": name, "path": str(tmp_path / name)} for name in ("mine", "yours")]},
        platform="linux-64",
        base=tmp_path,
    )

    assert ("the recipe asks for the local package yours, and the lock does not have it",) == unmet(spec, LOCKED)
