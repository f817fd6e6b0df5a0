"""What the caller of a call may ask and do: its state, hang up, rejoin, send digits."""
