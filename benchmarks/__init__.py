# SPDX-License-Identifier: Apache-2.0
"""Cost against no tracing and against opentelemetry-instrument, as ratios of CPU time in one run."""
