# SPDX-License-Identifier: Apache-2.0
"""The embedded backend: receives traces, stores them, answers queries, serves the pages.

ingest -> store -> (analysis) -> api -> web; process starts and finds it. Standard library only.
"""
