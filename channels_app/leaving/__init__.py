"""What leaves through channels: claimed, written, sent, settled."""
