# SPDX-License-Identifier: Apache-2.0
"""Answers: Jaeger's two query APIs and our own."""
