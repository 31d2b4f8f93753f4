"""The program ``wetlands``: its commands, the options that all have, and what becomes of an error."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from wetlands._cli import cleaning, debugging, doctor, environments, killing, locking, logs, running, watching
from wetlands._cli.instance import Instance
from wetlands.exceptions import WetlandsError

__all__ = ["app", "main"]

_INTERRUPTED = 130


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.option(
    "-wip",
    "--instance",
    "--wetlands_instance_path",
    "instance",
    type=click.Path(path_type=Path),
    default="wetlands",
    envvar="WETLANDS_INSTANCE_PATH",
    show_default=True,
    show_envvar=True,
    help="The folder of the environments, as given to EnvironmentManager.",
)
@click.option("--debug", is_flag=True, help="Show what the library logs, and the tracebacks of errors.")
@click.version_option(package_name="wetlands")
@click.pass_context
def app(context: click.Context, instance: Path, *, debug: bool) -> None:
    """Isolated environments on demand, and code that runs in them."""
    context.obj = Instance(instance)
    if debug:
        from wetlands.logger import enable_console_logging  # noqa: PLC0415 - for one option

        enable_console_logging("DEBUG")


for _commands in (environments, locking, cleaning, running, watching, killing, logs, debugging, doctor):
    for _command in _commands.COMMANDS:
        app.add_command(_command)


def main() -> None:
    """Run the command of ``sys.argv`` and leave.

    The exit code is 0, 1 after an error, 2 for words that are no command, 130 after Ctrl-C; `exec` has that of its
    command.
    """
    sys.exit(_code(app))


def _code(command: click.Command) -> int:
    """Run a command; what the library says is wrong is one sentence on stderr, and no traceback."""
    try:
        code = command(standalone_mode=False)
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except click.Abort as abort:  # click's word for both an answer that is no, and Ctrl-C
        click.echo("Aborted.", err=True)
        return _INTERRUPTED if isinstance(abort.__cause__, KeyboardInterrupt) else 1
    except BrokenPipeError:  # `wetlands list | head`
        return 1
    except (WetlandsError, OSError, ValueError) as error:
        if "--debug" in sys.argv:
            raise
        click.secho(f"Error: {error}", fg="red", err=True)
        return 1
    return code if isinstance(code, int) else 0
