"""The bytecode of the worker package is kept for the next start, whatever the user says of that of others."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pools import unlaunched

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.compat

NO_BYTECODE = {"PYTHONDONTWRITEBYTECODE": "1"}


def write_module(folder: Path) -> Path:
    module = folder / "mine.py"
    module.write_text(
        "import sys, neighbour\n"
        "def settings():\n"
        "    return sys.pycache_prefix, sys.dont_write_bytecode, sorted(sys._xoptions)\n"
        "def child():\n"
        "    import subprocess\n"
        "    code = 'import sys; print(sys._xoptions, sys.pycache_prefix)'\n"
        "    return subprocess.run([sys.executable, '-c', code], stdout=subprocess.PIPE).stdout.decode().strip()\n",
        "utf-8",
    )
    (folder / "neighbour.py").write_text("x = 1\n", "utf-8")
    return module


def test_only_that_of_the_package_is_kept_and_only_once(interpreter: Path, tmp_path: Path) -> None:
    module, cache = write_module(tmp_path), tmp_path / "cache with spaces"
    kept: list[dict[Path, int]] = []
    for _ in range(2):
        with unlaunched(interpreter, variables={**NO_BYTECODE, "XDG_CACHE_HOME": str(cache)}) as environment:
            environment.launch()
            assert (None, True, ["wetlands_bytecode"]) == environment.execute(module, "settings")
            assert "{} None" == environment.execute(module, "child")
        files = [path for path in (cache / "wetlands" / "bytecode").rglob("*") if path.is_file()]
        kept.append({path: path.stat().st_mtime_ns for path in files})

    assert kept[0] == kept[1]
    assert len(kept[0]) > 10
    assert {"wetlands_worker"} == {path.parent.name for path in kept[0]}
    assert not (tmp_path / "__pycache__").exists()


def test_a_cache_that_cannot_be_written_to_costs_time_only(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.touch()
    with unlaunched(variables={**NO_BYTECODE, "XDG_CACHE_HOME": str(blocked)}) as environment:
        environment.launch()
        assert 3 == environment.execute("operator", "add", (1, 2))


def test_damaged_bytecode_is_replaced(tmp_path: Path) -> None:
    for content in (None, b"", b"damaged bytecode of some length"):
        with unlaunched(variables={**NO_BYTECODE, "XDG_CACHE_HOME": str(tmp_path)}) as environment:
            environment.launch()
            assert 3 == environment.execute("operator", "add", (1, 2))
        for path in tmp_path.rglob("*.pyc"):
            if content is not None:
                path.write_bytes(content)


def test_a_template_keeps_it_too(tmp_path: Path) -> None:
    with unlaunched(variables={**NO_BYTECODE, "XDG_CACHE_HOME": str(tmp_path)}) as environment:
        environment.launch(preload=["json"])
        assert 3 == environment.execute("operator", "add", (1, 2))
    assert any(path.name.startswith("template.") for path in tmp_path.rglob("*.pyc"))
