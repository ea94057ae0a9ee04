# SPDX-License-Identifier: Apache-2.0
"""Environment to frozen Settings plus Problems; the only reader of os.environ."""
