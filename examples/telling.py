"""How the demonstration speaks."""


def say(line: str) -> None:
    """A step of the story."""
    print(f"\n{line}", flush=True)


def tell(line: str) -> None:
    """What happens in it."""
    print(f"   {line}", flush=True)
