"""Runs in the environment "parallel_map", called by parallel_map_example.py."""

import os


def largest_prime_factor(number):
    factor = 2
    while factor * factor <= number:
        if number % factor:
            factor += 1
        else:
            number //= factor
    return number


def worker_name(_):
    return os.environ["WORKER_NAME"]
