#!/usr/bin/env python
"""Entry point of every earthgql command: ``python manage.py --help``."""

import sys

if __name__ == "__main__":
    try:
        from earthgql.cli import main

        main()
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] == "earthgql":
            raise
        sys.exit(
            f"Error: {sys.executable} has no {error.name}: run .venv/bin/python manage.py …, "
            "which make setup makes"
        )
