"""Mails as bytes and as what they say: pure, and read in a process apart that knows nothing of Django."""
