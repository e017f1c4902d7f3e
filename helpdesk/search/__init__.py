"""Words of texts in any script: what is found by them, how it is asked for, and where they stand."""
