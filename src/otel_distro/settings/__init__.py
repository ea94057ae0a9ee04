# SPDX-License-Identifier: Apache-2.0
"""Environment to frozen Settings plus Problems; the only reader of os.environ.

What this package offers: load(environ), load_from_environment(), read_environ(), Settings, Problem.
"""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from otel_distro.settings.loader import load, load_from_environment, read_environ
    from otel_distro.settings.problem import Problem
    from otel_distro.settings.settings import Settings

__all__ = ["Problem", "Settings", "load", "load_from_environment", "read_environ"]


def __getattr__(name: str) -> object:
    """Load the table on first use: every child Python imports this package, for `early` alone."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from otel_distro.settings import loader

    return getattr(loader, name)
