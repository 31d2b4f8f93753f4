"""What tasks write, by all ways."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any


def writes(task: Any, word: str) -> None:
    print(f"{word} printed")
    print(f"{word} complained", file=sys.stderr)
    task.log(f"{word} logged\nin two lines", 30)
    print(f"{word} without an end", end="")


def silent() -> int:
    return 5


def many(count: int) -> None:
    for number in range(count):
        print(number)


def below_python(word: str) -> None:
    os.write(1, f"{word} of C\n".encode())


def with_child(word: str) -> None:
    print(f"{word} begins", flush=True)
    subprocess.run([sys.executable, "-c", f"print('{word} of a child')"], check=True)


def prints_and_waits(word: str, release: str) -> None:
    print(f"{word} begun")
    while not Path(release).exists():
        time.sleep(0.005)
    print(f"{word} ends")


def dies() -> None:
    print("last words")
    sys.stdout.flush()
    os._exit(7)


def fails() -> None:
    print("before it failed")
    raise ValueError("it")


def items() -> Any:
    print("an item comes")
    yield 1
