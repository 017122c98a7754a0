"""What is done: thin steps, each idempotent by an id that its caller chose, called by workflows and by the API."""
