"""What all written letters need, whichever door they come through: pure work on texts and HTML."""
