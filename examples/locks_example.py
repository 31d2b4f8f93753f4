"""What was installed, as a file: built again elsewhere, compared, and gone back to."""

import tempfile
from pathlib import Path

from wetlands import EnvironmentManager, ExternalEnvironment

with tempfile.TemporaryDirectory() as temporary, EnvironmentManager(Path(temporary, "instance")) as manager:
    env = manager.create("tiny", {"pip": ["iniconfig<2.1"]})
    assert isinstance(env, ExternalEnvironment)  # for the type checker: one with files of its own
    lock = env.lock(Path(temporary, "pixi.lock"))  # exactly these files, with their hashes

    env.update({"pip": ["iniconfig==2.1.0"]})
    print(*env.diff())  # what the update changed
    env.rollback()
    print(env.diff(lock))  # nothing

    # The same packages on another machine, or in a year; without a recipe, the lock says it all.
    other = manager.create("other", lock=lock)
    assert isinstance(other, ExternalEnvironment)
    print(other.diff(env))
