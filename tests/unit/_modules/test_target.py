from __future__ import annotations

import os
from pathlib import Path

import pytest

from wetlands._modules.target import RECHECK_SECONDS, Resolver, is_file, resolve_script
from wetlands.exceptions import ModuleNotResolvedError


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = (tmp_path / "näm e (1)").resolve()
    folder.mkdir()
    for name in ("minimal_module.py", "other.py", "window.pyw", "no_module.txt", "a.b.py", "script"):
        (folder / name).write_text("")
    (folder / "package").mkdir()
    (folder / "package" / "__init__.py").write_text("")
    (folder / "package" / "part.py").write_text("")
    monkeypatch.chdir(folder)
    return folder


def resolve(module: str | Path, *, cwd: Path | None = None) -> str:
    return Resolver().resolve(module, cwd=cwd)


@pytest.mark.parametrize(
    "module, file",
    [
        ("minimal_module.py", "minimal_module.py"),
        ("minimal_module", "minimal_module.py"),
        (Path("minimal_module"), "minimal_module.py"),
        (Path("minimal_module.py"), "minimal_module.py"),
        ("./minimal_module", "minimal_module.py"),
        ("package/../minimal_module.py", "minimal_module.py"),
        ("package/part", "package/part.py"),
        (Path("package") / "part", "package/part.py"),
        ("package/", "package/__init__.py"),
        (Path("package"), "package/__init__.py"),
        ("window.pyw", "window.pyw"),
        ("a.b", "a.b.py"),
    ],
)
def test_a_path_with_or_without_its_ending_is_the_file_in_the_current_folder(
    folder: Path, module: str | Path, file: str
) -> None:
    assert str(folder / file) == resolve(module)


def test_a_relative_path_may_start_from_a_given_folder(folder: Path) -> None:
    assert str(folder / "package" / "part.py") == resolve("part", cwd=folder / "package")


def test_an_absolute_path_does_not_depend_on_the_current_folder(folder: Path, tmp_path: Path) -> None:
    assert str(folder / "other.py") == resolve(str(folder / "other"), cwd=tmp_path)


