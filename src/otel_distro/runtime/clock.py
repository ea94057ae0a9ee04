# SPDX-License-Identifier: Apache-2.0
"""The one place that reads time, so that a test can replace it by passing another clock."""

from __future__ import annotations

import time

now_ns = time.time_ns
"""Wall clock, nanoseconds since the epoch: for timestamps only."""

monotonic_s = time.monotonic
"""Seconds that never go backwards: for every wait, deadline and interval."""
