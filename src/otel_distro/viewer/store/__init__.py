# SPDX-License-Identifier: Apache-2.0
"""Traces on disk: segments of SQLite, the newest one written, the oldest one dropped whole."""
