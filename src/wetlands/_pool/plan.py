"""What a launch of persistent workers leaves for programs that attach to them, and the pool that they make of it."""

from __future__ import annotations

from dataclasses import astuple, replace
from typing import TYPE_CHECKING

from wetlands._launch.keeper import Plan
from wetlands._logs.secrets import known_secrets
from wetlands._pool.initializer import Initializer
from wetlands._pool.policy import Policy
from wetlands._pool.pool import Pool

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from wetlands._launch.persistent import PersistentStarter
    from wetlands._plain.decoding import Accept

__all__ = ["planned", "pool_of_plan"]


def planned(
    python: Path,
    variables: Mapping[str, str],
    worker_env: Callable[[int], Mapping[str, str]] | None,
    policy: Policy,
    silence: float | None,
    initializer: Initializer | None,
) -> Plan:
    """Return what is to be kept of a launch. What is a function of this program is called now, for every worker.

    Raises:
        ValueError: The initializer takes a callable of this program.
        Exception: Whatever ``worker_env`` raises.
    """
    own = {} if worker_env is None else {index: worker_env(index) for index in range(policy.most)}
    return Plan(
        python=str(python),
        variables=dict(variables),
        own={index: {str(name): str(value) for name, value in given.items()} for index, given in own.items()},
        policy=astuple(policy),
        idle_timeout=policy.idle_timeout,
        silence=silence,
        initializer=None if initializer is None else initializer.packed(),
        secrets=known_secrets(),
    )


def pool_of_plan(environment: str, starter: PersistentStarter, accept: Accept) -> Pool:
    """Return a pool, not launched yet, for workers that are there, and those that are missing of what was launched.

    Args:
        environment: The name of the environment.
        starter: Starts the workers.
        accept: Which of their values are taken at most; their launch may have said less.
    """
    plan = starter.plan
    policy = Policy(*plan["policy"])
    if accept == "plain":
        policy = replace(policy, accept=accept)
    packed = plan["initializer"]
    return Pool(
        environment,
        policy,
        start=starter.start,
        guardian=starter.guardian,
        silence=plan["silence"],
        initializer=None if packed is None else Initializer.unpacked(environment, packed, policy.accept),
        first=max(policy.least, *(index + 1 for index in starter.found), 0),
    )
