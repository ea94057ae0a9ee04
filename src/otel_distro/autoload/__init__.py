# SPDX-License-Identifier: Apache-2.0
"""What a child interpreter runs before the app: arm the import hook, and nothing else."""
