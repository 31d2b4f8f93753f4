from __future__ import annotations

from wetlands._spec import PypiSettings, Spec, parse_conda, parse_pypi, storable

SECRET = Spec(
    conda=(parse_conda("https://me:s3cret@host/private::numpy"),),
    channels=("https://host/t/s3cret/private", "conda-forge"),
    pypi=(parse_pypi("six @ https://s3cret@host/six.whl"),),
    constraints=(parse_pypi("attrs @ https://me:s3cret@host/attrs.whl"),),
    settings=PypiSettings(
        index_url="https://me:s3cret@host/simple",
        extra_index_urls=("https://me:s3cret@other/simple", "https://me:${PASSWORD}@third/simple"),
        find_links=("https://me:s3cret@host/links", "wheels"),
        overrides=("six @ https://me:s3cret@host/six.whl",),
    ),
)


def test_no_credential_is_left_and_all_else_stays() -> None:
    stored = storable(SECRET)

    assert "s3cret" not in repr(stored)
    assert "https://host/private::numpy" == stored.conda[0].text
    assert ("https://host/private", "conda-forge") == stored.channels
    assert ("https://other/simple", "https://me:${PASSWORD}@third/simple") == stored.settings.extra_index_urls
    assert Spec.from_json(stored.to_json()) == stored


def test_a_recipe_without_credentials_is_what_is_stored() -> None:
    stored = storable(SECRET)

    assert stored == storable(stored)
