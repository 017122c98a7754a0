"""What is decided when, durably: no I/O here, and nothing that another run would do differently."""
