"""What is remembered: SQL and nothing but SQL, the same on SQLite and PostgreSQL.

An attacker who can write here can delay, lose or fake rows; they cannot make a passkey's signature, so a
relying party that verifies evidence with its own trust file still refuses what no human signed.

The statements that every vote needs are built once, at import: building one takes longer than SQLite takes to
run it.
"""
