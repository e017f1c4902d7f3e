"""How long those who wait will wait: what is known now, played forward many times."""
