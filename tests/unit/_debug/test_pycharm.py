"""Run configurations of PyCharm: made after a pattern of the user, whose other configurations stay as they are."""

from __future__ import annotations

from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

import pytest

from wetlands._debug.pycharm import name_of, write_run_files
from wetlands._store.debuggers import DebugEndpoint

if TYPE_CHECKING:
    from pathlib import Path

FIRST = DebugEndpoint("cellpose", 0, 47, "127.0.0.1", 5678)
SECOND = DebugEndpoint("cellpose", 1, 48, "127.0.0.1", 5679)

# How PyCharm stores such a kind is not known here: these are the forms that are looked for.
SEPARATE = """\
<component name="ProjectRunConfigurationManager">
  <!-- mine -->
  <configuration default="false" name="{name}" type="AttachToDapConfigurationType" factoryName="Attach to DAP">
    <option name="HOST" value="localhost" />
    <option name="PORT" value="1" />
    <option name="JUST_MY_CODE" value="true" />
    <PathMappingSettings>
      <option name="pathMappings">
        <list>
          <mapping local-root="" remote-root="" />
        </list>
      </option>
    </PathMappingSettings>
    <method v="2" />
  </configuration>
</component>
"""
TOGETHER = """\
<component name="ProjectRunConfigurationManager">
  <configuration default="false" name="{name}" type="python.dap.attach">
    <option name="remoteAddress" value="localhost:1" />
    <option name="support" value="12" />
  </configuration>
</component>
"""
SCRIPT = """\
<component name="ProjectRunConfigurationManager">
  <configuration name="wetlands: cellpose, worker 0" type="PythonConfigurationType" factoryName="Python">
    <option name="PORT" value="1" />
  </configuration>
</component>
"""


def store(folder: Path, name: str, text: str, where: str = ".run") -> Path:
    path = folder / where / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def options(path: Path) -> dict[str | None, str | None]:
    tree = ET.parse(path)  # noqa: S314 - written here
    return {option.get("name"): option.get("value") for option in tree.iter("option") if option.get("value")}


@pytest.mark.parametrize("where", [".run", ".idea/runConfigurations"])
def test_the_configuration_of_a_worker_gets_its_place_and_keeps_all_else(tmp_path: Path, where: str) -> None:
    path = store(tmp_path, "any.run.xml", SEPARATE.format(name=name_of(FIRST)), where)

    assert ([path], []) == write_run_files(tmp_path, [FIRST])

    assert {"HOST": "127.0.0.1", "PORT": "5678", "JUST_MY_CODE": "true"} == options(path)
    text = path.read_text(encoding="utf-8")
    assert f'<mapping local-root="$PROJECT_DIR$" remote-root="{tmp_path}" />' in text
    assert "<!-- mine -->" in text
    assert '<method v="2" />' in text


def test_other_workers_get_copies_in_files_of_their_own(tmp_path: Path) -> None:
    path = store(tmp_path, "any.run.xml", SEPARATE.format(name=name_of(FIRST)))

    written, missing = write_run_files(tmp_path, [FIRST, SECOND])

    new = tmp_path / ".run" / "wetlands_cellpose_worker_1.run.xml"
    assert ([path, new], []) == (written, missing)
    assert ("5678", "5679") == (options(path)["PORT"], options(new)["PORT"])
    assert f'name="{name_of(SECOND)}"' in new.read_text(encoding="utf-8")
    assert ([path, new], []) == write_run_files(tmp_path, [FIRST, SECOND])
    assert {"any.run.xml", "wetlands_cellpose_worker_1.run.xml"} == {
        file.name for file in (tmp_path / ".run").iterdir()
    }


def test_an_address_in_one_option_is_set_and_numbers_that_are_no_ports_are_not(tmp_path: Path) -> None:
    mine = store(tmp_path, "mine.run.xml", TOGETHER.format(name="mine"))
    before = mine.read_text(encoding="utf-8")

    (new,), _ = write_run_files(tmp_path, [FIRST])

    assert before == mine.read_text(encoding="utf-8")
    assert "127.0.0.1:5678" == options(new)["remoteAddress"]


def test_without_a_pattern_nothing_is_written(tmp_path: Path) -> None:
    script = store(tmp_path, "script.run.xml", SCRIPT)
    store(tmp_path, "damaged.run.xml", "<component")
    store(tmp_path, "other.run.xml", "<project><configuration type='dap'/></project>")

    assert ([], [FIRST, SECOND]) == write_run_files(tmp_path, [FIRST, SECOND])

    assert SCRIPT == script.read_text(encoding="utf-8")
    assert 3 == len(list((tmp_path / ".run").iterdir()))


def test_a_configuration_of_another_kind_and_the_same_name_stays(tmp_path: Path) -> None:
    script = store(tmp_path, "script.run.xml", SCRIPT)
    store(tmp_path, "pattern.run.xml", TOGETHER.format(name="pattern"))

    (new,), missing = write_run_files(tmp_path, [FIRST])

    assert [] == missing
    assert SCRIPT == script.read_text(encoding="utf-8")
    assert "wetlands_cellpose_worker_0.run.xml" == new.name


def test_names_of_environments_make_names_of_files(tmp_path: Path) -> None:
    store(tmp_path, "pattern.run.xml", TOGETHER.format(name="pattern"))
    (new,), _ = write_run_files(tmp_path, [DebugEndpoint("my env/ü", 0, 1, "127.0.0.1", 5)])
    assert "wetlands_my_env_ü_worker_0.run.xml" == new.name
