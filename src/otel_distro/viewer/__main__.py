# SPDX-License-Identifier: Apache-2.0
"""The viewer in the foreground; `otel-distro ui start` runs this detached."""

import sys

from otel_distro.viewer.process.serve import run_module

if __name__ == "__main__":
    sys.exit(run_module(sys.argv[1:]))
