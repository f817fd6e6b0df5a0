"""What tests do through the control endpoints, beside what the demo does."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from local.clients.observer import Observer


class ControlEndpoints(Observer):
    """Those of the local AWS whose address is `endpoint_url` and whose secrets are `access`."""

    def events(self) -> list[dict[str, Any]]:
        """The details of all contact events so far, oldest first."""
        events: list[dict[str, Any]] = self.request("GET", "events")["Events"]
        return events

    def publish_event(self, detail: Mapping[str, Any]) -> None:
        """Publishes a contact event: one that was, once more, or an invented one."""
        self.request("POST", "events", {"Detail": detail})

    @contextmanager
    def fault(self, service: str, operation: str, *, times: int = 1000, **effect: Any) -> Iterator[None]:
        """Within it `operation` fails: Error={"Code", "Status"}, DelaySeconds=n, Malformed=True, Answer={…}.

        Leaving it takes all faults back, those of an outer one too.
        """
        self.request("POST", "faults", {"Service": service, "Operation": operation, "Times": times, **effect})
        try:
            yield
        finally:
            self.request("DELETE", "faults")

    @contextmanager
    def behaving(self, **wanted: str) -> Iterator[None]:
        """Within it Connect behaves so where that is open: LostCustomer="ContactEnds"."""
        before = self.request("GET", "behaviours")
        self.request("POST", "behaviours", wanted)
        try:
            yield
        finally:
            self.request("POST", "behaviours", before)

    def pass_time(self, seconds: float) -> None:
        """So much time passes for Connect."""
        self.request("POST", "clock", {"Seconds": seconds})

    def rotate_keys(self, *, retire: bool) -> None:
        """The issuer signs with a new key from now on, and drops the others if they retire."""
        self.request("POST", "issuer/rotate", {"Retire": retire})

    def recorded(self) -> list[dict[str, Any]]:
        """The CloudFormation resources that have no behaviour here."""
        resources: list[dict[str, Any]] = self.request("GET", "recorded")["Recorded"]
        return resources
