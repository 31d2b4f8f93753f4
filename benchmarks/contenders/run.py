"""Do one piece of work with one library and print what it cost: ``run.py LIBRARY WORK OPTIONS``.

Runs in the environment of the library. Spawned workers import this file again, so it imports next to nothing.
"""

if __name__ == "__main__":
    import importlib
    import json
    import os
    import sys

    _library, _work, _options = sys.argv[1:]
    # Libraries and their workers may write anything to stdout; what was measured is written to where it was before.
    _answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    _given = json.loads(_options)
    _contender = importlib.import_module(f"with_{_library}").CONTENDER(_given.pop("python"))
    try:
        _answer = getattr(_contender, _work)(**_given)
    except NotImplementedError:
        _answer = {}
    _answers.write(json.dumps(_answer))
    _answers.close()
