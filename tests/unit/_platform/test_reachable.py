"""What another process opens by a path, where the system shows open files and where it does not."""

from __future__ import annotations

import os
from pathlib import Path

from wetlands._platform.reachable import make_reachable_page, reachable
from wetlands_worker.page import open_page


def test_the_number_of_a_descriptor_becomes_a_path_and_the_rest_stays() -> None:
    assert f"/proc/{os.getpid()}/fd/12:99:5:6:sparse" == reachable("12:99:5:6:sparse")
    assert "-" == reachable("12:99:5:6", open_files=Path("/nowhere"))
    assert "-" == reachable("-")
    assert "wetlands-name" == reachable("wetlands-name")


def test_a_page_is_shared_with_whoever_opens_its_token(tmp_path: Path) -> None:
    for open_files in (Path("/proc/self/fd"), tmp_path / "nowhere"):
        ours, token, opened = make_reachable_page(open_files=open_files)
        theirs = open_page(token)
        opened()
        theirs.begin(7)

        assert 7 == ours.last_begun()
        os.close(theirs.descriptor)
        theirs.close()
        ours.close()
        assert not Path(token).exists()
