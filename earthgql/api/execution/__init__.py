"""How a document is executed: trusted documents, limits, costs, direct resolvers, statistics."""
