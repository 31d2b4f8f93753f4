"""Runs in the environment "errors", called by errors_example.py."""

import os


def parse(text):
    try:
        return int(text)
    except ValueError as error:
        message = f"not a number: {text!r}"
        raise RuntimeError(message) from error


def crash():
    os.abort()


def unsendable():
    return {"answers": [42, lambda: 42]}
