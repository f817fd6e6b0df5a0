"""The app's side of a call with sound: the Amazon Chime SDK in Node."""
