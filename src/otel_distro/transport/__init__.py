# SPDX-License-Identifier: Apache-2.0
"""Bytes to a socket and back, each within a total deadline. Knows no OpenTelemetry and no retries."""
