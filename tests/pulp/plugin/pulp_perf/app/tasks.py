import time

from django.db import connection
from pulpcore.plugin.exceptions import PulpException


class AskedToFail(PulpException):
    """The failure that a test asked for with `fail`."""

    error_code = "PRF0001"

    def __str__(self):
        return "This task fails because the test view was called with 'fail'."


def select_and_sleep(sleep_seconds, fail=False):
    """One query, then nothing: what it costs to run a task, with as little work as possible."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    time.sleep(sleep_seconds)
    if fail:
        raise AskedToFail()
