from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from wetlands._backends.uv_settings import tool_environment

if TYPE_CHECKING:
    from pathlib import Path

OURS = {"NO_COLOR": "1", "UV_HTTP_RETRIES": "2", "UV_PYTHON_DOWNLOADS": "never"}


@pytest.mark.parametrize(
    "name",
    [
        "UV_DEFAULT_INDEX",
        "UV_INDEX_PRIVATE_PASSWORD",
        "UV_OFFLINE",
        "UV_LINK_MODE",
        "HTTPS_PROXY",
        "https_proxy",
        "HOME",
    ],
)
def test_settings_of_the_user_reach_uv(name: str, tmp_path: Path) -> None:
    assert {name: "value", **OURS} == tool_environment({name: "value"}, cwd=tmp_path)


@pytest.mark.parametrize(
    "name",
    ["UV_PYTHON", "UV_SYSTEM_PYTHON", "UV_WORKING_DIR", "UV_PROJECT", "UV_NO_EDITABLE", "VIRTUAL_ENV", "PYTHONPATH"],
)
def test_what_would_make_uv_act_elsewhere_does_not(name: str, tmp_path: Path) -> None:
    assert OURS == tool_environment({name: "value"}, cwd=tmp_path)


def test_interpreters_are_never_downloaded_whatever_the_user_set(tmp_path: Path) -> None:
    assert "never" == tool_environment({"UV_PYTHON_DOWNLOADS": "automatic"}, cwd=tmp_path)["UV_PYTHON_DOWNLOADS"]


def test_how_often_uv_asks_again_is_up_to_the_user(tmp_path: Path) -> None:
    assert "5" == tool_environment({"UV_HTTP_RETRIES": "5"}, cwd=tmp_path)["UV_HTTP_RETRIES"]


def test_relative_paths_still_begin_at_our_folder_although_uv_runs_in_another(tmp_path: Path) -> None:
    (tmp_path / "wheels").mkdir()
    env = {"UV_CACHE_DIR": "cache", "UV_FIND_LINKS": "wheels,https://host/more", "UV_CONFIG_FILE": "/etc/uv.toml"}

    expected = {
        "UV_CACHE_DIR": str(tmp_path / "cache"),
        "UV_FIND_LINKS": f"{tmp_path / 'wheels'},https://host/more",
        "UV_CONFIG_FILE": "/etc/uv.toml",
    }
    assert {**expected, **OURS} == tool_environment(env, cwd=tmp_path)
