"""How pages are read: the tests of the documentation are as good as this."""

from __future__ import annotations

import re

import pytest

import sources
from docs.pages import Block, blocks, program

PAGES = [path for path in sources.files() if path.suffix == ".md"]
PAGE = """\
# A page

```python title="module.py"
def double(x):
    return 2 * x
```

1. In a list:

    ```python
    from module import double
    print(double(2))
    ```

```text title="output"
4
```

<!-- not run: needs a screen -->
```python
show()
```

```bash
ls
```
"""


def test_each_block_of_a_page_has_its_role() -> None:
    expected = [
        Block(3, "python", "file", "def double(x):\n    return 2 * x\n", name="module.py"),
        Block(10, "python", "run", "from module import double\nprint(double(2))\n"),
        Block(15, "text", "output", "4\n", name="output"),
        Block(20, "python", "not run", "show()\n", reason="needs a screen"),
        Block(24, "bash", "other", "ls\n"),
    ]

    assert expected == list(blocks(PAGE))


def test_the_lines_of_the_script_are_those_of_the_page() -> None:
    runs = program(PAGE)

    assert runs is not None
    assert "print(double(2))" == runs.script.splitlines()[11]
    assert PAGE.splitlines()[11].strip() == runs.script.splitlines()[11]


def test_a_page_without_code_is_no_program() -> None:
    assert program("# Words\n\n```bash\nls\n```\n") is None


@pytest.mark.parametrize("page", PAGES, ids=sources.name)
def test_every_block_that_is_not_run_says_why(page: object) -> None:
    silent = [block.line for block in blocks(_text(page)) if block.role == "not run" and len(block.reason) < 10]

    assert [] == silent


@pytest.mark.parametrize("page", PAGES, ids=sources.name)
def test_every_fence_of_a_page_is_read(page: object) -> None:
    fences = re.findall(r"^[ \t]*```", _text(page), re.MULTILINE)

    assert len(fences) == 2 * len(list(blocks(_text(page))))


def _text(page: object) -> str:
    assert page in PAGES
    return str((sources.ROOT / str(page)).read_text(encoding="utf-8"))


def test_the_readmes_shell_commands_are_its_two() -> None:
    readme = blocks((sources.ROOT / "README.md").read_text(encoding="utf-8"))

    expected = ["pip install uv && uv run examples/minimal_example.py\npip install uv && uv run pytest\n"]

    assert expected == [block.body for block in readme if block.language in {"bash", "sh", "shell", "console"}]
