"""What the switch by which an operator stops new calls can say."""

ON, OFF = "on", "off"
ALLOWED_PATTERN = f"^({ON}|{OFF})$"
