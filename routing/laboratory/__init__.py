"""Where rules are tried out before they are switched on."""