def test_two_ways_to_one_file_are_one_target(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(folder, target_is_directory=True)
    (folder / "also_other.py").symlink_to(folder / "other.py")

    targets = {resolve("other"), resolve(tmp_path / "link" / "other.py"), resolve("also_other.py")}

    assert {str(folder / "other.py")} == targets


def test_a_link_to_a_file_without_the_ending_is_still_a_module(folder: Path) -> None:
    (folder / "linked.py").symlink_to(folder / "no_module.txt")

    assert str(folder / "linked.py") == resolve("linked.py")


@pytest.mark.parametrize("name", ["numpy", "numpy.linalg", "package.part", "os", "éclair.été"])
def test_any_other_name_that_python_could_import_is_a_dotted_name(folder: Path, name: str) -> None:
    assert name == resolve(name)
    assert not is_file(name)


@pytest.mark.parametrize(
    "name", ["absent.py", "package/absent", "./absent", "absent.pyw", Path("absent"), Path("numpy")]
)
def test_a_path_without_a_file_is_an_error_that_says_where_it_looked(folder: Path, name: str | Path) -> None:
    expected = str((folder / name).parent)

    with pytest.raises(ModuleNotResolvedError) as caught:
        resolve(name)

    assert f"{str(name)!r}: looked for {expected}" in str(caught.value)


@pytest.mark.parametrize(
    "name, hint",
    [
        ("minimal_modul.py", "Did you mean 'minimal_module.py'?"),
        ("package/prt", "Did you mean 'part.py'?"),
        ("no_folder/x.py", "There is no folder"),
        ("minimal-module", "Did you mean 'minimal_module.py'?"),
    ],
)
def test_an_error_offers_what_comes_close(folder: Path, name: str, hint: str) -> None:
    with pytest.raises(ModuleNotResolvedError) as caught:
        resolve(name)

    assert hint in str(caught.value)


@pytest.mark.parametrize(
    "name, reason",
    [
        ("", "is empty"),
        ("  ", "is empty"),
        ("..sibling", "relative module name"),
        (".part", "relative module name"),
        ("..", "There is no module file"),
        ("../x", "There is no module file"),
        ("a..b", "'' is no name that Python could import"),
        ("a.", "'' is no name that Python could import"),
        ("numpy; rm -rf ~", "is no name that Python could import"),
        ("$(ls)", "is no name that Python could import"),
        ("class", "'class' is no name that Python could import"),
        ("a.import.b", "'import' is no name that Python could import"),
        ("2d", "'2d' is no name that Python could import"),
        ("a\0b", "is no name that Python could import"),
        ("a/\0.py", "There is no module file"),
        ("~/x", "There is no module file"),
        ("C:\\x", "There is no module file"),
    ],
)
def test_what_is_neither_file_nor_name_is_refused(folder: Path, name: str, reason: str) -> None:
    with pytest.raises(ModuleNotResolvedError) as caught:
        resolve(name)

    assert reason in str(caught.value)


def test_a_file_that_is_no_python_is_refused_with_advice(folder: Path) -> None:
    with pytest.raises(ModuleNotResolvedError, match=r"'\./no_module\.txt' is a file, but no Python module"):
        resolve("./no_module.txt")


@pytest.mark.parametrize("module", [b"x.py", 3, None])
def test_what_is_neither_text_nor_path_is_a_type_error(module: object) -> None:
    with pytest.raises(TypeError):
        Resolver().resolve(module)  # type: ignore[arg-type]


def test_a_remembered_answer_follows_the_current_folder(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    resolver = Resolver(clock=Clock())
    first = resolver.resolve("other")
    (tmp_path / "other.py").write_text("")
    monkeypatch.chdir(tmp_path)

    assert (str(folder / "other.py"), str(tmp_path.resolve() / "other.py")) == (first, resolver.resolve("other"))


def test_an_absolute_path_is_remembered_in_whatever_folder_it_is_asked_for(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    resolver = Resolver(clock=Clock())
    first = resolver.resolve(folder / "other.py")
    monkeypatch.chdir(tmp_path)

    assert (first, 1) == (resolver.resolve(folder / "other.py"), len(resolver._answers))


def test_a_text_and_a_path_of_the_same_letters_are_remembered_apart(folder: Path) -> None:
    resolver = Resolver(clock=Clock())

    assert "package" == resolver.resolve("package")
    assert str(folder / "package" / "__init__.py") == resolver.resolve(Path("package"))


def test_an_answer_is_looked_up_again_after_a_moment(folder: Path) -> None:
    clock = Clock()
    resolver = Resolver(clock=clock)
    link = folder / "current"
    for release in ("one", "two"):
        (folder / release).mkdir()
        (folder / release / "deployed.py").write_text("")
    link.symlink_to(folder / "one")
    first = resolver.resolve("current/deployed.py")
    link.unlink()
    link.symlink_to(folder / "two")

    remembered = resolver.resolve("current/deployed.py")
    clock.now += RECHECK_SECONDS
    later = resolver.resolve("current/deployed.py")

    one, two = str(folder / "one" / "deployed.py"), str(folder / "two" / "deployed.py")
    assert (one, one, two) == (first, remembered, later)


def test_memory_of_answers_is_bounded(folder: Path) -> None:
    resolver = Resolver(clock=Clock())
    for index in range(3000):
        resolver.resolve(f"name_{index}")

    assert 1024 >= len(resolver._answers)


def test_a_removed_current_folder_leaves_dotted_names_usable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()

    assert "numpy.linalg" == resolve("numpy.linalg")


@pytest.mark.parametrize("path", ["script", "other", "other.py", Path("other.py")])
def test_a_script_may_have_any_ending(folder: Path, path: str | Path) -> None:
    name = os.fspath(path)
    expected = folder / (name if name in ("script", "other.py") else name + ".py")

    assert str(expected) == resolve_script(path)


def test_a_script_that_is_not_there_says_where_it_was_looked_for(folder: Path) -> None:
    with pytest.raises(ModuleNotResolvedError, match=r"There is no script 'scrip': looked for .*scrip and .*scrip\.py"):
        resolve_script("scrip")
