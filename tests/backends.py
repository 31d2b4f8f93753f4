"""Stand-ins at the seam of the backends: an observer that remembers, and a backend that needs neither uv nor network.

`FakeBackend` keeps the contract of `tests/contract/test_backend_contract.py`.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from wetlands._platform.layout import pythons
from wetlands.exceptions import CommandFailedError, ProvisioningCanceledError

if TYPE_CHECKING:
    from collections.abc import Callable

    from wetlands._backends.api import BuildObserver, Progress
    from wetlands._spec.model import Spec


@dataclass
class RecordingObserver:
    """Remembers what it is told; asks to stop once `stop_when` holds for it."""

    stop_when: Callable[[RecordingObserver], bool] = lambda _: False
    stages: list[str] = field(default_factory=list)
    messages: list[str] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)
    steps: list[Progress] = field(default_factory=list)

    def stage(self, stage: str, message: str) -> None:
        self.stages.append(stage)
        self.messages.append(message)

    def progress(self, progress: Progress) -> None:
        self.steps.append(progress)

    def output(self, line: str) -> None:
        self.lines.append(line)

    @property
    def cancel_requested(self) -> bool:
        return self.stop_when(self)


class FakeBackend:
    """Makes a prefix around the interpreter of the tests in a few milliseconds, and writes down what it should hold.

    A requirement whose name begins with `missing` cannot be installed.
    """

    name = "fake"

    def build(self, spec: Spec, prefix: Path, observer: BuildObserver) -> None:
        observer.stage("create", "Creating")
        python = pythons(prefix, "venv")[0]
        python.parent.mkdir(parents=True)
        base = Path(getattr(sys, "_base_executable", sys.executable)).resolve()
        python.symlink_to(base)
        version = f"{sys.version_info[0]}.{sys.version_info[1]}"
        (prefix / "pyvenv.cfg").write_text(f"home = {base.parent}\nversion = {version}\n", encoding="utf-8")
        (prefix / "lib" / f"python{version}" / "site-packages").mkdir(parents=True)
        self.install(spec, prefix, observer)

    def install(self, spec: Spec, prefix: Path, observer: BuildObserver) -> None:
        observer.stage("install", "Installing")
        site_packages = next(prefix.glob("lib/*/site-packages"))
        for name in [*(entry.name for entry in spec.pypi), *(entry.name for entry in spec.local)]:
            if observer.cancel_requested:
                raise ProvisioningCanceledError("The build was cancelled.")
            if name.startswith("missing"):
                raise CommandFailedError("fake install", 1, [f"{name} was not found"])
            observer.output(f" + {name}")
            dist_info = site_packages / f"{name}-1.0.dist-info"
            dist_info.mkdir(exist_ok=True)
            (dist_info / "METADATA").write_text(f"Name: {name}\nVersion: 1.0\n", encoding="utf-8")
