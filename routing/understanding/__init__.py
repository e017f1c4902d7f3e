"""What a customer's message is about, learned from examples: pure, without the database.

Only training needs scikit-learn; what judges a message needs numpy alone. Nothing that every
process loads may import this package, because both are slow to load.
"""
