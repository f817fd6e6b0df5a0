"""What is built or checked from files of the checkout before anything is deployed."""
