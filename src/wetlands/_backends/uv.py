"""The uv backend: virtual environments from the interpreters of this machine, packages from PyPI."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from wetlands._backends.existing import adopt
from wetlands._backends.interpreters import find_interpreter
from wetlands._backends.neutral import neutral_folder
from wetlands._backends.tool import run_tool
from wetlands._backends.uv_advice import advice, is_unreachable
from wetlands._backends.uv_progress import UvProgress
from wetlands._backends.uv_recipe import (
    check_references,
    extra_files,
    local_line,
    pinned_project,
    requirement_line,
    settings_options,
    with_settings,
)
from wetlands._backends.uv_settings import tool_environment
from wetlands._spec import NO_SETTINGS
from wetlands._spec.secrets import masked
from wetlands.exceptions import CommandFailedError, InterpreterNotFoundError, ProvisioningError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from wetlands._backends.api import BuildObserver
    from wetlands._backends.interpreters import Interpreter
    from wetlands._spec import LocalRequirement, PypiRequirement, PypiSettings
    from wetlands._spec.model import Spec
    from wetlands._spec.python import PythonRequirement

__all__ = ["InstallStep", "UvBackend", "asked_of_conda", "find_uv", "install_steps", "refuse_conda"]


class UvBackend:
    """Builds virtual environments with uv, and installs PyPI and local packages into any prefix.

    The settings of the user apply (``uv.toml`` in his and the system's configuration folders, ``UV_*`` variables:
    indexes, credentials, cache, certificates); those of a project that the program happens to be started in do not.
    Interpreters are never downloaded.

    Args:
        env: The environment variables to work with, proxies included.
        base: What relative paths of local packages begin at: the folder the spec was parsed with.
        uv: The uv binary; by default the one `find_uv` finds when it is needed.
        find: Finds the interpreter for a Python requirement.
        resolving: Whether what packages need is installed with them.
    """

    def __init__(
        self,
        env: Mapping[str, str],
        *,
        base: Path,
        uv: Path | None = None,
        find: Callable[..., Interpreter] = find_interpreter,
        resolving: bool = True,
    ) -> None:
        self._resolving = resolving
        self._env = env
        self._base = base
        self._uv = uv
        self._find = find
        self._found: dict[PythonRequirement, Interpreter] = {}

    @property
    def name(self) -> str:
        """The name a record stores."""
        return "uv"

    def has_python(self, spec: Spec) -> bool:
        """Say whether this machine has an interpreter that `build` would take.

        Raises:
            ProvisioningError: There is no uv to ask.
        """
        try:
            self._interpreter(spec)
        except InterpreterNotFoundError:
            return False
        return True

    def build(self, spec: Spec, prefix: Path, observer: BuildObserver) -> None:
        """Make a virtual environment and install the packages of the spec.

        Raises:
            InterpreterNotFoundError: No interpreter on this machine satisfies the spec.
            CommandFailedError: uv failed; the error carries its reason, and advice where there is some.
            ProvisioningCanceledError: The observer asked to stop.
            ProvisioningError: The spec names conda packages, or there is no uv.
        """
        refuse_conda(spec)
        self.make_empty(spec, prefix, observer)
        self.install(spec, prefix, observer)

    def make_empty(self, spec: Spec, prefix: Path, observer: BuildObserver) -> None:
        """Make a virtual environment with the Python of the spec, and nothing else in it.

        Raises:
            ProvisioningError: As `build`.
        """
        interpreter = self._interpreter(spec)
        prefix = prefix.absolute()  # uv runs in another folder
        observer.stage("create", f"Creating a virtual environment with Python {interpreter}")
        prefix.mkdir(parents=True)
        with neutral_folder(prefix) as folder:
            # Our folder lies in the prefix already: --allow-existing. A project around it has no say: --no-project.
            options = ("--allow-existing", "--no-project", "--no-python-downloads")
            self._run(["venv", *options, "--python", str(interpreter.path), str(prefix)], folder, observer)

    def install(self, spec: Spec, prefix: Path, observer: BuildObserver, *, anew: bool = False) -> None:
        """Add the PyPI and local packages of the spec; what is installed and fits stays as it is.

        With ``anew`` it does not stay: it is removed, and installed from a file that was fetched again.

        Raises:
            CommandFailedError: uv failed; the error carries its reason, and advice where there is some.
            ProvisioningCanceledError: The observer asked to stop.
            ProvisioningError: The spec names conda packages, or there is no uv.
            EnvironmentNotFoundError: There is no environment at the prefix.
        """
        refuse_conda(spec)
        adopted = adopt(prefix)
        with neutral_folder(adopted.path) as folder:
            check_references(spec, self._env)
            alone = () if self._resolving else ("--no-deps",)
            options = (*alone, *settings_options(spec.settings), *extra_files(spec, folder))
            if anew:
                names = [*(entry.name for entry in spec.pypi), *(entry.name for entry in spec.local)]
                # The files in uv's cache may be the same ones, by hard links, and damaged with them. Forced: every
                # `uv run` holds the cache as long as its program runs, and would have to be waited for.
                self._run(["cache", "clean", "--force", *names], folder, observer)
                options += tuple(f"--reinstall-package={name}" for name in names)
            for step in install_steps(spec, self._base):
                observer.stage("install", masked(f"Installing {', '.join(step.names)}"))
                # In a file: argv is limited on Windows, and shown to every user of the machine by `ps`.
                requirements = folder / "requirements.txt"
                requirements.write_text("".join(f"{line}\n" for line in step.lines), encoding="utf-8")
                files = ["--python", str(adopted.python), "--requirements", str(requirements)]
                if step.pinned:
                    files += ["--requirements", str(self._write_pinned(step, folder))]
                # In a prefix that is no virtual environment uv leaves its lock among the temporary files.
                temporary = folder if adopted.kind == "conda" else None
                argv = ["pip", "install", *step.options, *options, *files]
                self._run(argv, folder, observer, spec.settings, temporary=temporary)

    def _write_pinned(self, step: InstallStep, folder: Path) -> Path:
        project = folder / "pinned" / "pyproject.toml"
        project.parent.mkdir(exist_ok=True)
        project.write_text(pinned_project(step.pinned, self._base, self._env), encoding="utf-8")
        return project

    def _interpreter(self, spec: Spec) -> Interpreter:
        """Find the interpreter for a spec, once: looking takes longer than anything else here."""
        if spec.python not in self._found:
            env = tool_environment(self._env, cwd=Path.cwd())
            self._found[spec.python] = self._find(spec.python, uv=self._binary(), env=env)
        return self._found[spec.python]

    def _run(
        self,
        argv: Sequence[str],
        folder: Path,
        observer: BuildObserver,
        settings: PypiSettings = NO_SETTINGS,
        *,
        temporary: Path | None = None,
    ) -> None:
        env = with_settings(tool_environment(self._env, cwd=Path.cwd()), settings, self._base)
        if temporary is not None:
            env.update(dict.fromkeys(("TMPDIR", "TEMP", "TMP"), str(temporary)))
        run = partial(run_tool, [str(self._binary()), *argv], cwd=folder, advise=partial(advice, env=env))
        try:
            run(env=env, observer=UvProgress(observer))
        except CommandFailedError as error:
            if env.get("UV_OFFLINE") or not is_unreachable(error.output):
                raise
            observer.stage("install", "The network cannot be reached: trying with what the cache of uv holds")
            try:
                run(env={**env, "UV_OFFLINE": "1"}, observer=UvProgress(observer))
            except CommandFailedError:
                raise error from None

    def _binary(self) -> Path:
        if self._uv is None:
            self._uv = find_uv(self._env)
        return self._uv


@dataclass(frozen=True)
class InstallStep:
    """One call of ``uv pip install``.

    Attributes:
        names: What it installs, for people.
        lines: The lines of its requirements file.
        options: Its options.
        pinned: What it takes each from one index only; not among the lines.
    """

    names: tuple[str, ...]
    lines: tuple[str, ...]
    options: tuple[str, ...] = ()
    pinned: tuple[PypiRequirement, ...] = ()


def install_steps(spec: Spec, base: Path) -> tuple[InstallStep, ...]:
    """Return the calls that install the PyPI and local packages of a spec, in order; none for an empty spec.

    Packages wanted without their dependencies come last: they then replace what others pulled in of them.

    Args:
        spec: The spec.
        base: What relative paths of local packages begin at.
    """
    whole = [entry for entry in spec.pypi if entry.dependencies]
    alone = [entry for entry in spec.pypi if not entry.dependencies]
    checked = ("--require-hashes",) if spec.settings.require_hashes else ()
    # uv's cache takes a folder for unchanged while its pyproject.toml is; edited sources must not be missed.
    fresh = tuple(f"--reinstall-package={entry.name}" for entry in spec.local)
    steps = []
    if checked and spec.local:  # folders have no hash: what they need is there before them
        steps = [_step(whole, (), base, checked), _step([], spec.local, base, fresh)]
    elif whole or spec.local:
        steps = [_step(whole, spec.local, base, (*checked, *fresh))]
    if alone:
        steps.append(_step(alone, (), base, ("--no-deps", *checked)))
    return tuple(step for step in steps if step.names)


def _step(
    pypi: Sequence[PypiRequirement], local: Sequence[LocalRequirement], base: Path, options: tuple[str, ...]
) -> InstallStep:
    names = (*(entry.text for entry in pypi), *(entry.text for entry in local))
    lines = [requirement_line(entry) for entry in pypi if not entry.index]
    lines += [local_line(entry, base) for entry in local]
    return InstallStep(names, tuple(lines), options, tuple(entry for entry in pypi if entry.index))


def find_uv(env: Mapping[str, str]) -> Path:
    """Find the uv binary: the one of the ``uv`` package, else the one on PATH.

    Raises:
        ProvisioningError: There is neither.
    """
    try:
        import uv  # noqa: PLC0415 - missing where uv was installed by other means, such as conda

        return Path(uv.find_uv_bin())
    except (ImportError, FileNotFoundError):
        found = shutil.which("uv", path=env.get("PATH"))
    if found is None:
        raise ProvisioningError(
            "The uv binary was found neither in the uv package nor on PATH. Install it with `pip install uv`."
        )
    return Path(found)


def asked_of_conda(spec: Spec) -> str:
    """Return what only conda can give of a spec, for people; secrets masked."""
    return masked(", ".join(entry.text for entry in spec.conda) or f"channels ({', '.join(spec.channels)})")


def refuse_conda(spec: Spec) -> None:
    """Check that a spec asks for nothing that uv cannot give.

    Raises:
        ProvisioningError: It names conda packages or channels.
    """
    if spec.has_conda:
        raise ProvisioningError(
            f"uv installs from PyPI only, and the recipe asks conda for {asked_of_conda(spec)}. "
            'Name packages that PyPI has in "pip" instead.'
        )
