#!/usr/bin/env python
"""Entry point of every earthgql command: ``python manage.py --help``."""

from earthgql.cli import main

if __name__ == "__main__":
    main()
