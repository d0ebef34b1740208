"""GraphQL types and inputs."""
