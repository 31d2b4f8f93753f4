"""What persistent workers run whose program goes away meanwhile; plays a module of a user."""

import os
import time


def waits_at(pair):
    number, path = pair
    while path and not os.path.exists(path):
        time.sleep(0.005)
    return number


def streams_until_closed(path):
    try:
        yield from range(1_000_000)
    finally:
        open(path, "a").close()


def calls_back(function, path, task):
    task.update("begun")
    try:
        function()
    except BaseException as error:
        with open(path, "w") as file:
            file.write(f"{type(error).__name__}: {error}")
        raise
