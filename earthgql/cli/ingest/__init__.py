"""``manage.py ingest``."""
