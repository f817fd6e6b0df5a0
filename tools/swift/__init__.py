"""What the Swift package of clients/ios is built and tested with."""
