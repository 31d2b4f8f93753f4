"""Another Python to exchange values with: it decodes what this one encodes, looks at it, and answers in kind."""

from __future__ import annotations

import pickle
import subprocess
from typing import TYPE_CHECKING

import sources
from wetlands_worker.values import decode, encode

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

# Runs under 3.8 and later. Problems are answers too, so that a test can say what it expects of them.
PEER = """
import pickle, sys, warnings
sys.path.insert(0, sys.argv[1])
sys.path.extend(sys.argv[2:])
warnings.simplefilter("error")
from wetlands_worker.values import DecodeError, EncodeError, decode, encode
answers = []
for (body, buffers), expression in pickle.load(sys.stdin.buffer):
    names = {"encode": encode, "decode": decode}
    try:
        names["value"] = decode(body, [bytearray(buffer) for buffer in buffers])
        answer = eval(expression, names)
        body, buffers = encode(answer)
    except Exception as error:
        body, buffers = encode("%s: %s" % (type(error).__name__, error))
    answers.append((body, [bytes(buffer) for buffer in buffers]))
sys.stdout.buffer.write(pickle.dumps(answers, 4))
"""
SECONDS = 60


def ask(
    python: Path, questions: Sequence[tuple[object, str]], *, path: Sequence[Path] = (), packages: bool = False
) -> list[object]:
    """Send each value to a fresh process of ``python`` and bring back what the expression about it is there.

    In the expression the value is called ``value``. Every value crosses twice: as the question and as the answer.

    Args:
        python: The interpreter.
        questions: Values and expressions.
        path: Folders from which the peer can import.
        packages: Whether it also sees what is installed for that interpreter.

    Returns:
        The answers; for a question that raised, ``"TypeOfError: message"``.
    """
    encoded = [(encode(value), expression) for value, expression in questions]
    plain = [((body, [bytes(buffer) for buffer in buffers]), expression) for (body, buffers), expression in encoded]
    isolation = ["-I", "-B"] if packages else ["-I", "-B", "-S"]
    finished = subprocess.run(
        [str(python), *isolation, "-c", PEER, str(sources.WORKER.parent), *map(str, path)],
        input=pickle.dumps(plain, 4),
        capture_output=True,
        timeout=SECONDS,
        check=False,
    )
    assert 0 == finished.returncode, finished.stderr.decode("utf-8", "replace")
    answers = pickle.loads(finished.stdout)
    return [decode(body, [bytearray(buffer) for buffer in buffers]) for body, buffers in answers]
