"""The contact flow's Lambda function: proves who calls, or says that nothing is proved."""
