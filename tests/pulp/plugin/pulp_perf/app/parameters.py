"""The query parameters of the test views: checked once, here."""

import math

from rest_framework import serializers


class Seconds(serializers.FloatField):
    def to_internal_value(self, data):
        value = super().to_internal_value(data)
        # No comparison with NaN is true, so it would pass every limit.
        if not math.isfinite(value):
            self.fail("invalid")
        return value


class Parameters(serializers.Serializer):
    """Refuses names that it does not know: a mistyped cap must not fill the queue."""

    def to_internal_value(self, data):
        unknown = set(data) - set(self.fields)
        if unknown:
            known = ", ".join(self.fields)
            raise serializers.ValidationError(
                {name: [f"This parameter is not known. Known are: {known}."] for name in unknown}
            )
        return super().to_internal_value(data)


class TestTasksParameters(Parameters):
    """
    sleep: seconds that each task sleeps.
    timeout: seconds after which the request stops dispatching.
    tasks: number of tasks after which it stops, if that comes first.
    fail: every n-th task of the request fails; 0 for none.
    lock: one exclusive resource for all tasks instead of one each, so that they run one by one.
    """

    sleep = Seconds(default=0.3, min_value=0, max_value=3600)
    timeout = Seconds(default=25, min_value=0, max_value=3600)
    tasks = serializers.IntegerField(default=None, min_value=1)
    fail = serializers.IntegerField(default=0, min_value=0)
    lock = serializers.CharField(default=None, max_length=100)


class TestDistributionsParameters(Parameters):
    """tasks: number of distributions to create, by one task each."""

    tasks = serializers.IntegerField(default=100, min_value=1, max_value=10000)
