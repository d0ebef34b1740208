"""How a request is executed: HTTP, documents, limits, weights, direct resolvers, statistics."""
