# SPDX-License-Identifier: Apache-2.0
"""`python -m benchmarks [NAME ...]`: run the named benchmarks, or all of them."""

from __future__ import annotations

import pkgutil
import sys
from importlib import import_module

import benchmarks

NOT_BENCHMARKS = {"__main__", "processes"}


def main(names: list[str]) -> int:
    """Run each benchmark's main(); returns how many of them were over a bound."""
    known = [found.name for found in pkgutil.iter_modules(benchmarks.__path__) if found.name not in NOT_BENCHMARKS]
    unknown = [name for name in names if name not in known]
    if unknown:
        print(f"error: unknown benchmark {', '.join(unknown)}; there are {', '.join(known)}", file=sys.stderr)
        return 2
    over = 0
    for name in names or known:
        print(f"\n== {name}", flush=True)
        sys.argv = [name]  # the arguments are ours, not the benchmark's
        over += bool(import_module(f"benchmarks.{name}").main())
    return over


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
