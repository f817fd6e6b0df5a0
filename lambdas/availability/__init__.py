"""`/availability`: whether somebody takes calls about a topic, before anybody calls."""
