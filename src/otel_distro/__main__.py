# SPDX-License-Identifier: Apache-2.0
"""`python -m otel_distro` and the `otel-distro` command: hand over to a sub-command."""

from __future__ import annotations

import sys


def main() -> int:
    """Run the sub-command that the first word names; `run` is otel-distro-run itself."""
    if sys.argv[1:2] == ["run"]:
        from otel_distro import run

        return run.main(sys.argv[2:])
    from otel_distro import cli

    return cli.main(sys.argv[1:])


if __name__ == "__main__":
    sys.exit(main())
