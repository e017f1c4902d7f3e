"""What to answer: later the knowledge graph, search and suggestions."""
