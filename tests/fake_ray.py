"""Ray in this process, as far as resbench uses it: tasks run when they are asked for, actors are objects."""

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any


class RayError(Exception):
    """A task that is lost."""


class RayActorError(RayError):
    """An actor that is lost."""


class ActorUnavailableError(RayActorError):
    """An actor that does not answer for a moment."""


class Reference:
    """What a task or a method will return."""

    def __init__(self, call: Any) -> None:
        self.call = call


class FakeRay:
    """The package: what was asked of it is in `resources`; a task dies for each of the `deaths`."""

    exceptions = SimpleNamespace(
        RayError=RayError, RayActorError=RayActorError, ActorUnavailableError=ActorUnavailableError
    )

    def __init__(self) -> None:
        self.actors: dict[str, Any] = {}
        self.resources: list[dict[str, float]] = []
        self.deaths: list[Exception] = []
        self.cancelled: list[Reference] = []
        self.elsewhere: Path | None = None  # where workers look for the folder of records, if they do not share it

    def is_initialized(self) -> bool:
        return True

    def nodes(self) -> list[dict[str, Any]]:
        return [
            {"Alive": True, "Resources": {"CPU": 4.0}},
            {"Alive": True, "Resources": {}},
            {"Alive": False, "Resources": {"CPU": 64.0}},
        ]

    def get_runtime_context(self) -> Any:
        return SimpleNamespace(get_assigned_resources=lambda: {"CPU": 4.0})

    def remote(self, thing: Any) -> "Remote":
        return Remote(self, thing, {})

    def get(self, asked: Any) -> Any:
        return [self.get(each) for each in asked] if isinstance(asked, list) else asked.call()

    def wait(self, asked: list[Reference], timeout: float) -> tuple[list[Reference], list[Reference]]:
        return asked, []

    def get_actor(self, name: str, namespace: str) -> Any:
        for actor in self.actors.values():
            if actor.name == name:
                return actor
        raise ValueError(name)

    def kill(self, actor: Any) -> None:
        del self.actors[actor.name]

    def cancel(self, asked: Reference, force: bool) -> None:
        self.cancelled.append(asked)


class Remote:
    """A function or class that runs on the cluster."""

    def __init__(self, ray: FakeRay, thing: Any, options: dict[str, Any]) -> None:
        self.ray, self.thing, self.own = ray, thing, options

    def options(self, **options: Any) -> "Remote":
        return Remote(self.ray, self.thing, options)

    def remote(self, *arguments: Any) -> Any:
        if isinstance(self.thing, type):
            return self.ray.actors.setdefault(self.own["name"], Actor(self.ray, self.thing(*arguments), self.own))
        self.ray.resources.append({key: value for key, value in self.own.items() if key.startswith("num_")})
        return Reference(lambda: self.run(*arguments))

    def run(self, task: Any) -> Any:
        if self.ray.deaths:
            raise self.ray.deaths.pop()
        return self.thing(replace(task, root=self.ray.elsewhere) if self.ray.elsewhere else task)


class Actor:
    """An object whose methods are called from afar."""

    def __init__(self, ray: FakeRay, own: Any, options: dict[str, Any]) -> None:
        assert options["lifetime"] == "detached"
        self.ray, self.own, self.name = ray, own, options["name"]

    def __getattr__(self, method: str) -> Any:
        def remote(*arguments: Any) -> Reference:
            return Reference(lambda: self.answer(method, arguments))

        return SimpleNamespace(remote=remote)

    def answer(self, method: str, arguments: tuple[Any, ...]) -> Any:
        if self.name not in self.ray.actors:
            raise RayActorError("it was killed")
        return getattr(self.own, method)(*arguments)
