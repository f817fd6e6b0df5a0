"""Virtual time, and which of the functions under way goes on: everything has its moment, one after the other.

The functions are the real, synchronous ones, so each invocation has a thread; but only the one that holds the
baton runs, and it hands it on only where it waits: for AWS. Which one is next follows from the moments alone,
and these from the course. So the same course is the same run, to the last step.

The libraries that explore schedules of Python threads (frontrun, interleave-test) switch between byte codes,
to find races over shared memory. Invocations share none: they meet in AWS alone. Neither library has virtual
time, and what goes wrong is mostly failures, not switches. Greenlets are no faster, and one more package.
"""

import heapq
import threading
from collections.abc import Callable
from typing import Any

START = 1_790_000_000_000
"""The moment at which every simulation starts, in milliseconds since the epoch."""


class Killed(BaseException):
    """The function dies here: nothing of it runs any more."""


class Task:
    """A function under way. `deadline` is when its runtime kills it."""

    def __init__(self, run: Callable[[], None], deadline: int, context: Any) -> None:
        self.run = run
        self.deadline = deadline
        self.context = context
        self.is_killed = False
        self.baton = threading.Lock()
        self.baton.acquire()


class _Worker:
    """A thread that runs one task after the other: to start one takes longer than many a task."""

    def __init__(self, scheduler: "Scheduler") -> None:
        self.scheduler = scheduler
        self.work = threading.Lock()
        self.work.acquire()
        self.task: Task | None = None
        threading.Thread(target=self._run, daemon=True, name="invocation").start()

    def _run(self) -> None:
        while True:
            self.work.acquire()  # a baton, and no section: who hands it on releases it
            task = self.task
            assert task is not None
            self.scheduler.run_task(task)
            self.task = None
            self.scheduler.leave(self)


class Scheduler:
    """Runs what is due, in order of its moments, and of two at the same moment what was planned first."""

    _idle: list[_Worker] = []  # noqa: RUF012 - of all simulations, one after the other

    def __init__(self) -> None:
        self.now = START
        self.current: Task | None = None
        self.failure: BaseException | None = None
        self._due: list[tuple[int, int, Callable[[], None] | Task]] = []
        self._number = 0
        self._waiting: dict[Task, None] = {}
        self._main = threading.Lock()
        self._main.acquire()

    def at(self, moment: int, action: Callable[[], None] | Task) -> None:
        """Has something done at a moment, at once if that has passed."""
        self._number += 1
        heapq.heappush(self._due, (max(moment, self.now), self._number, action))

    def after(self, milliseconds: int, action: Callable[[], None]) -> None:
        """Has something done when so much time has passed."""
        self.at(self.now + milliseconds, action)

    def start(self, run: Callable[[], None], *, lasts: int, context: Any) -> None:
        """Starts a task now, which is killed when it `lasts` longer than so many milliseconds."""
        self.at(self.now, Task(run, self.now + lasts, context))

    def wait(self, milliseconds: int) -> None:
        """Lets time pass in the current task. Raises `Killed` at its deadline."""
        task = self.current
        assert task is not None
        if task.is_killed:
            raise Killed
        until = self.now + milliseconds
        self.at(min(until, task.deadline), task)
        self._waiting[task] = None
        following = self._next()
        if following is not task:
            self._hand_on(following)
            task.baton.acquire()
        self.current = task
        self._waiting.pop(task, None)
        task.is_killed |= until >= task.deadline
        if task.is_killed:
            raise Killed

    def run(self) -> None:
        """Runs until nothing is due any more. Raises what an action or a task raised first."""
        following = self._next()
        if following is not None:
            self._hand_on(following)
            self._main.acquire()
        while self._waiting:  # after a failure: they must give back their threads
            task = next(iter(self._waiting))
            task.is_killed = True
            task.baton.release()
            self._main.acquire()
        self.current = None
        if self.failure is not None:
            raise self.failure

    def run_task(self, task: Task) -> None:
        """Runs a task in the thread of its worker."""
        self.current = task
        try:
            task.run()
        except BaseException as failure:  # noqa: BLE001 - raised again by `run`
            self._fail(failure)

    def leave(self, worker: _Worker) -> None:
        """Hands the baton on, and the worker back."""
        self._idle.append(worker)
        self._hand_on(self._next())

    def _next(self) -> Task | None:
        """Does what is due until a task is; None when nothing is due any more."""
        self.current = None
        while self._due and self.failure is None:
            self.now, _, action = heapq.heappop(self._due)
            if isinstance(action, Task):
                return action
            try:
                action()
            except BaseException as failure:  # noqa: BLE001 - raised again by `run`
                self._fail(failure)
        return None

    def _hand_on(self, task: Task | None) -> None:
        if task is None:
            self._main.release()
        elif task in self._waiting:
            task.baton.release()
        else:
            worker = self._idle.pop() if self._idle else _Worker(self)
            worker.scheduler, worker.task = self, task
            worker.work.release()

    def _fail(self, failure: BaseException) -> None:
        if self.failure is None and not isinstance(failure, Killed):
            self.failure = failure
