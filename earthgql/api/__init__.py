"""The GraphQL API: schema, resolvers, loaders, and how it is served over HTTP."""
