"""Removes what an unprivileged user is not allowed to remove at first; root would be allowed everything."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

NOBODY = 65534

# All is imported before the rights are given up, and paths are relative: nobody may look into the folders above.
PROGRAM = """
import os, random, shutil, sys, traceback
from pathlib import Path
from wetlands._store.files import remove_tree

if os.geteuid() == 0:
    os.setgroups([])
    os.setgid(65534)
    os.setuid(65534)
folder = Path("prefix", "deep", "folder")
folder.mkdir(parents=True)
(folder / "file").write_text("text")
(folder / "file").chmod(0o400)
folder.chmod(0o500)
folder.parent.chmod(0)
Path("prefix").chmod(0o500)
try:
    shutil.rmtree("prefix")
except PermissionError:
    print("refused at first")
print(remove_tree(Path("prefix")), os.listdir())
"""


@pytest.mark.skipif(not hasattr(os, "geteuid"), reason="Windows has other rights")
def test_folders_without_rights_are_removed(tmp_path: Path) -> None:
    place = tmp_path / "place"
    place.mkdir()
    if os.geteuid() == 0:
        os.chown(place, NOBODY, NOBODY)

    ran = subprocess.run(
        [sys.executable, "-c", PROGRAM], cwd=place, capture_output=True, text=True, check=False, timeout=60
    )

    assert ran.stderr == ""
    assert ran.stdout == "refused at first\nTrue []\n"
