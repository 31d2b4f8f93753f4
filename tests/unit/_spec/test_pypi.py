"""PyPI requirements: PEP 508, and what belongs elsewhere."""

from __future__ import annotations

import pytest

from wetlands._spec import PypiRequirement, parse_pypi
from wetlands.exceptions import InvalidDependencyError


@pytest.mark.parametrize(
    "written, text",
    [
        ("numpy", "numpy"),
        ("NumPy == 2.2.4", "numpy==2.2.4"),
        ("ruamel.yaml", "ruamel-yaml"),
        ("typing_extensions (>=4)", "typing-extensions>=4"),
        ("numpy<2,>=1.20", "numpy>=1.20,<2"),
        ("numpy>=1.0.0-rc1", "numpy>=1.0.0rc1"),
        ("numpy==2.2.*", "numpy==2.2.*"),
        ("torch==2.1+CU121", "torch==2.1+cu121"),
        ("numpy===2.2.4", "numpy===2.2.4"),
        ("uvicorn[standard, Foo_Bar]>=1", "uvicorn[foo-bar,standard]>=1"),
        ("a[f,e,d,c,b,a]", "a[a,b,c,d,e,f]"),
        ("tomli ; python_version<'3.11'", 'tomli ; python_version < "3.11"'),
        ("foo @ https://host/foo.whl", "foo @ https://host/foo.whl"),
        ("foo@git+https://host/foo@v1#subdirectory=a", "foo @ git+https://host/foo@v1#subdirectory=a"),
        ("foo @ file:///srv/foo.whl ; os_name=='nt'", 'foo @ file:///srv/foo.whl ; os_name == "nt"'),
    ],
)
def test_each_requirement_has_one_spelling(written: str, text: str) -> None:
    assert text == parse_pypi(written).text


def test_the_parts_of_a_requirement_are_fields() -> None:
    expected = PypiRequirement("foo", ("a",), ">=1", "", 'os_name == "nt"', dependencies=False)
    assert expected == parse_pypi("Foo[A]>=1;os_name=='nt'", dependencies=False)


@pytest.mark.parametrize(
    "written, reason",
    [
        ("conda-forge::numpy", 'belongs in "conda"'),
        ("numpy=1.26", r'That is a conda spec: write "numpy==1\.26" or "numpy==1\.26\.\*"'),
        ("numpy=1.26.*", r'"numpy==1\.26" or "numpy==1\.26\.\*"'),
        ("./package", 'goes in "local"'),
        ("..", 'goes in "local"'),
        ("~/package", 'goes in "local"'),
        ("/srv/package", 'goes in "local"'),
        ("C:\\package", 'goes in "local"'),
        ("folder/package", 'goes in "local"'),
        ("numpy-2.2.4-py3-none-any.whl", 'goes in "local"'),
        ("https://host/foo.whl", 'write "name @ address"'),
        ("https://host/foo.whl ; os_name=='nt'", 'write "name @ address"'),
        ("git+https://host/foo@v1", 'write "name @ address"'),
        ("foo @ ./foo", "begins with a scheme"),
        ("python>=3.11", 'use the key "python"'),
        ("numpy>=1 <2", "PEP 508"),
        ("numpy>=abc", "PEP 508"),
        ("numpy ; nonsense == 'x'", "PEP 508"),
        ("numpy===1$(reboot)", "not a requirement"),
        ("numpy===`reboot`", "'`reboot`' is not a version"),
        ("numpy && reboot", "PEP 508"),
        ("numpy | tee", "PEP 508"),
        ("$(reboot)", "PEP 508"),
        ("numpy scipy", "PEP 508"),
        ("éclair", "PEP 508"),
        ("numpy; " + "(" * 2000 + "os_name=='nt'" + ")" * 2000, "not a requirement"),
    ],
)
def test_what_is_no_requirement_is_refused_with_the_place_it_belongs(written: str, reason: str) -> None:
    with pytest.raises(InvalidDependencyError, match=reason):
        parse_pypi(written)


def test_an_error_hides_the_password_of_an_address() -> None:
    with pytest.raises(InvalidDependencyError) as caught:
        parse_pypi("https://me:secret@host/foo.whl")
    assert "secret" not in str(caught.value)
