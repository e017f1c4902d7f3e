"""The REST interface of mobile apps: what the socket does, for those who ask instead of listening."""
