import itertools
import time
from uuid import uuid4

from django.conf import settings
from drf_spectacular.utils import extend_schema
from pulp_file.app.serializers import FileDistributionSerializer
from pulp_file.app.viewsets import FileDistributionViewSet
from pulpcore.plugin.tasking import dispatch, general_create
from rest_framework.exceptions import APIException
from rest_framework.permissions import IsAuthenticated
from rest_framework.response import Response
from rest_framework.views import APIView

from pulp_perf.app.parameters import TestDistributionsParameters, TestTasksParameters
from pulp_perf.app.tasks import select_and_sleep


class TestTaskIngestionIsOff(APIException):
    # pulp-service answers 500 too, and what calls these views should meet the same here.
    status_code = 500
    default_code = "test_task_ingestion_off"
    default_detail = "TEST_TASK_INGESTION is off: this Pulp dispatches no test tasks."


@extend_schema(exclude=True)
class DispatchingView(APIView):
    """Dispatches tasks while the client waits, and answers with how many there were."""

    permission_classes = [IsAuthenticated]

    def get(self, request):
        if not settings.TEST_TASK_INGESTION:
            raise TestTaskIngestionIsOff()
        parameters = self.parameters_class(data=request.query_params.dict())
        parameters.is_valid(raise_exception=True)
        return Response({"tasks_executed": self.dispatch_tasks(**parameters.validated_data)})


class TestTasksView(DispatchingView):
    """Tasks that do nothing, for as long as `timeout` says or until there are `tasks` of them."""

    parameters_class = TestTasksParameters

    def dispatch_tasks(self, sleep, timeout, tasks, fail, lock):
        deadline = time.monotonic() + timeout
        for dispatched in itertools.count():
            if dispatched == tasks or time.monotonic() >= deadline:
                return dispatched
            dispatch(
                select_and_sleep,
                args=(sleep,),
                kwargs={"fail": fail > 0 and (dispatched + 1) % fail == 0},
                # A list: of a string, each character would become a lock.
                exclusive_resources=[lock or str(uuid4())],
            )


class TestDistributionsView(DispatchingView):
    """What so many `POST distributions/file/file/` would dispatch: same task, same resources."""

    parameters_class = TestDistributionsParameters

    def dispatch_tasks(self, tasks):
        # Asked of the viewset, because what a creation reserves differs between versions of Pulp.
        viewset = FileDistributionViewSet()
        exclusive_resources = viewset.async_reserved_resources(None)
        shared_resources = viewset.async_shared_resources(None)
        app_label = viewset.queryset.model._meta.app_label
        for _ in range(tasks):
            name = f"perf-{uuid4()}"
            dispatch(
                general_create,
                exclusive_resources=exclusive_resources,
                shared_resources=shared_resources,
                args=(app_label, FileDistributionSerializer.__name__),
                kwargs={"data": {"name": name, "base_path": name}},
            )
        return tasks
