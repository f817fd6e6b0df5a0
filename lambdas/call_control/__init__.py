"""`/calls/{ContactId}`: a caller reads the state of a call, hangs up, rejoins, sends digits."""
