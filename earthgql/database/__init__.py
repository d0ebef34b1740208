"""The database: tables, engines, migrations, preparation, and the private server."""
