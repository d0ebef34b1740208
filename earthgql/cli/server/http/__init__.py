"""The HTTP server of a worker process: waitress, with limits of time and number added."""
