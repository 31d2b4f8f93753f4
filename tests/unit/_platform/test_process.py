from __future__ import annotations

import os

from wetlands._platform.process import ProcessIdentity, identify, is_alive, kill_tree, new_group


def test_a_process_leads_its_own_session_on_posix() -> None:
    assert {"start_new_session": True} == new_group(system="posix")


def test_a_process_leads_its_own_group_and_shows_no_window_on_windows() -> None:
    # CREATE_NEW_PROCESS_GROUP | CREATE_NO_WINDOW
    assert {"creationflags": 0x08000200} == new_group(system="windows")


def test_this_process_is_known_again() -> None:
    me = identify(os.getpid())

    assert me is not None
    assert is_alive(me)


def test_a_number_that_was_given_to_another_process_is_not_the_same_process() -> None:
    me = identify(os.getpid())
    assert me is not None
    former = ProcessIdentity(me.pid, me.started - 3600)

    assert not is_alive(former)


def test_killing_a_process_that_is_gone_spares_who_has_its_number_now() -> None:
    me = identify(os.getpid())
    assert me is not None

    assert kill_tree(ProcessIdentity(me.pid, me.started - 3600))  # this very test goes on
