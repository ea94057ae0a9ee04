# SPDX-License-Identifier: Apache-2.0
"""What starting a process costs over the bare interpreter: ours beside opentelemetry-instrument, in one run."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks.processes import BIN, OURS, PYTHON, TRACES_ONLY, UPSTREAM, clean_environment, in_turn, run

ROUNDS = 11
FLASK = "import flask; app = flask.Flask('shop'); app.add_url_rule('/', 'index', lambda: 'ok')"
COUNT = "import sys; print(len(sys.modules))"

# program -> (arguments of the interpreter, most ms over bare that we allow ourselves)
PROGRAMS = {
    "python -c pass": (["-c", "pass"], 15),
    "manage.py check": (["manage.py", "check"], 40),
    "Flask app ready to serve": (["-c", FLASK], 90),
}
MODULES = {
    "python -c pass": ["-c", COUNT],
    "manage.py check": [
        "-c",
        f"import sys; sys.argv = ['manage.py', 'check']; import manage; manage.main(); {COUNT}",
    ],
    "Flask app ready to serve": ["-c", f"{FLASK}; {COUNT}"],
}


def main() -> int:
    """Print a table; 1 when one of ours is over its bound."""
    over = 0
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([str(BIN / "django-admin"), "startproject", "shop", folder], check=True)
        environ = clean_environment()
        upstream = environ | TRACES_ONLY | {"DJANGO_SETTINGS_MODULE": "shop.settings"}
        print(
            f"start-up, CPU ms over bare, median of {ROUNDS} rounds in turn (least to most); Python {sys.version[:6]}"
        )
        for name, (arguments, bound) in PROGRAMS.items():
            variants = {
                "bare": ([PYTHON, *arguments], environ),
                "upstream": ([UPSTREAM, PYTHON, *arguments], upstream),
                "ours": ([OURS, PYTHON, *arguments], environ),
            }
            found = in_turn(variants, ROUNDS, Path(folder))
            bare = found["bare"].cpu_ms
            print(f"\n{name}: bare {bare:.1f} ms")
            for variant in ("upstream", "ours"):
                cost = found[variant]
                command = [*variants[variant][0][:2], *MODULES[name]]
                modules = run(command, variants[variant][1], Path(folder)).stdout.split()[-1]
                least, most = cost.least_ms - bare, cost.most_ms - bare
                print(
                    f"  {variant:9} +{cost.cpu_ms - bare:6.1f} ({least:+.1f} to {most:+.1f})"
                    f"   peak {cost.peak_mib:5.1f} MiB (bare {found['bare'].peak_mib:.1f})   {modules} modules"
                )
            added = found["ours"].cpu_ms - bare
            share = 100 * added / (found["upstream"].cpu_ms - bare)
            verdict = "within" if added <= bound else "OVER"
            over += added > bound
            print(f"  ours is {share:.0f} % of upstream; {verdict} its bound of +{bound} ms")
    return 1 if over else 0


if __name__ == "__main__":
    sys.exit(main())
