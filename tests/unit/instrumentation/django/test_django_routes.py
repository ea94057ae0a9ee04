# SPDX-License-Identifier: Apache-2.0
"""http.route from Django's patterns."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from otel_distro.instrumentation.django.routes import route_of


@pytest.mark.parametrize(
    ("pattern", "script_name", "route"),
    [
        ("user/<int:uid>", "", "/user/<int:uid>"),
        ("", "", "/"),
        ("", "/app", "/app/"),
        ("user/<int:uid>/", "/app/", "/app/user/<int:uid>/"),
        ("^re/(?P<year>[0-9]{4})/$", "", "/re/<year>/"),
        ("api/^items/(\\d+)/(?:edit/)?$", "", "/api/items/<var>/edit/"),
        (r"^a\.b/(?P<rest>(x|y(z))*)\Z", "", "/a.b/<rest>"),
        (r"^n/\d{2,4}/[a-z\]]+/$", "", "/n/<var>/<var>/"),
        ("^admin/(?P<url>.*)$", "", "/admin/<url>"),
        ("^(?!skip)x/$", "", "/x/"),
        (None, "", None),
    ],
)
def test_routes(pattern: str | None, script_name: str, route: str | None) -> None:
    """A leading slash, the script name, and names in the place of regular expressions."""
    assert route_of(pattern, script_name) == route


@given(st.text(alphabet="^$()[]{}?*+|\\<>P=!:az/0-9dwAZ", max_size=40))
def test_any_pattern_is_survived(pattern: str) -> None:
    """A route that cannot be simplified well is still a route."""
    found = route_of(pattern)
    assert found is not None
    assert found.startswith("/")
