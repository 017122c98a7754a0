"""Agents that a user can run and copy."""
