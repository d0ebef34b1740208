"""Classification in the background: ``JobService`` makes jobs, ``JobWorker`` does them.

The queue is procrastinate's, in the same database; only a running worker imports procrastinate.
"""
