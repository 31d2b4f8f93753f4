"""Conda requirements: both spellings, one safe form, and what is refused."""

from __future__ import annotations

import pytest

from wetlands._spec import CondaRequirement, parse_conda
from wetlands._spec.conda import version_text
from wetlands.exceptions import InvalidDependencyError


@pytest.mark.parametrize(
    "written, safe",
    [
        ("numpy", "numpy"),
        ("NumPy == 2.2.4", "numpy ==2.2.4"),
        ("numpy==2.2.4", "numpy ==2.2.4"),
        ("numpy===2.2.4", "numpy ==2.2.4"),
        ("numpy==2.2.*", "numpy 2.2.*"),
        ("numpy=2.2", "numpy 2.2.*"),
        ("numpy =2.2", "numpy 2.2.*"),
        ("numpy=2.2.*", "numpy 2.2.*"),
        ("numpy 2.2.*", "numpy 2.2.*"),
        ("numpy 2.2*", "numpy 2.2.*"),
        ("numpy 2.2", "numpy ==2.2"),
        ("numpy *", "numpy"),
        ("numpy=*", "numpy"),
        ("numpy >=1.20 , < 2", "numpy >=1.20,<2"),
        ("numpy<2,>=1.20", "numpy >=1.20,<2"),
        ("numpy!=1.0.*", "numpy !=1.0.*"),
        ("numpy>=1.2,!=1.5", "numpy >=1.2,!=1.5"),
        ("numpy>=1.5.2,==1.5.*", "numpy >=1.5.2,1.5.*"),
        ("numpy~=1.5", "numpy >=1.5,1.*"),
        ("numpy~=1.5.2", "numpy >=1.5.2,1.5.*"),
        ("numpy~=2.2.post3", "numpy >=2.2.post3,2.*"),
        ("numpy~=1!2.0", "numpy >=1!2.0,1!2.*"),
        ("numpy>=1.2.*", "numpy >=1.2"),
        ("numpy<2.*", "numpy <2"),
        ("numpy>=1,*", "numpy >=1"),
        ("numpy=1.5|=1.4", "numpy 1.4.*|1.5.*"),
        ("numpy 1.5|1.4", "numpy ==1.4|==1.5"),
        ("numpy>=1|*", "numpy"),
        ("pkg==1.0+cu121", "pkg ==1.0+cu121"),
        ("pkg==1!2.0", "pkg ==1!2.0"),
        ("pkg==1.0-rc1", "pkg ==1.0rc1"),
        ("pkg==1.0-1", "pkg ==1.0.post1"),
        ("openssl==1.1.1w", "openssl ==1.1.1w"),
        ("jpeg==9c", "jpeg ==9c"),
        ("tzdata=2024a", "tzdata 2024a.*"),
        ("numpy==1.2.3 build_0", "numpy ==1.2.3 build_0"),
        ("numpy 1.2.* py311*", "numpy 1.2.* py311*"),
        ("numpy==1.2.* py311*", "numpy 1.2.* py311*"),
        ("numpy=1.26.4=py311h64a7726_0", "numpy ==1.26.4 py311h64a7726_0"),
        ("numpy=1.26.*=py311*", "numpy 1.26.* py311*"),
        ("python * *_cpython", "python * *_cpython"),
        ("jaxlib=*=*cuda*", "jaxlib * *cuda*"),
        ("conda-forge::numpy=1.26", "conda-forge::numpy 1.26.*"),
        ("conda-forge/linux-64::numpy", "conda-forge/linux-64::numpy"),
        ("https://host/channel::numpy", "https://host/channel::numpy"),
        ("file:///srv/channel::numpy", "file:///srv/channel::numpy"),
        ("_openmp_mutex", "_openmp_mutex"),
        ("ruamel.yaml", "ruamel.yaml"),
        ("numpy[version='>=1.20']", "numpy >=1.20"),
        ('numpy[version=">=1.20, <2"]', "numpy >=1.20,<2"),
        ("numpy[version=1.5]", "numpy ==1.5"),
        ("numpy[version='=1.5']", "numpy 1.5.*"),
        ("numpy[version='1.5.*', build=py3*]", "numpy 1.5.* py3*"),
        ("pkg[build='*_cpython', channel=conda-forge]", "conda-forge::pkg * *_cpython"),
        ("pkg[channel='https://host/t/x/chan']", "https://host/t/x/chan::pkg"),
        ("conda-forge::numpy[version='~=1.5']", "conda-forge::numpy >=1.5,1.*"),
        ("numpy>=1.20[channel=conda-forge]", "conda-forge::numpy >=1.20"),
        ("numpy =1.5 [ channel = 'conda-forge' ]", "conda-forge::numpy 1.5.*"),
        ("numpy 1.5.* py3*[channel=conda-forge]", "conda-forge::numpy 1.5.* py3*"),
    ],
)
def test_each_spelling_has_one_safe_form(written: str, safe: str) -> None:
    assert safe == parse_conda(written).text


