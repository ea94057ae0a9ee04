# SPDX-License-Identifier: Apache-2.0
"""P38: exclusions match whole segments of the path."""

from __future__ import annotations

import pytest

from otel_distro.instrumentation import exclusion


@pytest.mark.parametrize(
    ("pattern", "excluded", "kept"),
    [
        ("healthz", ["/healthz", "/healthz/", "/healthz/db", "/api/healthz"], ["/unhealthz", "/healthzz", "/"]),
        ("/healthz", ["/healthz", "/api/healthz"], ["/unhealthz"]),
        ("^/healthz$", ["/healthz"], ["/healthz/db", "/api/healthz"]),
        ("client/.*/info", ["/client/7/info", "/api/client/7/info/x"], ["/client/7/infos", "/subclient/7/info"]),
        ("static/.*", ["/static/", "/static/a.css"], ["/statics/a.css"]),
        ("http://localhost:8000/healthz", ["/healthz"], ["/unhealthz"]),
        ("a|b", ["/a", "/b/c"], ["/ab"]),
    ],
)
def test_patterns(pattern: str, excluded: list[str], kept: list[str]) -> None:
    """As upstream's variables have them, but anchored."""
    is_excluded = exclusion.matcher([pattern])
    assert is_excluded is not None
    assert [path for path in excluded if not is_excluded(path)] == []
    assert [path for path in kept if is_excluded(path)] == []


def test_nothing_to_exclude_costs_nothing() -> None:
    """No function to call."""
    assert exclusion.matcher([]) is None
    assert exclusion.matcher([""]) is None


def test_health_checks() -> None:
    """By their exact paths, with or without other patterns."""
    for is_excluded in (exclusion.matcher([], True), exclusion.matcher(["admin"], True)):
        assert is_excluded is not None
        assert is_excluded("/healthz")
        assert is_excluded("/ready/")
        assert is_excluded("/metrics")
        assert not is_excluded("/")
        assert not is_excluded("/api/healthz")


def test_flags_of_one_pattern_are_its_own() -> None:
    """`(?i)` stands at the beginning of a pattern, which is not the beginning of all."""
    is_excluded = exclusion.matcher(["admin", "(?i)health"])
    assert is_excluded is not None
    assert is_excluded("/Health")
    assert is_excluded("/admin")
    assert not is_excluded("/Admin")
    assert not is_excluded("/unhealth")
