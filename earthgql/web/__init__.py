"""Routes besides GraphQL.

Tile images, uploads, exports, events of jobs, the predecessor's routes, health, pages for browsers.
"""
