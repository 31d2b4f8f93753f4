"""requirements.txt, as pip reads it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from config_files import read, refusal, spec_of, warnings_of
from wetlands._spec import PypiSettings
from wetlands._spec.local import LocalRequirement

if TYPE_CHECKING:
    from pathlib import Path

SHA = "sha256:" + "0123456789abcdef" * 4
OTHER = "sha512:" + "0123456789abcdef" * 8


def texts(text: str, **options: object) -> list[str]:
    return [entry.text for entry in spec_of("requirements.txt", text, **options).pypi]


def settings(text: str, **options: object) -> PypiSettings:
    return spec_of("requirements.txt", text, **options).settings


@pytest.mark.parametrize(
    "line, expected",
    [
        ("numpy", "numpy"),
        ("numpy==2.2.4  # the one we tested", "numpy==2.2.4"),
        ("Ruamel.Yaml[Jinja2, b] >= 1.0 , < 2", "ruamel-yaml[b,jinja2]>=1.0,<2"),
        ("tomli ; python_version < '3.11'  # old", 'tomli ; python_version < "3.11"'),
        ("a @ https://host/a.whl#sha256=00", "a @ https://host/a.whl#sha256=00"),
        ("a @ git+https://host/a.git@main#subdirectory=x", "a @ git+https://host/a.git@main#subdirectory=x"),
        ("git+https://host/a.git@main#egg=a&subdirectory=x", "a @ git+https://host/a.git@main#subdirectory=x"),
        ("git+ssh://git@host/a.git#egg=a[x] ; os_name == 'nt'", 'a[x] @ git+ssh://git@host/a.git ; os_name == "nt"'),
        ("https://host/files/a_b-1.0-py3-none-any.whl", "a-b @ https://host/files/a_b-1.0-py3-none-any.whl"),
        ("https://host/a-1.0.tar.gz", "a @ https://host/a-1.0.tar.gz"),
        ("a @ https://${USER}:${TOKEN}@host/a.whl", "a @ https://${USER}:${TOKEN}@host/a.whl"),
    ],
)
def test_a_requirement_is_read_with_its_extras_marker_address_and_comment(line: str, expected: str) -> None:
    assert [expected] == texts(line)


def test_lines_are_joined_and_comments_and_empty_lines_are_left_out() -> None:
    text = "# first\n\nnumpy >= 1, \\\n  < 2\n   # between\nsix\\\n==1.16.0\\\n"

    assert ["numpy>=1,<2", "six==1.16.0"] == texts(text)


def test_a_comment_line_ends_a_line_that_goes_on() -> None:
    assert ["a", "b"] == texts("a \\\n# why\nb")


def test_several_backslashes_at_an_end_are_taken_as_pip_takes_them() -> None:
    assert ["a==1"] == texts("a\\\\\n\\==1\\\\\n# end")


def test_windows_line_ends_mean_nothing() -> None:
    assert ["a", "b==1"] == texts("a\r\nb==1 \\\r\n  # why\r\n")


def test_a_hash_sign_inside_an_address_is_no_comment() -> None:
    assert ["a @ https://host/a.zip#subdirectory=b"] == texts("a @ https://host/a.zip#subdirectory=b # but this is")


def test_hashes_are_kept_and_then_every_package_needs_one() -> None:
    spec = spec_of("requirements.txt", f"a==1 ; os_name=='nt' \\\n --hash={SHA} \\\n    --hash {OTHER} # why\n")

    assert (SHA, OTHER) == spec.pypi[0].hashes
    assert 'a==1 ; os_name == "nt"' == spec.pypi[0].text
    assert spec.settings.require_hashes


@pytest.mark.parametrize("value", ["md5:00", "sha256:00", "sha256:" + "g" * 64, "", SHA + "0"])
def test_what_is_no_strong_hash_is_refused(value: str) -> None:
    assert "is not a hash" in refusal("requirements.txt", f"a==1 --hash={value}")


def test_further_files_and_constraints_are_read_beside_the_file_that_names_them() -> None:
    files = {"more/dev.txt": "-r other.txt\n-c../limits.txt\npytest", "more/other.txt": "tox", "limits.txt": "six<2"}
    spec = spec_of("requirements.txt", "-rmore/dev.txt\na", files=files)

    assert ["a", "pytest", "tox"] == [entry.text for entry in spec.pypi]
    assert ["six<2"] == [entry.text for entry in spec.constraints]


def test_requirements_named_by_a_constraints_file_are_constraints_too() -> None:
    spec = spec_of("requirements.txt", "--constraint limits.txt", files={"limits.txt": "-r b.txt", "b.txt": "six<2"})

    assert ((), "six<2") == (spec.pypi, spec.constraints[0].text)


def test_an_error_in_a_further_file_names_that_file_and_the_line() -> None:
    message = refusal("requirements.txt", "a\n-r more/dev.txt", files={"more/dev.txt": "ok\n\nnot ok"})

    assert message.startswith("more/dev.txt:3: 'not ok'")


def test_files_that_name_each_other_are_refused() -> None:
    assert "refers to itself" in refusal("requirements.txt", "-r b.txt", files={"b.txt": "-r requirements.txt"})


def test_one_file_may_be_named_twice() -> None:
    assert ["a"] == texts("-r b.txt\n-r c.txt", files={"b.txt": "-r d.txt", "c.txt": "-r d.txt", "d.txt": "a"})


@pytest.mark.parametrize("option", ["-i", "--index-url", "--pypi-url", "--index-url=", "-i="])
def test_an_index_is_kept_with_its_variables(option: str) -> None:
    separator = "" if option.endswith("=") else " "
    found = settings(f"{option}{separator}https://${{USER}}:${{TOKEN}}@host/simple/")

    assert "https://${USER}:${TOKEN}@host/simple/" == found.index_url


def test_options_are_collected_in_their_order() -> None:
    text = (
        "--extra-index-url https://b/simple --extra-index-url=https://a/simple\n-f ./wheels\n--find-links https://l/\n"
        "--no-index\n--pre\n--require-hashes\n--no-binary :all:\n--only-binary Six,numpy\n--only-binary=:none:\n"
        "--only-binary a_b\n--prefer-binary\n"
    )
    expected = PypiSettings(
        extra_index_urls=("https://b/simple", "https://a/simple"),
        find_links=("wheels", "https://l/"),
        no_index=True,
        prerelease="allow",
        require_hashes=True,
        no_binary=(":all:",),
        only_binary=("a-b",),
    )

    assert expected == settings(text)


@pytest.mark.parametrize(
    "address",
    ["https://me:secret@host/simple", "https://secret@host/simple", "https://me:s${A}@host/", "http://secret:@host/"],
)
@pytest.mark.parametrize("line", ["--index-url {}", "--extra-index-url {}", "-f {}", "a @ {}a.whl"])
def test_credentials_in_clear_are_refused_and_not_shown(line: str, address: str) -> None:
    message = refusal("requirements.txt", line.format(address))

    assert "credentials in clear" in message
    assert "secret" not in message


def test_the_account_of_git_is_no_secret() -> None:
    assert ["a @ git+ssh://git@host/a"] == texts("a @ git+ssh://git@host/a")


def test_variables_outside_of_addresses_are_replaced() -> None:
    files = {"dir/b.txt": "b"}
    text = "a==${VERSION}\n-r ${DIR}/b.txt"

    assert ["a==1.5", "b"] == texts(text, files=files, environ={"VERSION": "1.5", "DIR": "dir"})
    assert "VERSION is not set" in refusal("requirements.txt", text)


@pytest.mark.parametrize(
    "option, reason",
    [
        ("--trusted-host host", "UV_INSECURE_HOST"),
        ("--use-feature=fast-deps", "uv"),
        ("a --config-settings=x=y", "not passed on"),
        ("a -C x=y", "not passed on"),
        ("a --global-option=--x", "not passed on"),
    ],
)
def test_an_option_that_cannot_be_honoured_is_warned_about_with_its_place(option: str, reason: str) -> None:
    (warning,) = warnings_of(read("requirements.txt", f"\n{option}"))

    assert warning.startswith("requirements.txt:2: --")
    assert reason in warning


@pytest.mark.parametrize(
    "line, reason",
    [
        ("--indx-url https://host", "Did you mean '--index-url'?"),
        ("-x", "not an option"),
        ("a --pre", "cannot follow a requirement"),
        ("--index-url", "needs a value"),
        ("--pre=1", "takes no value"),
        ("-r", "needs a value"),
        ("-r https://host/r.txt", "files are not downloaded"),
        ("-r missing.txt", "There is no file"),
        ("-i 'https://host", "cannot be read"),
        ("numpy=1.26", "is not a requirement"),
        ("conda-forge::numpy", 'belongs in "conda"'),
        ("git+https://host/a.git", "has no name"),
        ("https://host/simple", "has no name"),
        ("./nothing", "not a folder"),
        ("-e", "needs a value"),
        ("a @ https://host/a.whl ; nonsense", "not a"),
        ("--no-binary a/b", "not the name of a package"),
    ],
)
def test_a_line_that_cannot_be_understood_is_refused_with_its_place(line: str, reason: str) -> None:
    message = refusal("requirements.txt", f"six\n{line}\n")

    assert "requirements.txt:2: " in message or "There is no file" in message
    assert reason in message


@pytest.mark.parametrize("line", ["-e .", "a[b]", "./x", "https://host/x"])
def test_what_is_no_constraint_is_refused_among_them(line: str, tmp_path: Path) -> None:
    assert "c.txt:1: " in refusal("requirements.txt", "-c c.txt", files={"c.txt": line}, base=tmp_path)


def project(folder: Path, name: str, file: str = "pyproject.toml") -> Path:
    folder.mkdir(parents=True)
    contents = {
        "pyproject.toml": f'[project]\nname = "{name}"\n',
        "setup.cfg": f"[metadata]\nname = {name}\n",
        "setup.py": f"from setuptools import setup\nsetup(\n    name='{name}')",
    }
    (folder / file).write_text(contents[file], encoding="utf-8")
    return folder


@pytest.mark.parametrize(
    "line, expected",
    [
        ("./lib", LocalRequirement("mine", "lib", editable=False)),
        ("./lib[gui, A_b]", LocalRequirement("mine", "lib", editable=False, extras=("a-b", "gui"))),
        ("-e ./lib[gui]", LocalRequirement("mine", "lib", extras=("gui",))),
        ("-elib", LocalRequirement("mine", "lib")),
        ("--editable=lib", LocalRequirement("mine", "lib")),
        ("--editable 'lib'", LocalRequirement("mine", "lib")),
        ("--pre -e lib", LocalRequirement("mine", "lib")),
        ("-e other @ file:lib", LocalRequirement("other", "lib")),
        ("-e file:lib#egg=other[x]", LocalRequirement("other", "lib", extras=("x",))),
        ("./#subdirectory=lib", LocalRequirement("mine", "lib", editable=False)),
        ("other[x] @ ./lib", LocalRequirement("other", "lib", editable=False, extras=("x",))),
        ("./lib ; os_name == 'nt'", LocalRequirement("mine", "lib", editable=False, marker='os_name == "nt"')),
        ("${FOLDER}", LocalRequirement("mine", "lib", editable=False)),
        ("./six-1.0-py3-none-any.whl", LocalRequirement("six", "six-1.0-py3-none-any.whl", editable=False)),
        ("six-1.0-py3-none-any.whl", LocalRequirement("six", "six-1.0-py3-none-any.whl", editable=False)),
    ],
)
def test_a_path_is_a_local_package_relative_to_the_file(line: str, expected: LocalRequirement, tmp_path: Path) -> None:
    project(tmp_path / "lib", "mine")
    (tmp_path / "six-1.0-py3-none-any.whl").touch()

    spec = spec_of("requirements.txt", line, base=tmp_path, environ={"FOLDER": "./lib"})

    assert (expected,) == spec.local
    assert () == spec.pypi


def test_an_absolute_address_of_a_file_is_a_path_too(tmp_path: Path) -> None:
    folder = project(tmp_path / "a b (ü)", "mine")

    spec = spec_of("requirements.txt", f"mine @ {folder.as_uri()}", base=tmp_path)

    assert (LocalRequirement("mine", "a b (ü)", editable=False),) == spec.local


@pytest.mark.parametrize("file", ["pyproject.toml", "setup.cfg", "setup.py"])
def test_the_name_of_a_project_is_read_from_its_files(file: str, tmp_path: Path) -> None:
    project(tmp_path / "lib", "Its_Name", file)

    assert "its-name" == spec_of("requirements.txt", "-e lib", base=tmp_path).local[0].name


def test_a_project_that_does_not_tell_its_name_must_be_given_one(tmp_path: Path) -> None:
    project(tmp_path / "lib", "x").joinpath("pyproject.toml").write_text("")

    assert "Write 'name @ lib'" in refusal("requirements.txt", "-e lib", base=tmp_path)


@pytest.mark.parametrize("line", ["-e a-1.0.tar.gz", "./a.zip", f"./lib --hash={SHA}", "-e https://host/a.whl"])
def test_what_a_path_cannot_be_is_refused(line: str, tmp_path: Path) -> None:
    project(tmp_path / "lib", "mine")
    (tmp_path / "a-1.0.tar.gz").touch()
    (tmp_path / "a.zip").touch()

    assert refusal("requirements.txt", line, base=tmp_path).startswith("requirements.txt:1: ")


def test_an_editable_repository_is_installed_as_it_is_and_warned_about() -> None:
    config = read("requirements.txt", "-e git+https://host/a.git@v1#egg=a")

    assert ["a @ git+https://host/a.git@v1"] == [entry.text for entry in config.spec.pypi]
    assert ["requirements.txt:1: a repository cannot be editable here: it is installed as it is."] == warnings_of(
        config
    )


def test_one_package_at_two_paths_is_refused(tmp_path: Path) -> None:
    project(tmp_path / "a", "mine")
    project(tmp_path / "b", "mine")

    assert "'mine' is wanted twice" in refusal("requirements.txt", "./a\n./b", base=tmp_path)


def test_a_requirements_file_has_no_optional_dependencies() -> None:
    assert "no optional dependencies" in refusal("requirements.txt", "a", optional=["x"])
