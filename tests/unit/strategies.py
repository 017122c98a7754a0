"""Random policies, always ones that may exist."""

from hypothesis import strategies as st

from cosignet.core.policy import Fallback, Policy

PEOPLE = ("a", "b", "c", "d", "e", "x", "y", "z")


def subsets(people, min_size=0):
    return st.lists(st.sampled_from(people), min_size=min_size, max_size=len(people), unique=True).map(tuple)


@st.composite
def policies(draw):
    first = draw(st.sampled_from(PEOPLE[:4]))
    approvers = (first, *(person for person in draw(subsets(PEOPLE[:4])) if person != first))
    exclude = tuple(person for person in draw(subsets(PEOPLE)) if person != first)
    times = sorted(draw(st.sets(st.integers(1, 80), max_size=2)))
    fallback = tuple(Fallback(after, draw(subsets(PEOPLE[2:6], min_size=1))) for after in times)
    seats = sorted(Policy(approvers, exclude=exclude, fallback=fallback).seats)
    others = [person for person in PEOPLE if person not in seats]
    return Policy(
        approvers,
        threshold=draw(st.integers(1, len(seats))),
        veto=draw(st.booleans()),
        exclude=exclude,
        fallback=fallback,
        delegates={seat: draw(subsets(others)) for seat in draw(subsets(seats)) if others},
        device_bound_only=draw(st.booleans()),
    )
