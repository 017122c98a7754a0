"""Cosignet for Temporal: a plugin, `require_approval()`, guarded activities."""
