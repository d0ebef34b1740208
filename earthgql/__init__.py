"""earthgql: ask a map what is in it.

A GraphQL API over satellite image tiles kept in PostGIS, labelled by a ResNet50.
Importing this package does nothing: no settings are read, no engine is made, no model is loaded.
"""

__version__ = "0.1.0"