def test_the_parts_of_a_requirement_are_fields() -> None:
    expected = CondaRequirement("numpy", "1.26.*", "py311*", "conda-forge", dependencies=False)
    assert expected == parse_conda("conda-forge::numpy=1.26.*=py311*", dependencies=False)


@pytest.mark.parametrize(
    "written, reason",
    [
        ("numpy=1.5 py311*", r"write '1\.5\.\* py311\*' or '==1\.5 py311\*'"),
        ("numpy>1.2.*", r"write the bound without '\*'"),
        ("numpy<=1.2.*", r"write the bound without '\*'"),
        ("numpy~=1", "at least two numbers"),
        ("numpy~=1.*", r"write the bound without '\*'"),
        ("numpy>=1.0+cu121", "no agreed order"),
        ("numpy=1.0+cu121", r"write ==1\.0\+cu121"),
        ("numpy>=1.5 <1.6", "separated by commas"),
        ("numpy^1.5", "cannot follow the name"),
        ("numpy~1.5", "not a version clause"),
        ("numpy=>1.5", "not a version clause"),
        ("numpy>=1,", "clause is empty"),
        ("numpy>=", "not a version clause"),
        ("numpy=1.*.3", "not a version"),
        ("numpy==1.0-build", "hold no dash"),
        ("numpy scipy", "not a version"),
        ("numpy 1.5 py311 extra", "after the name come"),
        ("numpy==1.5 py-311", "after the name come"),
        ("numpy*", "cannot follow the name"),
        ("numpy[mkl]", "no extras"),
        ("numpy[mkl]>=1", "at the end"),
        ("numpy[]", "no extras"),
        ("numpy[version='>1'][build=x]", "at the end"),
        ("numpy[version='>1'", "at the end"),
        ("[version='>1']", "begin with the name"),
        ("numpy[version='']", "is empty"),
        ("numpy[version=1.5, version=1.6]", "twice"),
        ("numpy[version=1.5 build=x]", "separated by commas"),
        ("numpy[version=1.5,]", "no extras"),
        ("numpy[version='>=1.5 <1.6']", "separated by commas"),
        ("numpy[version='==1.5=py3']", "no version expression"),
        ("numpy[version='=1.5', build='py3*']", "tools disagree"),
        ("numpy[build='a b']", "no build string"),
        ("numpy 1.5[version='>1']", "either before the brackets or in them"),
        ("numpy>=1[build='py*']", "either before the brackets or in them"),
        ("conda-forge::numpy[channel=other]", "either before :: or in the brackets"),
        ("numpy[md5=d41d8cd98f00b204e9800998ecf8427e]", "name version and build"),
        ("numpy[sha256=00]", "name version and build"),
        ("numpy[url='https://host/noarch/numpy-1-0.conda']", "name the package and its channel"),
        ("numpy[fn='numpy-1-0.conda']", "names of package files"),
        ("numpy[build_number='>=3']", "chosen by its string"),
        ("numpy[build-number='>=3']", "chosen by its string"),
        ("numpy[subdir=linux-64]", "platforms"),
        ("numpy[license=MIT]", "'license' is not supported"),
        ("numpy[channel='a::b']", "conda channel"),
        ("numpy[version='1;reboot']", "markers"),
        ("numpy (>=1.5)", "parentheses"),
        ("foo>=1; python_version<'3.9'", "markers"),
        ("foo @ https://host/foo.conda", "direct addresses"),
        ("https://host/foo-1-0.conda", "package files"),
        ("$(reboot)", "parentheses"),
        ("`reboot`", "begin with the name"),
        ("numpy && reboot", "not a version"),
        ("numpy >=1 | reboot", "not a version"),
        ("numpy\t>\tout", "not a version"),
        ("=1.5", "begin with the name"),
        ("éclair", "begin with the name"),
        ("a b::numpy", "no blank"),
        ("$HOME::numpy", "conda channel"),
        ("::numpy", "conda channel"),
        ("a::b::numpy", "conda channel"),
    ],
)
def test_what_tools_disagree_on_or_cannot_read_is_refused_with_the_reason(written: str, reason: str) -> None:
    with pytest.raises(InvalidDependencyError, match=reason):
        parse_conda(written)


def test_an_error_hides_the_token_of_a_channel() -> None:
    with pytest.raises(InvalidDependencyError) as caught:
        parse_conda("https://me:secret@host/t/token/channel::numpy=")
    assert "secret" not in str(caught.value)
    assert "token" not in str(caught.value)


def test_a_python_specifier_can_be_written_for_conda() -> None:
    assert ">=3.8,3.*,!=3.9.*" == version_text("==3.*,>=3.8,!=3.9.*")
