"""Commands that run something in an environment: a script or function in a worker, or any program."""

from __future__ import annotations

import ast
import shutil
from contextlib import contextmanager
from pprint import pformat
from typing import TYPE_CHECKING

import click

from wetlands._cli.environments import complete_name
from wetlands._cli.instance import pass_instance
from wetlands._cli.tables import show_json
from wetlands.exceptions import ExecutionException

if TYPE_CHECKING:
    import logging
    from collections.abc import Iterator, Sequence

    from wetlands._cli.instance import Instance
    from wetlands.external_environment import ExternalEnvironment

__all__ = ["COMMANDS", "arguments_of", "split_target"]

_NOT_FOUND = 127
_AS_THEY_ARE = {"ignore_unknown_options": True, "allow_interspersed_args": False}


@click.command(context_settings=_AS_THEY_ARE)
@click.option("--timeout", type=click.FloatRange(min=0, min_open=True), help="Seconds that it may run.")
@click.option("--json", "as_json", is_flag=True, help="Print what a function returned as JSON.")
@click.argument("name", shell_complete=complete_name)
@click.argument("target")
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
@pass_instance
def run(
    instance: Instance, name: str, target: str, arguments: Sequence[str], *, timeout: float | None, as_json: bool
) -> None:
    """Run a script or a function in a worker.

    A target is the path of a script, or module:function, where module is a file or a name to import. Options of this
    command come before the name. What comes after the target is for the target: a script gets it as it is; for a
    function, each is a Python value, or text if it is none, and goes by name when written name=value.

    \b
    wetlands run cellpose segment.py --diameter 30
    wetlands run cellpose ./analysis.py:count "[1, 2, 3]" scale=2.5
    """
    module, function = split_target(target)
    with instance.manager() as manager, _shown_output(), manager.load(name) as environment:
        environment.launch()
        try:
            if not function:
                environment.run_script(module, arguments, timeout=timeout)
                return
            args, options = arguments_of(arguments)
            result = environment.execute(module, function, args, options, timeout=timeout)
        except ExecutionException as error:
            if error.failure.traceback:
                click.echo(error.failure.traceback, err=True)
            click.secho(f"Error: {error}", fg="red", err=True)
            raise click.exceptions.Exit(1) from None
    if as_json:
        show_json(result)
    elif result is not None:
        click.echo(pformat(result))


@click.command("exec", context_settings=_AS_THEY_ARE)
@click.argument("name", shell_complete=complete_name)
@click.argument("command", nargs=-1, required=True, type=click.UNPROCESSED)
@pass_instance
def execute(instance: Instance, name: str, command: Sequence[str]) -> None:
    """Run any program in an environment.

    It runs with the environment activated, and its exit code is that of this command.

    \b
    wetlands exec cellpose python -m pip list
    """
    from wetlands._platform.become import become  # noqa: PLC0415 - needed here only

    with instance.manager() as manager:
        environment: ExternalEnvironment = manager.load(name)  # type: ignore[assignment]  # load() opens no other
        manager.mark_in_use(environment)  # ends with the process, which the command takes over
        variables = manager.child_environment(environment.prefix)
        program = shutil.which(command[0], path=variables.get("PATH"))
        if program is None:
            click.secho(f"Error: there is no program {command[0]!r} in {name} or on PATH.", fg="red", err=True)
            raise click.exceptions.Exit(_NOT_FOUND)
        become([program, *command[1:]], variables)


def split_target(target: str) -> tuple[str, str]:
    """Return module and function of ``module:function``; the function is empty for a script.

    Raises:
        UsageError: It is neither a function nor the path of a script.
    """
    module, colon, function = target.rpartition(":")
    if colon and all(part.isidentifier() for part in function.split(".")):
        return module, function
    if not target.endswith((".py", ".pyw")):
        raise click.UsageError(f"{target!r} is neither a script (script.py) nor a function (module:function).")
    return target, ""


def arguments_of(words: Sequence[str]) -> tuple[tuple[object, ...], dict[str, object]]:
    """Return the arguments that words of a command line mean for a function.

    Each is read as a Python literal (``3``, ``"text"``, ``[1, 2]``, ``None``), and is text when it is none; what begins
    with a name and ``=`` goes by that name.
    """
    args: list[object] = []
    options: dict[str, object] = {}
    for word in words:
        name, equals, value = word.partition("=")
        if equals and name.isidentifier():
            options[name] = _value(value)
        else:
            args.append(_value(word))
    return tuple(args), options


def _value(text: str) -> object:
    try:
        value: object = ast.literal_eval(text)
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return text
    return value


@contextmanager
def _shown_output() -> Iterator[None]:
    """Print what workers write, to the stream they wrote it to."""
    from wetlands.logger import attach_log_handler, logger  # noqa: PLC0415 - help and completion need none of it

    def show(record: logging.LogRecord) -> None:
        click.echo(record.getMessage(), err=record.__dict__.get("stream") == "stderr")

    handler = attach_log_handler(
        show, filter=lambda record: record.__dict__.get("stream") is not None and record.__dict__["stage"] is None
    )
    try:
        yield
    finally:
        logger.removeHandler(handler)


COMMANDS = (run, execute)
