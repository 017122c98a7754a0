"""What is accepted: parse, authorise, hand over. The only way in over HTTP."""
