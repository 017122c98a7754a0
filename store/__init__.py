"""What is remembered: SQL and nothing but SQL, the same on SQLite and PostgreSQL.

An attacker who can write here can delay, lose or fake rows; they cannot make a passkey's signature, so a
relying party that verifies evidence with its own trust file still refuses what no human signed.
"""
