# SPDX-License-Identifier: Apache-2.0
"""Zero-code OpenTelemetry tracing for Django, Flask and what they use.

Nothing is imported here: this package is part of every traced interpreter's start.
"""

__version__ = "0.1.0"
