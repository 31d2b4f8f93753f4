from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest

from fake_backend import FakeBackend, contents, external
from wetlands._backends.choose import Choice
from wetlands._launch.ending import in_parallel
from wetlands._launch.proxies import proxy_variables
from wetlands._spec import Spec
from wetlands.environment_manager import EnvironmentManager
from wetlands.exceptions import ProvisioningCanceledError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from wetlands._spec import Dependencies

NUMPY: Dependencies = {"pip": ["numpy==2.2.4"]}
SCIPY: Dependencies = {"pip": ["scipy"]}


def test_proxies_are_variables_of_builds_and_children(manager: EnvironmentManager) -> None:
    environment = external(manager.create("tools", NUMPY))
    seen: list[Mapping[str, str]] = []

    def choose(spec: object, *, env: Mapping[str, str], **options: object) -> Choice:
        seen.append(env)
        return Choice(FakeBackend(), "it is a test")

    manager._workshop._choose = choose
    manager.set_proxies({"https": "http://proxy:3128"})

    manager.create("other", NUMPY)

    for variables in (seen[0], manager.child_environment(environment.prefix)):
        assert variables["HTTPS_PROXY"] == variables["https_proxy"] == "http://proxy:3128"
    manager.set_proxies({})
    assert "http://proxy:3128" not in manager.child_environment(environment.prefix).values()


def test_proxies_are_given_by_scheme() -> None:
    with pytest.raises(ValueError, match="'HTTP_PROXY'"):
        proxy_variables({"HTTP_PROXY": "x"})


def test_a_conda_path_chooses_the_tool_which_is_not_fetched_before_it_is_needed(tmp_path: Path) -> None:
    with EnvironmentManager(tmp_path / "instance", conda_path=tmp_path / "pixi") as manager:
        assert "pixi" == manager._workshop.tool()
        manager.set_conda_path(tmp_path / "micromamba", use_pixi=False)
        assert "micromamba" == manager._workshop.choose(Spec(), tmp_path).backend.name

    assert [] == list(tmp_path.iterdir())


def test_there_is_nothing_to_install_where_no_tool_is_asked_for(tmp_path: Path) -> None:
    with EnvironmentManager(tmp_path / "instance", log_file_path=None) as manager:
        manager.install_conda()

    assert not (tmp_path / "instance" / "tools").exists()


def test_exit_stops_builds_under_way_and_waits_for_their_end(manager: EnvironmentManager, backend: FakeBackend) -> None:
    building = threading.Event()
    errors: list[BaseException] = []

    def hold(place: str) -> None:
        if place == "half built":
            building.set()
            (build,) = manager._workshop._watched
            assert build._canceled.wait(10)

    def create() -> None:
        try:
            manager.create("tools", NUMPY)
        except ProvisioningCanceledError as error:
            errors.append(error)

    backend.sabotage = hold
    thread = threading.Thread(target=create)
    thread.start()
    assert building.wait(10)
    manager.exit()

    assert contents(manager._store) == []
    thread.join(10)
    assert len(errors) == 1


def test_all_are_ended_at_the_same_time_and_the_first_error_is_raised() -> None:
    together = threading.Barrier(3)
    ended: list[str] = []

    def good() -> None:
        together.wait(10)
        ended.append("good")

    def bad() -> None:
        together.wait(10)
        raise RuntimeError("stuck")

    with pytest.raises(RuntimeError, match="stuck"):
        in_parallel([good, bad, good])
    assert ended == ["good", "good"]
    in_parallel([])


def test_the_log_file_of_a_manager_tells_its_builds(manager: EnvironmentManager) -> None:
    manager.create("tools", NUMPY)
    manager.exit()

    text = (manager.wetlands_instance_path / "wetlands.log").read_text(encoding="utf-8")
    assert "Building with fake: it is a test." in text
    assert "+ numpy==1.0" in text


def test_without_a_log_file_none_is_written(tmp_path: Path, backend: FakeBackend) -> None:
    with EnvironmentManager(tmp_path / "instance", log_file_path=None) as manager:
        manager._workshop._choose = lambda spec, **options: Choice(backend, "it is a test")
        manager.create("tools", NUMPY)
        assert manager.environments_log_path is None

    assert [path.name for path in (tmp_path / "instance").iterdir()] == ["envs"]
