"""`make bench`: the numbers that this project promises, each beside what one would use instead."""
