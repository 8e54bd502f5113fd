# SPDX-License-Identifier: MIT
"""Actors for parts that a build may not have; see actors.py."""

OPTIONAL = []
