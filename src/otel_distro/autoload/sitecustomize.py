# SPDX-License-Identifier: Apache-2.0
"""Runs in each interpreter below otel-distro-run; then the sitecustomize that would have run without us.

Any interpreter of the process tree may execute this file, so it keeps to syntax that all of them read, and
where otel_distro is not installed it does nothing and prints nothing.
"""

import os
import sys


def _step_aside():
    here = os.path.dirname(os.path.abspath(__file__))
    sys.path[:] = [entry for entry in sys.path if os.path.abspath(entry) != here]
    return sys.modules.pop("sitecustomize", None)


def _begin():
    if sys.version_info < (3, 10):
        return
    try:
        from otel_distro.autoload import begin
    except ImportError:
        _explain_other_interpreter()
        return
    begin.begin()


def _explain_other_interpreter():
    pid, _, prefix = os.environ.get("OTEL_DISTRO_LAUNCH", "").partition(";")
    if pid == str(os.getpid()) and os.environ.get("OTEL_DISTRO_QUIET", "").lower() != "true":
        line = "otel-distro: not instrumented: otel-distro is installed in %s, this interpreter is %s\n"
        try:
            os.write(2, (line % (prefix, sys.prefix)).encode("utf-8", "replace"))
        except OSError:
            return  # stderr is closed: there is nobody to tell


def _run_the_users_own(ours):
    try:
        import sitecustomize
    except ImportError as error:
        if getattr(error, "name", None) != "sitecustomize":
            raise
    finally:
        sys.modules.setdefault("sitecustomize", ours)


_ours = _step_aside()
_begin()
_run_the_users_own(_ours)
