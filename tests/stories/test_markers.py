"""The search for markers finds what it must find: a search that finds nothing proves nothing by itself."""

from __future__ import annotations

import base64
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.stories.markers import Markers


@given(st.binary(max_size=20), st.binary(max_size=20))
def test_a_marker_is_found_inside_base64_wherever_it_begins(before: bytes, after: bytes) -> None:
    markers = Markers()
    secret = markers("a")
    text = base64.b64encode(before + secret.encode() + after).decode()
    assert [leak.marker for leak in markers.leaks({"log": text})]


@pytest.mark.parametrize("form", [str, str.upper, lambda s: quote(s + "/"), lambda s: s.encode().hex()])
def test_a_marker_is_found_in_every_form(form: object) -> None:
    assert callable(form)
    markers = Markers()
    secret = markers("a")
    (leak, *_) = markers.leaks({"log": f"one\ntwo {form(secret)} three\nfour"})
    assert (leak.marker, leak.place) == ("a", "log")
    assert leak.line.startswith("two ")


def test_what_was_not_planted_is_not_found() -> None:
    markers = Markers()
    markers("a")
    assert markers.leaks({"log": f"Mark{'0' * 18} and nothing else"}) == []
