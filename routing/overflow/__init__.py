"""What happens to conversations that would wait too long."""
