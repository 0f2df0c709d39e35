"""Celery with the server as its broker and its result backend."""

import os

from celery import Celery, chord, group

port = os.environ["SERVER_PORT"]
app = Celery("tasks", broker=f"redis://127.0.0.1:{port}/1", backend=f"redis://127.0.0.1:{port}/2")
app.conf.update(task_acks_late=True, worker_prefetch_multiplier=1, broker_connection_retry_on_startup=True)


@app.task
def add(left, right):
    return left + right


@app.task
def total(numbers):
    return sum(numbers)


@app.task(bind=True, max_retries=3)
def flaky(self):
    if self.request.retries < 2:
        raise self.retry(countdown=0)
    return self.request.retries


if __name__ == "__main__":
    assert add.delay(2, 3).get(timeout=60) == 5
    assert group(add.s(number, 1) for number in range(20))().get(timeout=60) == list(range(1, 21))
    assert chord([add.s(1, 1), add.s(2, 2)])(total.s()).get(timeout=60) == 6
    assert (add.s(1, 2) | add.s(10)).apply_async().get(timeout=60) == 13
    assert flaky.delay().get(timeout=60) == 2
    assert add.apply_async((1, 1), countdown=1).get(timeout=60) == 2
    print("OK")
