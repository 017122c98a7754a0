"""How fast approvals are, beside the least a waiting workflow can do. README.md says what is measured and why so."""
