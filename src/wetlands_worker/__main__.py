"""Start a worker: ``python <this folder> CALL CONTROL PAGE SEGMENT NONCE SESSION``; or a template, or a keeper.

Python puts this folder first on ``sys.path``, where ``frames.py`` and the others would shadow a user's modules of the
same name. So the folder is taken off the path, and the package is adopted under its own name from where it lies.

With ``-X wetlands_bytecode=FOLDER`` its bytecode is kept there, and that of no other module.
"""

import sys


def _adopt() -> None:
    from _frozen_importlib import ModuleSpec  # noqa: PLC0415
    from _frozen_importlib_external import SourceFileLoader  # noqa: PLC0415 - importlib.util costs milliseconds

    folder = __file__[: -len("/__main__.py")]
    sys.path[:] = [entry for entry in sys.path if entry != folder]
    init = __file__[: -len("__main__.py")] + "__init__.py"
    cache = sys._xoptions.get("wetlands_bytecode")  # noqa: SLF001 - the documented name
    loader_class = _loader_with(cache, folder) if isinstance(cache, str) else SourceFileLoader
    loader = loader_class("wetlands_worker", init)
    spec = ModuleSpec("wetlands_worker", loader, origin=init, is_package=True)
    spec.submodule_search_locations = [folder]
    spec.has_location = True
    package = type(sys)("wetlands_worker")
    package.__spec__ = spec
    package.__file__ = init
    package.__path__ = [folder]
    package.__package__ = "wetlands_worker"
    package.__loader__ = loader
    sys.modules["wetlands_worker"] = package
    loader.exec_module(package)


def _loader_with(cache: str, folder: str) -> "type":
    """A loader that keeps bytecode in a folder of its own, used for the modules of this package."""
    from _frozen_importlib_external import FileFinder, SourceFileLoader  # noqa: PLC0415 - see above

    class Loader(SourceFileLoader):
        def get_code(self, fullname: str) -> object:  # type: ignore[override]  # a code object
            # At worst, a module that another thread imports at this moment is kept here as well, and found there once.
            before = sys.pycache_prefix, sys.dont_write_bytecode
            sys.pycache_prefix, sys.dont_write_bytecode = cache, False
            try:
                return super().get_code(fullname)
            finally:
                sys.pycache_prefix, sys.dont_write_bytecode = before

    sys.path_importer_cache[folder] = FileFinder(folder, (Loader, [".py"]))
    return Loader


if __name__ == "__main__":
    _adopt()
    arguments = sys.argv[1:]
    if arguments[0] == "template":
        from wetlands_worker import template

        arguments = template.main(int(arguments[1]))  # this process from here on, or a copy of it
    if arguments[0] == "keeper":
        from wetlands_worker.keeper import main
    elif arguments[0] == "persistent":
        arguments = arguments[1:]
        from wetlands_worker.persistent import main
    else:
        from wetlands_worker.begin import main
    main(arguments)
