"""What the chats of our own have in common: what is said, exactly, and who says it."""
