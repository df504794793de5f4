"""How large a number may be that is given: products of a few of them still are numbers."""

LARGEST = 1e100
MOST_COUNTS = 1e15  # in a bin: of more, one count makes no difference
