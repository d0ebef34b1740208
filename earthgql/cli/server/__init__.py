"""``manage.py serve`` and ``manage.py worker``."""
