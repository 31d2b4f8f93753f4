"""Calls of callables that a program handed over itself: a function told by its source, or one call for many rows.

A *reference* says where a callable is found. It is a tuple of plain values, which every Python reads, whoever wrote it:

* ``("name", target, qualname)``: what a call names too, see `wetlands_worker.modules`;
* ``("source", target, definition, qualname, captured, defaults, keyword defaults, annotations)``: a function that has
  no name in the file `target`. It is compiled from the text in its definition, and its globals are those of that file.
  The values that it captured are parts, in the order of their names in the definition, and so are its defaults.

A *definition* is ``(path, text, line, names, annotations are text)``: the second line of the text is the given line of
the file, so that tracebacks and debuggers find it; names are the captured variables. A *part* is ``("value", body,
buffers)``, ``("module", target)``, ``("callable", reference)``, or ``("itself",)``.
"""

from wetlands_worker.invoke import call as invoke
from wetlands_worker.modules import ModuleLoader
from wetlands_worker.values import decode

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import CodeType, FunctionType
    from typing import Any, Callable, Dict, List, Mapping, Sequence, Tuple

    from wetlands_worker.handle import RemoteTaskHandle

    Callback = Callable[..., Any]  # what a user's function takes and gives is the user's
    Definition = Tuple[str, str, int, Tuple[str, ...], bool]
    Plain = Tuple[Any, ...]  # see the top of this file

_MOST_COMPILED = 256
_compiled: "Dict[Definition, CodeType]" = {}


def call(reference: "Plain", values: "Plain", task: "RemoteTaskHandle") -> object:
    """Call what a reference refers to.

    Args:
        reference: See the top of this file.
        values: Body and buffers of ``(args, kwargs)``. They are decoded here, for their classes may be of the file that
            the reference names.
        task: The handle of this task.
    """
    function = found(reference)
    args, kwargs = _pair(decode(*values))
    return invoke(function, args, kwargs, task)


def call_each(reference: "Plain", values: "Plain", task: "RemoteTaskHandle") -> "List[object]":
    """Call what a reference refers to once for each row, until one fails or the task should stop.

    Args:
        reference: See the top of this file.
        values: Body and buffers of ``(rows, kwargs)``; a row is the positional arguments of one call.
        task: The handle of this task, which all the calls share.

    Returns:
        The results, in the order of the rows.
    """
    function = found(reference)
    rows, kwargs = _pair(decode(*values))
    return each(function, rows, kwargs, task)


def each(
    function: "Callback", rows: "Sequence[Sequence[object]]", kwargs: "Mapping[str, object]", task: "RemoteTaskHandle"
) -> "List[object]":
    """Call a function once for each row; when the task should stop, it ends as canceled before the next one."""
    results: "List[object]" = []
    for row in rows:
        if task.cancel_requested:
            task.cancel()
            break
        results.append(invoke(function, row, kwargs, task))
    return results


def found(reference: "Plain") -> "Callback":
    """The callable that a reference refers to, in a worker."""
    loader = ModuleLoader.of_this_process()
    if reference[0] == "name":
        return loader.function(reference[1], reference[2])
    target, definition, qualname, captured, defaults, keyword_defaults, annotations = reference[1:]
    namespace = vars(loader.load(target))
    function = defined(_hashable(definition), namespace, [_part(part, loader) for part in captured])
    function.__defaults__ = tuple(_part(part, loader) for part in defaults) or None
    function.__kwdefaults__ = {name: _part(part, loader) for name, part in keyword_defaults.items()}
    function.__annotations__ = dict(annotations)
    function.__qualname__ = qualname
    loader.load(target)  # last: the folder of this file is importable while the function runs
    return function


def defined(definition: "Definition", namespace: "Dict[str, Any]", captured: "Sequence[object]") -> "FunctionType":
    """Make the function of a definition, without defaults and annotations.

    Args:
        definition: See the top of this file.
        namespace: Its globals.
        captured: The values of the variables that it captures.

    Raises:
        SyntaxError: This Python does not know the syntax of its text.
    """
    code = _compiled.get(definition)
    if code is None:
        if len(_compiled) >= _MOST_COMPILED:
            _compiled.clear()
        code = _compiled[definition] = _compile(definition)
    scratch: "Dict[str, Any]" = {}
    exec(code, namespace, scratch)  # noqa: S102 - running the user's function is what was asked
    function: "FunctionType" = scratch["_defined"](*captured)
    return function


def _compile(definition: "Definition") -> "CodeType":
    """Code that defines a function `_defined`, which is given the captured values, and gives the function."""
    import __future__  # noqa: PLC0415 - see below

    import ast  # noqa: PLC0415 - most workers never need it

    path, text, line, names, annotations_are_text = definition
    tree = ast.parse(text, path)
    ast.increment_lineno(tree, line - 2)
    node: "Any" = tree.body[0]  # Any: each kind has fields of its own
    if isinstance(node, ast.If):
        node = node.body[0]
    outer: "Any" = ast.parse("def _defined(): pass").body[0]
    outer.args.args = [ast.arg(arg=name, annotation=None) for name in names]
    if isinstance(node, ast.Expr):
        function: "Any" = node.value
        outer.body = [ast.Return(value=function)]
    else:
        function = node
        function.decorator_list, function.returns = [], None
        outer.body = [function, ast.Return(value=ast.Name(id=function.name, ctx=ast.Load()))]
    given = function.args
    given.defaults, given.kw_defaults = [], [None] * len(given.kwonlyargs)
    for parameter in (*given.posonlyargs, *given.args, given.vararg, *given.kwonlyargs, given.kwarg):
        if parameter is not None:
            parameter.annotation = None
    module = ast.fix_missing_locations(ast.Module(body=[outer], type_ignores=[]))
    flags = __future__.annotations.compiler_flag if annotations_are_text else 0
    code: "CodeType" = compile(module, path, "exec", flags=flags, dont_inherit=True)
    return code


def _part(part: "Plain", loader: ModuleLoader) -> object:
    if part[0] == "value":
        return decode(part[1], part[2])
    if part[0] == "module":
        return loader.load(part[1])
    return found(part[1]) if part[0] == "callable" else None  # itself: its own `def` binds the name


def _hashable(definition: "Sequence[Any]") -> "Definition":
    path, text, line, names, annotations_are_text = definition
    return path, text, line, tuple(names), annotations_are_text


def _pair(values: "Any") -> "Tuple[Any, Any]":  # Any: whatever the user passed
    first, second = values
    return first, second
