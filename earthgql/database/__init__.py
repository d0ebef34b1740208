"""The database: its tables, engines on it, its migrations, and the private server."""
