"""The verbs that run commands of the user in an environment."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from wetlands._launch.proxies import proxy_variables
from wetlands._launch.services import LaunchServices
from wetlands._manager.names import prefix_of
from wetlands._platform.names import current_platform
from wetlands._spec import parse_commands

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Mapping

    from wetlands._launch.command_processes import CommandProcesses
    from wetlands._launch.output import ProcessLogger
    from wetlands._spec import Commands
    from wetlands.environment import Environment

__all__ = ["Commanding"]


class Commanding(LaunchServices):
    """Runs commands, with the variables of an environment."""

    _commands: CommandProcesses

    def execute_commands(  # noqa: PLR0917 - the parameters of the 1.x interface
        self,
        environment: Environment,
        commands: Commands,
        additional_activate_commands: Commands | None = None,
        popen_kwargs: Mapping[str, Any] | None = None,  # Any: what Popen takes is the user's to know
        wait: bool = False,  # noqa: FBT001, FBT002 - the 1.x interface
        log_context: Mapping[str, object] | None = None,
        log: bool = True,  # noqa: FBT001, FBT002 - the 1.x interface
    ) -> subprocess.Popen[Any]:
        """Run shell lines in the activated environment, one after the other, until one fails.

        Args:
            environment: The environment.
            commands: The lines.
            additional_activate_commands: Lines to run before them in the same shell.
            popen_kwargs: Arguments of ``subprocess.Popen``. By default the output is text in UTF-8, with stderr merged
                into stdout, and stdin is empty.
            wait: Whether to wait for the end.
            log_context: Attributes for the log records of the output.
            log: Whether the output is logged; otherwise the caller reads ``process.stdout``.

        Returns:
            The process. It is ended with this manager.
        """
        lines = [
            *parse_commands(additional_activate_commands, current_platform(), "additional_activate_commands"),
            *parse_commands(commands, current_platform()),
        ]
        self._open_logs()
        with self._logs.attributed():
            process = self._commands.start(
                lines,
                environment=self.child_environment(prefix_of(environment)),
                popen_kwargs=popen_kwargs,
                context={"env_name": environment.name, **(log_context or {})},
                log=log,
            )
        if wait:
            self._commands.wait(process)
        return process

    def get_process_logger(self, process: subprocess.Popen[Any]) -> ProcessLogger:
        """Return the output of a process that `execute_commands` started: to subscribe to, wait for or read back.

        Raises:
            ValueError: It was not started here, or long ago.
        """
        with self._logs.attributed():
            return self._commands.output_of(process)

    def set_proxies(self, proxies: Mapping[str, str]) -> None:
        """Set the proxies that builds, workers and commands started from now on use; none forgets them.

        They travel in environment variables, so they are in no command line.

        Args:
            proxies: URLs by scheme: ``{"http": ..., "https": ...}``; ``"all"`` and ``"no"`` are known too.
        """
        self._proxies = proxy_variables(proxies)
