"""Scripts: a file run as `python path args` would run it, in this process."""

import sys
from _frozen_importlib_external import SourceFileLoader  # see sources.py

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Dict, Mapping, Sequence, Union

_BOUND_BY_IMPORTS = ("typing", "typing_extensions", "__future__")


class ScriptExit(Exception):  # noqa: N818 - it names what the script did; whether that was an error is its code
    """A script called `sys.exit` with something else than success.

    Attributes:
        path: The script.
        code: Its exit code, or the message it gave instead of one.
    """

    def __init__(self, path: str, code: "Union[int, str]") -> None:
        super().__init__(path, code)
        self.path = path
        self.code = code

    def __str__(self) -> str:
        if isinstance(self.code, str):
            return f"{self.path} exited: {self.code}"
        return f"{self.path} exited with code {self.code}"


def run(path: str, args: "Sequence[object]", run_name: str) -> "Dict[str, object]":
    """Run a file in a fresh module; its public globals afterwards.

    `sys.argv` and `sys.modules[run_name]` are the script's while it runs, and restored however it ends. `SystemExit`
    with no code, or with 0, is success.

    Raises:
        ScriptExit: The script exited otherwise.
        Exception: Whatever it raises, `SyntaxError` and `OSError` of reading it included.
    """
    with open(path, "rb") as file:
        code = compile(file.read(), path, "exec", dont_inherit=True)
    module = type(sys)(run_name)
    vars(module).update(__file__=path, __loader__=SourceFileLoader(run_name, path), __spec__=None, __package__=None)
    before, argv = sys.modules.get(run_name), sys.argv
    sys.modules[run_name] = module
    sys.argv = [path, *map(str, args)]
    try:
        exec(code, vars(module))  # noqa: S102 - running the user's script is what was asked
    except SystemExit as leaving:
        reason = _exit_code(leaving.code)
        if reason != 0:
            raise ScriptExit(path, reason) from leaving
    finally:
        sys.argv = argv
        if before is None:
            sys.modules.pop(run_name, None)
        else:
            sys.modules[run_name] = before
    return public_globals(vars(module))


def public_globals(namespace: "Mapping[str, object]") -> "Dict[str, object]":
    """The values among a script's globals: no private names, modules, functions, classes, or names of types.

    Whether a value can cross to the host is for whoever encodes it to find out.
    """
    return {name: value for name, value in namespace.items() if not name.startswith("_") and _is_value(value)}


def _is_value(value: object) -> bool:
    import types  # noqa: PLC0415 - not needed on the way to the first call

    kind = type(value)
    functions = (types.FunctionType, types.BuiltinFunctionType, types.MethodType, types.MethodWrapperType)
    if isinstance(value, (type, types.ModuleType, *functions)):
        return False
    return kind.__module__ not in _BOUND_BY_IMPORTS and kind.__name__ not in ("GenericAlias", "UnionType")


def _exit_code(code: object) -> "Union[int, str]":
    if code is None:
        return 0
    return int(code) if isinstance(code, int) else str(code)
