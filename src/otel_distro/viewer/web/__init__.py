# SPDX-License-Identifier: Apache-2.0
"""HTTP on loopback: the server, the access rules, the routes."""
