"""Classification in the background: jobs, and the workers that do them.

The queue is procrastinate's, in the same database. Nothing here is imported by who only asks.
"""
