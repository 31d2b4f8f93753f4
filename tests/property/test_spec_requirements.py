"""Laws of single requirements: one spelling, the same meaning, and no surprise from junk."""

from __future__ import annotations

import re

from hypothesis import assume, given
from hypothesis import strategies as st
from packaging.specifiers import SpecifierSet
from packaging.version import Version
from rattler import MatchSpec, PackageRecord
from rattler.package.build_string import BuildString

from wetlands._spec import parse_conda, parse_pypi, parse_python
from wetlands.exceptions import InvalidDependencyError

releases = st.lists(st.integers(0, 12), min_size=1, max_size=3).map(lambda numbers: ".".join(map(str, numbers)))
long_releases = st.lists(st.integers(0, 12), min_size=2, max_size=3).map(lambda numbers: ".".join(map(str, numbers)))
blanks = st.sampled_from(["", " ", "  "])


@st.composite
def clauses(draw: st.DrawFn) -> str:
    operator = draw(st.sampled_from(["==", "!=", ">=", ">", "<=", "<", "~=", "==*", "!=*"]))
    version = draw(long_releases if operator == "~=" else releases)
    glob = ".*" if operator.endswith("*") else ""
    return draw(blanks) + operator.removesuffix("*") + draw(blanks) + version + glob + draw(blanks)


specifiers = st.lists(clauses(), min_size=1, max_size=3).map(",".join)
names = st.from_regex(r"[A-Za-z0-9]([A-Za-z0-9._-]{0,6}[A-Za-z0-9])?", fullmatch=True)
versions = st.lists(st.integers(0, 12), min_size=1, max_size=4).map(tuple)
pythons = [Version(f"3.{minor}.{micro}") for minor in range(5, 15) for micro in (0, 1, 7, 20)]
# Text near to requirements: random characters alone hardly get past the name.
nearly = st.lists(
    st.sampled_from(
        ["numpy", "::", "=", "==", ">=", "<", "~=", "|", ",", " ", "*", ".*", "1.5", "2", "[a]", "@", ";", "-"]
    )
    | st.text(max_size=3),
    max_size=8,
).map("".join)


quotes = st.sampled_from(["'", '"'])
builds = st.from_regex(r"[a-z0-9_]{1,4}\*?", fullmatch=True)
in_brackets = st.lists(
    st.sampled_from(
        ["numpy", "[", "]", "version", "build", "channel", "md5", "=", "'", '"', ",", " ", "1.5", ">=", "::"]
    )
    | st.text(max_size=2),
    max_size=14,
).map("".join)


def conda_matches(expression: str, version: tuple[int, ...]) -> bool:
    """Judge a release by a safe conda expression, written from conda's documentation alone."""
    return any(all(_conda_clause(clause, version) for clause in part.split(",")) for part in expression.split("|"))


def _conda_clause(clause: str, version: tuple[int, ...]) -> bool:
    match = re.fullmatch(r"(==|!=|>=|<=|>|<|)([0-9.]+?)(\.\*)?", clause)
    assert match is not None, f"{clause} is no safe form"
    operator, text, glob = match.groups()
    wanted = tuple(map(int, text.split(".")))
    if glob:
        assert operator in {"", "!="}
        inside = _padded(version, len(wanted))[: len(wanted)] == wanted
        return inside is (operator == "")
    size = max(len(wanted), len(version))
    left, right = _padded(version, size), _padded(wanted, size)
    compared = {
        "==": left == right,
        "!=": left != right,
        ">=": left >= right,
        "<=": left <= right,
        ">": left > right,
        "<": left < right,
    }
    return compared[operator]


def _padded(version: tuple[int, ...], size: int) -> tuple[int, ...]:
    return version + (0,) * (size - len(version))


@given(names, specifiers, versions)
def test_a_pep_440_specifier_means_the_same_releases_to_conda(
    name: str, specifier: str, version: tuple[int, ...]
) -> None:
    expected = SpecifierSet(specifier).contains(".".join(map(str, version)))
    assert expected is conda_matches(parse_conda(name + specifier).version, version)


@given(names, specifiers, versions)
def test_the_one_spelling_of_a_pypi_requirement_means_the_same_releases(
    name: str, specifier: str, version: tuple[int, ...]
) -> None:
    text = ".".join(map(str, version))
    written = SpecifierSet(parse_pypi(name + specifier).specifier)
    assert SpecifierSet(specifier).contains(text) is written.contains(text)


@given(names, specifiers, st.booleans())
def test_a_requirement_written_anew_is_the_same(name: str, specifier: str, dependencies: bool) -> None:
    conda = parse_conda(name + specifier, dependencies=dependencies)
    assert conda == parse_conda(conda.text, dependencies=dependencies)
    assume(conda.name != "python")
    pypi = parse_pypi(name + specifier, dependencies=dependencies)
    assert pypi == parse_pypi(pypi.text, dependencies=dependencies)


