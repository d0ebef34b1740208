"""``manage.py query``."""
