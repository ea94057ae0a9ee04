# SPDX-License-Identifier: Apache-2.0
"""What everything stands on: the guard, the log, the ledger, time, fork and exit. Standard library only."""
