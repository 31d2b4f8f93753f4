"""The tool that a build needs: found where the user says, else on PATH, else downloaded."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wetlands._backends.conda.condarc import read_condarc
from wetlands._backends.offline import is_offline
from wetlands._backends.tools.found import FoundTool, places_in, tool_at, tool_on_path, version_of
from wetlands._backends.tools.pins import ASSETS, MIRROR_VARIABLE, executable_name, pinned
from wetlands._platform.names import current_platform
from wetlands.exceptions import DownloadError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from wetlands._backends.api import BuildObserver
    from wetlands._backends.tools.pins import Pin, Tool

__all__ = ["Toolbox"]

_OFFLINE = ("CONDA_OFFLINE", "PIXI_OFFLINE", "MAMBA_OFFLINE")


class Toolbox:
    """Where one tool comes from. Making one touches nothing.

    Args:
        tool: The tool.
        env: The environment variables, with proxies and certificates.
        folder: What the downloaded tools lie in, where the user says nothing.
        conda_path: The executable, or the folder it is or will be installed in, as the user says; None when he does
            not.
        platform: The machine, in conda's words.
        pin: What is downloaded; by default what the library pins for the machine.
    """

    def __init__(
        self,
        tool: Tool,
        *,
        env: Mapping[str, str],
        folder: Path,
        conda_path: Path | None = None,
        platform: str | None = None,
        pin: Pin | None = None,
    ) -> None:
        self._tool = tool
        self._env = env
        self._folder = folder
        self._conda_path = None if conda_path is None else conda_path.expanduser().absolute()
        self._platform = platform or current_platform()
        self._pin = pin
        self._found: FoundTool | None = None

    def find(self) -> FoundTool | None:
        """Return the tool if it is on this machine; nothing is downloaded.

        Raises:
            ProvisioningError: What the user names cannot be run, or is too old.
        """
        if self._found is None:
            self._found, _ = self._look()
        return self._found

    def obtain(self, observer: BuildObserver) -> FoundTool:
        """Return the tool, downloading it if it must be.

        Args:
            observer: Hears why and how far, and may stop it.

        Raises:
            DownloadError: It cannot be had, or the network is turned off.
            ProvisioningCanceledError: The observer asked to stop.
            ProvisioningError: What the user names cannot be run, or the tool cannot be installed.
        """
        if self._found is None:
            self._found, reason = self._look()
            if self._found is None:
                observer.output(f"{reason}: it is downloaded.")
                self._found = self._fetch(observer)
        return self._found

    def _look(self) -> tuple[FoundTool | None, str]:
        """Look in the order of api.md, and say why it was not found."""
        name = executable_name(self._tool, self._platform)
        if self._conda_path is not None:
            found = tool_at(self._tool, self._conda_path, name, self._env)
            if found is not None:
                return found, ""
        found, reason = tool_on_path(self._tool, self._env)
        if found is not None:
            return found, ""
        if self._conda_path is None and self._platform in ASSETS[self._tool]:
            found = tool_at(self._tool, self._home(), name, self._env)
        return found, reason

    def _home(self) -> Path:
        """Return the folder to install in; one of the version, unless the user names another."""
        return self._conda_path or self._folder / f"{self._tool}-{self._release().version}"

    def _release(self) -> Pin:
        if self._pin is None:
            self._pin = pinned(self._tool, self._platform, mirror=self._env.get(MIRROR_VARIABLE, ""))
        return self._pin

    def _fetch(self, observer: BuildObserver) -> FoundTool:
        from wetlands._backends.tools.install import install  # noqa: PLC0415 - brings all of http and ssl along

        pin = self._release()
        if self._is_offline():
            raise DownloadError(
                pin.url,
                f"{self._tool} is not on this machine, and cannot be downloaded: the network is turned off "
                f"({', '.join(_OFFLINE)}, or offline in .condarc)",
                f"Install {self._tool}, name its executable with conda_path=..., or turn the network on.",
            )
        name = executable_name(self._tool, self._platform)
        executable = _executable(self._home(), name)
        install(pin, executable, env=self._env, observer=observer)
        return FoundTool(self._tool, executable, version_of(executable, self._env))

    def _is_offline(self) -> bool:
        return is_offline(self._env, *_OFFLINE) or read_condarc(self._env).offline


def _executable(home: Path, name: str) -> Path:
    """Return where to install: the path itself where it names an executable, else in ``bin`` of the folder."""
    if home.name.lower() == name.lower() and home.parent.name == "bin":
        return home
    return places_in(home, name)[2]
