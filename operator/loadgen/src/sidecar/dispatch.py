"""Dispatches tasks in Pulp's own process, for the load generator that runs beside it.

Both share a folder; operator/loadgen/src/sidecar.rs says what each file in it means.
"""
import json, os, signal, sys, time, uuid
from importlib import import_module

FOLDER = os.environ["THROUGHPUT_EXCHANGE"]
MOST_FAILURES_IN_A_ROW = 20
told_to_end = []


def put(name, content=""):
    """Puts a file there, whole or not at all."""
    part = os.path.join(FOLDER, name + ".part")
    with open(part, "w", encoding="utf-8") as file:
        file.write(content)
    os.replace(part, os.path.join(FOLDER, name))


def text(name):
    """What a file holds, if it is there. Ends the script when the generator has given up."""
    for wanted in ("abort", name):
        try:
            with open(os.path.join(FOLDER, wanted), encoding="utf-8") as file:
                found = file.read()
        except FileNotFoundError:
            continue
        if wanted == "abort":
            sys.exit(f"the load generator gave up: {found}")
        return found


def await_text(name, may_wait):
    while (found := text(name)) is None:
        if not may_wait():
            sys.exit(f"told to end while waiting for {name}")
        time.sleep(0.02)
    return found


def prepared(work):
    """A function that dispatches one task. What can go wrong before the start goes wrong here."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "pulpcore.app.settings")
    import_module("django").setup()
    connection, dispatch = import_module("django.db").connection, import_module("pulpcore.plugin.tasking").dispatch
    module, _, name = work["function"].rpartition(".")
    getattr(import_module(module), name)
    if work["domain"]:
        domain = import_module("pulpcore.app.models").Domain.objects.get(name=work["domain"])
        import_module("pulpcore.app.util").set_domain(domain)
    import_module("django_guid").set_guid(work["correlationId"])
    connection.ensure_connection()
    args, kwargs = json.loads(work["arguments"]), json.loads(work["namedArguments"])

    def dispatch_one():
        # A list, always: of a text each character would become a lock.
        exclusive = work["exclusive"] + ([str(uuid.uuid4())] if work["uniqueLock"] else [])
        locks = {"exclusive_resources": exclusive or None, "shared_resources": work["shared"] or None}
        try:
            dispatch(work["function"], args=args, kwargs=kwargs, **locks)
        except Exception:
            connection.close()  # It may be what broke; the next call opens another.
            raise

    return dispatch_one


def dispatch_all(work, dispatch_one):
    latencies, failed, failures, in_a_row = [], [], [], 0
    started_at, begun, stopped = time.time_ns(), time.monotonic(), None
    word_due = begun
    while not stopped:
        now = time.monotonic()
        if now >= word_due:
            sent = len(latencies) + len(failed)
            put("progress.json", json.dumps({"counts": {
                "requests.sent": sent, "requests.finished": sent,
                "requests.failed": len(failed), "tasks.dispatched": len(latencies)}}))
            text("abort")
            word_due = now + 0.5
        call = time.perf_counter_ns()
        if len(latencies) >= work["tasks"]:
            stopped = "TargetReached"
        elif told_to_end:
            stopped = "Terminated"
        elif now - begun >= work["deadlineMilliseconds"] / 1000:
            stopped = "DeadlineExceeded"
        elif in_a_row >= MOST_FAILURES_IN_A_ROW:
            stopped = "TooManyFailures"
        else:
            try:
                dispatch_one()
                latencies.append((time.perf_counter_ns() - call) // 1000)
                in_a_row = 0
            except Exception as error:
                failed.append((time.perf_counter_ns() - call) // 1000)
                failures += [f"{type(error).__name__}: {error}"[:300]] if len(failures) < 20 else []
                in_a_row += 1
                time.sleep(min(0.05 * 2**in_a_row, 5))
    return {"startedAt": started_at, "elapsedMicroseconds": int((time.monotonic() - begun) * 1e6), "stopped": stopped,
            "latenciesMicroseconds": latencies, "failedMicroseconds": failed, "failures": failures}


def main():
    os.umask(0o022)
    signal.signal(signal.SIGTERM, lambda *_: told_to_end.append(True))
    work = json.loads(await_text("work.json", lambda: not told_to_end))
    try:
        dispatch_one = prepared(work)
    except Exception as error:
        sys.exit(f"Pulp cannot be used: {type(error).__name__}: {error}")
    put("ready")
    start = json.loads(await_text("start.json", lambda: not told_to_end))["at"]
    while (left := start - time.time_ns()) > 0 and not told_to_end:
        time.sleep(min(left / 1e9, 0.1))
    put("result.json", json.dumps(dispatch_all(work, dispatch_one)))
    # The generator is ended when this script ends, so it has to deliver first; a pod that is ended has 30 s.
    until = time.monotonic() + 20
    await_text("delivered", lambda: not told_to_end or time.monotonic() < until)


if __name__ == "__main__":
    try:
        main()
    except SystemExit as end:
        if end.code and os.path.exists("/dev/termination-log"):
            with open("/dev/termination-log", "w", encoding="utf-8") as file:
                file.write(str(end.code))  # What the kubelet quotes.
        raise
