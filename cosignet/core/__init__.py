"""The rules, pure: bytes and values in, bytes or a verdict out. No clock, no randomness, no I/O."""
