from django.urls import path
from pulpcore.plugin.find_url import find_api_root

from pulp_perf.app.views import TestDistributionsView, TestTasksView

# Like status/, these views are not "inside" a domain: their tasks belong to the default one.
API_ROOT, _ = find_api_root(lstrip=True)

urlpatterns = [
    path(f"{API_ROOT}test/tasks/", TestTasksView.as_view()),
    path(f"{API_ROOT}test/distributions/", TestDistributionsView.as_view()),
]
