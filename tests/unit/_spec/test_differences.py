"""What differs between two recipes, in sentences."""

from __future__ import annotations

import pytest

from wetlands._spec import Spec, differences, parse_conda, parse_pypi, parse_python
from wetlands._spec.local import LocalRequirement


def pypi(*texts: str) -> Spec:
    return Spec(pypi=tuple(parse_pypi(text) for text in texts))


@pytest.mark.parametrize(
    "stored, requested, expected",
    [
        (pypi("a"), pypi("a"), ()),
        (pypi("numpy==1.26"), pypi("numpy==2.2.4"), ("numpy==1.26 is now numpy==2.2.4",)),
        (pypi("a"), pypi("a", "scipy>=1"), ("added scipy>=1",)),
        (pypi("a", "x"), pypi("a"), ("removed x",)),
        (pypi("c", "a"), pypi("b"), ("removed a", "added b", "removed c")),
        (
            pypi("a>=1 ; os_name == 'nt'", "a>=2 ; os_name == 'posix'"),
            pypi("a>=1"),
            ('a>=1 ; os_name == "nt" and a>=2 ; os_name == "posix" is now a>=1',),
        ),
        (
            Spec(pypi=(parse_pypi("a==1"),)),
            Spec(pypi=(parse_pypi("a==1", dependencies=False),)),
            ("a==1 is now a==1 without its dependencies",),
        ),
        (Spec(conda=(parse_conda("a=1"),)), Spec(conda=(parse_conda("a=2"),)), ("a 1.* is now a 2.*",)),
        (
            pypi("numpy==2.2.4"),
            Spec(conda=(parse_conda("numpy=2.2.4"),)),
            ("added numpy 2.2.4.* to conda", "removed numpy==2.2.4 from pip"),
        ),
        (
            Spec(local=(LocalRequirement("mine", "a"),)),
            Spec(local=(LocalRequirement("mine", "b", editable=False),)),
            ("mine at a (editable) is now mine at b in local",),
        ),
        (
            Spec(python=parse_python(">=3.11")),
            Spec(python=parse_python("3.12")),
            ("python >=3.11 is now 3.12.*",),
        ),
        (Spec(), Spec(python=parse_python("3.12")), ("python of any version is now 3.12.*",)),
        (
            Spec(channels=("conda-forge",)),
            Spec(channels=("bioconda", "conda-forge")),
            ("channels conda-forge are now bioconda, conda-forge",),
        ),
        (Spec(), Spec(channels=("a",)), ("channels (none) are now a",)),
        (Spec(commands=("a",)), Spec(commands=("b",)), ("install commands changed",)),
        (Spec(), Spec(commands=("b",)), ("install commands were added",)),
        (Spec(commands=("a",)), Spec(), ("install commands were removed",)),
    ],
)
def test_each_difference_is_one_sentence(stored: Spec, requested: Spec, expected: tuple[str, ...]) -> None:
    assert expected == differences(stored, requested)


def test_the_sentences_hold_no_secrets() -> None:
    stored = Spec(channels=("https://host/t/token/channel",), commands=("login --password=word",))
    requested = pypi("a @ git+https://me:secret@host/a")
    text = "; ".join(differences(stored, requested))
    assert "added a @ git+https://***@host/a" in text
    assert not [secret for secret in ("token", "word", "secret") if secret in text]
