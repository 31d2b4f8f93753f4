"""A backend that makes prefixes without tools, and an observer that remembers what it heard."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from wetlands._platform.layout import pythons
from wetlands._spec import Spec, parse_pypi
from wetlands._store.provision import Order
from wetlands.external_environment import ExternalEnvironment

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from wetlands._backends.api import BuildObserver, Progress
    from wetlands._store.store import Store
    from wetlands.environment import Environment

PYTHON_VERSION = "3.11.7"


def nothing(_place: str) -> None:
    """Sabotage that does nothing."""


class FakeBackend:
    """Makes what looks like a virtual environment with the packages of a spec.

    Args:
        sabotage: Called with "half built" (and "half installed") in the middle of the work; may raise or kill.
    """

    name = "fake"

    def __init__(self, sabotage: Callable[[str], None] = nothing) -> None:
        self.sabotage = sabotage
        self.builds = 0
        self.installs = 0

    def build(self, spec: Spec, prefix: Path, observer: BuildObserver) -> None:
        self.builds += 1
        observer.stage("create", f"Making {prefix.name}")
        python = pythons(prefix, "venv")[0]
        python.parent.mkdir(parents=True)
        python.write_text("an interpreter")
        self.sabotage("half built")
        (prefix / "pyvenv.cfg").write_text(f"version = {PYTHON_VERSION}\n")
        read_only = prefix / "lib" / "python3.11" / "read only"
        read_only.mkdir(parents=True)
        (read_only / "file").write_text("resists deletion")
        (read_only / "file").chmod(0o400)
        read_only.chmod(0o500)
        self._add(spec, prefix, observer)

    def install(self, spec: Spec, prefix: Path, observer: BuildObserver) -> None:
        self.installs += 1
        observer.stage("install", "Adding")
        self._add(spec, prefix, observer)
        self.sabotage("half installed")

    def _add(self, spec: Spec, prefix: Path, observer: BuildObserver) -> None:
        for requirement in spec.pypi:
            folder = prefix / "lib" / "python3.11" / "site-packages" / f"{requirement.name}-1.0.dist-info"
            folder.mkdir(parents=True, exist_ok=True)
            (folder / "METADATA").write_text(f"Name: {requirement.name}\nVersion: 1.0\n")
            observer.output(f"+ {requirement.name}==1.0")


class Watcher:
    """An observer that remembers; `canceled` is what it answers when asked whether to stop.

    Args:
        on_stage: Called with each stage and its message.
    """

    def __init__(self, on_stage: Callable[[str, str], None] = lambda stage, message: None) -> None:
        self.stages: list[tuple[str, str]] = []
        self.lines: list[str] = []
        self.steps: list[Progress] = []
        self.canceled = False
        self._on_stage = on_stage

    def stage(self, stage: str, message: str) -> None:
        self.stages.append((stage, message))
        self._on_stage(stage, message)

    def progress(self, progress: Progress) -> None:
        self.steps.append(progress)

    def output(self, line: str) -> None:
        self.lines.append(line)

    @property
    def cancel_requested(self) -> bool:
        return self.canceled


def spec_of(*packages: str, commands: Iterable[str] = ()) -> Spec:
    """A recipe of PyPI packages."""
    return Spec(pypi=tuple(parse_pypi(package) for package in packages), commands=tuple(commands))


def order_of(spec: Spec, backend: FakeBackend | None = None, *, name: str = "tools") -> Order:
    """An order for an environment called "tools"."""
    return Order(name, spec, Path("/program"), backend or FakeBackend(), "it is a test")


def contents(store: Store) -> list[str]:
    """What lies in an instance folder when all debris was given back, two levels deep, locks left out."""
    assert store.reclaimer.wait(10)
    found = [path.relative_to(store.layout.root).as_posix() for path in store.layout.root.glob("*/*/*")]
    found += [path.relative_to(store.layout.root).as_posix() for path in store.layout.debris.glob("*")]
    return sorted(path for path in found if not path.endswith(".lock"))


def external(environment: Environment) -> ExternalEnvironment:
    """The environment, as what the type checker should know it is."""
    assert isinstance(environment, ExternalEnvironment)
    return environment
