"""What was called lately, both ways: the newest calls of each channel, without secrets and without what people said."""