@given(names, st.lists(clauses(), min_size=1, max_size=4), st.randoms())
def test_the_order_of_clauses_and_blanks_between_them_mean_nothing(name: str, parts: list[str], random: object) -> None:
    shuffled = sorted(parts, key=lambda _: random.random())  # type: ignore[attr-defined]  # hypothesis' Random is untyped
    bare = [part.replace(" ", "") for part in shuffled]
    assert parse_conda(name + ",".join(parts)) == parse_conda(name + ",".join(bare))
    assert parse_pypi(name + ",".join(parts)) == parse_pypi(name + ",".join(bare))


@given(names, specifiers, st.none() | builds, st.sampled_from(["", "conda-forge"]), quotes, blanks)
def test_brackets_mean_what_the_plain_form_means(
    name: str, specifier: str, build: str | None, channel: str, quote: str, blank: str
) -> None:
    keys = {"version": specifier, "build": build, "channel": channel}
    inside = ",".join(f"{blank}{key}{blank}={quote}{value}{quote}{blank}" for key, value in keys.items() if value)
    plain = f"{name} {''.join(specifier.split())} {build or ''}".strip()

    expected = parse_conda(f"{channel}::{plain}" if channel else plain)
    assert expected == parse_conda(f"{name}{blank}[{inside}]")


@given(names, releases, st.sampled_from(["==", ">=", "<", "!=", ""]), builds, st.data())
def test_the_engine_reads_our_form_of_brackets_as_it_reads_theirs(
    name: str, release: str, operator: str, build: str, data: st.DataObject
) -> None:
    theirs = MatchSpec(f"{name}[version='{operator}{release}', build='{build}']")
    ours = MatchSpec(parse_conda(f"{name}[version='{operator}{release}', build='{build}']").text)
    version = data.draw(st.sampled_from([release, f"{release}.1"]) | releases)
    found = data.draw(
        st.sampled_from([build.rstrip("*"), build.rstrip("*") + "1"]) | builds.map(lambda b: b.rstrip("*"))
    )
    record = PackageRecord(name.lower(), version, BuildString(found), 0, "noarch")

    assert theirs.matches(record) is ours.matches(record)


@given(nearly | in_brackets)
def test_any_text_is_a_conda_requirement_in_its_safe_form_or_refused(text: str) -> None:
    try:
        requirement = parse_conda(text.strip())
    except InvalidDependencyError:
        return
    # No shell would do anything with a part of it that the process did not quote: no option, blank within, or quote.
    version = r"(\*|(==|!=|>=|<=|>|<)?[0-9][a-z0-9._+!]*(\.\*)?([,|](==|!=|>=|<=|>|<)?[0-9][a-z0-9._+!]*(\.\*)?)*)"
    assert re.fullmatch(rf"[a-z0-9_][a-z0-9_.-]*( {version}( [A-Za-z0-9_.*]+)?)?", requirement.text.rpartition("::")[2])
    assert requirement == parse_conda(requirement.text)


@given(nearly | st.text(max_size=20))
def test_any_text_is_a_pypi_requirement_or_refused(text: str) -> None:
    try:
        requirement = parse_pypi(text.strip())
    except InvalidDependencyError:
        return
    assert requirement == parse_pypi(requirement.text)
    assert not requirement.text.startswith("-")


@given(nearly | st.text(max_size=20))
def test_any_text_is_a_python_requirement_or_refused(text: str) -> None:
    try:
        requirement = parse_python(text)
    except InvalidDependencyError:
        return
    assert requirement == parse_python(requirement.asked or "*")
    assert Version("3.7.17") not in SpecifierSet(requirement.specifier)


python_clauses = st.builds(
    lambda operator, release, glob: operator + release + (".*" if glob and operator in {"==", "!="} else ""),
    st.sampled_from(["==", "!=", ">=", ">", "<=", "<", "~="]),
    st.builds("3.{}".format, st.integers(5, 14)) | st.builds("3.{}.{}".format, st.integers(5, 14), st.integers(0, 8)),
    st.booleans(),
)


@given(st.lists(python_clauses, min_size=1, max_size=3).map(",".join))
def test_a_python_requirement_allows_what_its_specifier_contains_from_3_8_on(text: str) -> None:
    supported = [version for version in pythons if version >= Version("3.8")]
    expected = [version for version in supported if SpecifierSet(text).contains(version)]
    try:
        requirement = parse_python(text)
    except InvalidDependencyError:
        assert [] == expected, "refused although some supported Python fits"
        return
    assert expected == [version for version in pythons if requirement.allows(str(version))]
