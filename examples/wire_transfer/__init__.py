"""An agent that wires money, and cannot without a human: compare with `before`."""
