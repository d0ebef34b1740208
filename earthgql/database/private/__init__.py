"""The private PostGIS of a clone.

``debian`` unpacks packages of the distribution, ``binaries`` finds PostgreSQL's programs, ``user``
chooses the user they run as, ``cluster`` makes, starts and stops the server.
"""
