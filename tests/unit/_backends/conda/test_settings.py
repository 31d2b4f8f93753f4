from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from rattler import Config

from wetlands._backends.conda.condarc import Condarc, read_condarc
from wetlands._backends.conda.settings import open_engine, overrides
from wetlands._spec.toml import toml_document
from wetlands.exceptions import ProvisioningError

if TYPE_CHECKING:
    from pathlib import Path


def settings(env: dict[str, str], condarc: Condarc | None = None) -> dict[str, object]:
    text = "\n".join(overrides(env, condarc or Condarc()))
    Config.from_toml(text)  # rattler understands it
    return toml_document(text)


def test_nothing_said_changes_nothing() -> None:
    assert {} == settings({})


@pytest.mark.parametrize(
    "env, expected",
    [
        ({"HTTPS_PROXY": "http://p:1"}, {"https": "http://p:1", "non-proxy-hosts": []}),
        (
            {"https_proxy": "http://lower:1", "HTTPS_PROXY": "http://p:1"},
            {"https": "http://lower:1", "non-proxy-hosts": []},
        ),
        ({"ALL_PROXY": "http://p:1"}, {"http": "http://p:1", "https": "http://p:1", "non-proxy-hosts": []}),
        ({"http_proxy": "http://p:1", "NO_PROXY": "a, .b"}, {"http": "http://p:1", "non-proxy-hosts": ["a", ".b"]}),
    ],
)
def test_proxies_come_from_the_variables(env: dict[str, str], expected: dict[str, object]) -> None:
    assert {"proxy-config": expected} == settings(env)


def test_the_file_of_credentials_may_lie_anywhere() -> None:
    path = 'C:\\a "b"\\é.json'

    assert {"authentication-override-file": path} == settings({"RATTLER_AUTH_FILE": path})


def test_condas_own_configuration_counts_and_variables_go_before_it() -> None:
    condarc = Condarc(proxy_servers={"http": "http://c:1", "https": "http://c:2"}, ssl_verify=False)

    expected = {"http": "http://c:1", "https": "http://v:3", "non-proxy-hosts": []}
    assert {"tls-no-verify": True, "proxy-config": expected} == settings({"HTTPS_PROXY": "http://v:3"}, condarc)


def test_condarc_is_read_from_home_and_from_where_a_variable_says(tmp_path: Path) -> None:
    (tmp_path / ".condarc").write_text("channel_alias: https://mirror.example/\noffline: true\nchannels: [x]\n")
    (tmp_path / "other").write_text("offline: false\ncustom_channels: {mine: 'https://c.example'}\nssl_verify: false\n")

    found = read_condarc({"HOME": str(tmp_path), "CONDARC": str(tmp_path / "other")})

    assert Condarc("https://mirror.example/", {"mine": "https://c.example"}, ssl_verify=False) == found


@pytest.mark.parametrize(
    "text", ["channel_alias: [1]", "custom_channels: x", "default_channels: 3", "- a list", "a: ["]
)
def test_a_condarc_that_says_something_else_is_an_error_that_tells_what(tmp_path: Path, text: str) -> None:
    (tmp_path / ".condarc").write_text(text)

    with pytest.raises(ProvisioningError, match=r"(?s)condarc.*[Cc]orrect"):
        read_condarc({"HOME": str(tmp_path)})


def test_an_empty_condarc_says_nothing(tmp_path: Path) -> None:
    (tmp_path / ".condarc").touch()

    assert Condarc() == read_condarc({"HOME": str(tmp_path)})


@pytest.mark.parametrize(
    "name, expected",
    [
        ("bioconda", ["https://alias.example/bioconda/"]),
        ("conda-forge/label/rc", ["https://alias.example/conda-forge/label/rc/"]),
        ("mine", ["https://c.example/mine/"]),
        ("defaults", ["https://d.example/main/"]),
        ("https://user:pw@h.example/x", ["https://user:pw@h.example/x/"]),
    ],
)
def test_a_channel_is_where_the_configuration_says(tmp_path: Path, name: str, expected: list[str]) -> None:
    condarc = (
        "channel_alias: https://alias.example\ncustom_channels: {mine: 'https://c.example/'}\n"
        "default_channels: ['https://d.example/main']\n"
    )
    (tmp_path / ".condarc").write_text(condarc)

    engine = open_engine({"HOME": str(tmp_path)}, base=tmp_path)

    assert expected == [channel.base_url for channel in engine.channels(name)]


def test_a_channel_may_be_a_folder_beside_the_recipe(tmp_path: Path) -> None:
    engine = open_engine({"HOME": str(tmp_path)}, base=tmp_path)

    assert [(tmp_path / "my" / "chan").as_uri() + "/"] == [one.base_url for one in engine.channels("./my/chan")]
