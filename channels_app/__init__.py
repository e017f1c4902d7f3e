"""Doors, in and out: the one message protocol, channels, sockets."""
