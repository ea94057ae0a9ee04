# SPDX-License-Identifier: Apache-2.0
"""What is wrong in a trace: tree, self time, critical path, findings. Pure functions, no I/O."""
