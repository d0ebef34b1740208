"""``manage.py model``."""
