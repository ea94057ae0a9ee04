# SPDX-License-Identifier: Apache-2.0
"""One viewer per user: its files, its start and its end."""
