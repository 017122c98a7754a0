"""Cosignet: a human's passkey signature in front of the riskiest actions of AI agents."""

__version__ = "0.1.0"
