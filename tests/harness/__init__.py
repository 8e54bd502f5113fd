# SPDX-License-Identifier: MIT
"""What the tests of all tiers and the benchmarks share: a server, a client, record batches."""
