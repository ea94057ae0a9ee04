# SPDX-License-Identifier: Apache-2.0
"""Bytes of any accepted format -> spans, redacted."""
