"""An object's version is its ETag; nobody overwrites what they have not seen."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kizashi_common.errors import Invalid
from kizashi_common.http.etag import etag, matches, required_version

VERSIONS = st.integers(0, 10**17)


@given(VERSIONS)
def test_a_tag_reads_back(version: int) -> None:
    assert required_version(etag(version)) == required_version(f"  {etag(version)} ") == version


def test_a_star_takes_any_version() -> None:
    assert required_version("*") is None


def test_without_the_header_the_caller_is_told_to_look_first() -> None:
    with pytest.raises(Invalid) as refusal:
        required_version(None)
    assert refusal.value.reason == "if_match_required"


@pytest.mark.parametrize("header", ["", "v3", '"3"', 'W/"v3"', '"v3", "v4"', '"v-1"', '"v"', '"v1e3"'])
def test_what_is_not_one_strong_tag_is_refused(header: str) -> None:
    with pytest.raises(Invalid) as refusal:
        required_version(header)
    assert refusal.value.reason == "invalid"


@given(VERSIONS, VERSIONS)
def test_a_representation_that_is_there_is_not_sent_again(version: int, other: int) -> None:
    tag = etag(version)
    assert matches(tag, tag)
    assert matches(f'W/{tag}, "x"', tag)
    assert matches("*", tag)
    assert not matches(None, tag)
    assert matches(etag(other), tag) == (other == version)
