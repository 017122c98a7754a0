"""Checking a public log from outside, with nothing but its address and its keys."""
