"""The same agent before it asked anybody."""
