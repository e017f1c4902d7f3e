"""The decision itself, as pure functions over columns of people: who may, what each is worth, who gets what."""
