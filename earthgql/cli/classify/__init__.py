"""``manage.py classify``."""
