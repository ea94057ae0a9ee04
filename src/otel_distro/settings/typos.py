# SPDX-License-Identifier: Apache-2.0
"""Which variable an unknown name was meant to be. Loaded only when there is an unknown name."""

from __future__ import annotations

from difflib import get_close_matches

from otel_distro.settings.variables import VARIABLES

MOST = 50
_LONGEST = 100
_CLOSE = 0.885
# families of names that belong to others: other languages, tools, further signals
_OF_OTHERS = ("OTEL_JAVA", "OTEL_NODE_", "OTEL_DOTNET_", "OTEL_PHP_", "OTEL_RUBY_", "OTEL_GO_", "OTEL_RUST_")
_KUBERNETES = ("_SERVICE_HOST", "_SERVICE_PORT", "_TCP", "_TCP_ADDR", "_TCP_PORT", "_TCP_PROTO")
_NAMES = [row.name for row in VARIABLES if row.kind != "internal"]


def meant(name: str) -> str | None:
    """The known name that an unknown one resembles; None when there is none, or others may own it."""
    if len(name) > _LONGEST or name.startswith(_OF_OTHERS) or name.endswith(_KUBERNETES) or "_PROFILES_" in name:
        return None
    if name.startswith("OTEL_PYTHON_") and name.endswith(("_EXCLUDED_URLS", "_TRACED_REQUEST_ATTRS")):
        return None  # every framework may have these
    near = get_close_matches(name.upper(), _NAMES, n=1, cutoff=_CLOSE)
    return near[0] if near else None
