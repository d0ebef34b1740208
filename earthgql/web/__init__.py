"""What is served besides GraphQL: tile images, health, pages for browsers."""
