"""All resources at one moment, judged together.

`settle` makes a `Snapshot` of what was decoded. A resource that contradicts another one, or that was refused by the
decoder, is not in force; where an earlier snapshot had a good version of it, that version stays. Nothing that is
wrong with one object takes another one along.
"""

from collections.abc import Iterable, Mapping
from typing import Any, Final, TypeAlias, TypeVar

from bgpd.cluster import judge
from bgpd.cluster.kinds import BY_CLASS, Resource
from bgpd.cluster.problem import Cause, Problem
from bgpd.cluster.resources import BGPConfiguration, SecretRef

#: What a resource is known by: apiVersion and kind, namespace, name.
Ref: TypeAlias = tuple[str, str, str]
R = TypeVar("R")


def ref_of(resource: Resource) -> Ref:
    kind = BY_CLASS[type(resource)]
    return f"{kind.api} {kind.name}", resource.meta.namespace, resource.meta.name


class Snapshot:
    """What is in force. Nobody changes it; two that were made of the same are equal in every answer."""

    __slots__ = ("_by_class", "_by_ref", "kept", "problems", "secrets")

    def __init__(
        self,
        resources: Iterable[Resource] = (),
        problems: Iterable[Problem] = (),
        kept: frozenset[Ref] = frozenset(),
        secrets: frozenset[SecretRef] | None = None,
    ) -> None:
        self._by_ref: Final[dict[Ref, Resource]] = {ref_of(each): each for each in resources}
        self._by_class: Final[dict[type, dict[str, Any]]] = {}
        for ref in sorted(self._by_ref):
            each = self._by_ref[ref]
            title = "/".join(word for word in ref[1:] if word)
            self._by_class.setdefault(type(each), {})[title] = each
        self.problems: Final = tuple(problems)
        self.kept: Final = kept  #: of which an earlier version is in force
        self.secrets: Final = secrets  #: those that are there; None: nobody has looked

    def all(self, kind: type[R]) -> Mapping[str, R]:
        """Every resource of a class by its name (NAMESPACE/NAME where it has one), in the order of names."""
        return self._by_class.get(kind, {})

    def get(self, kind: type[R], name: str) -> R | None:
        return self.all(kind).get(name)

    def has_secret(self, secret: SecretRef) -> bool:
        """Whether a secret is there, as far as anybody knows."""
        return self.secrets is None or secret in self.secrets

    def find(self, ref: Ref) -> Resource | None:
        return self._by_ref.get(ref)

    @property
    def resources(self) -> tuple[Resource, ...]:
        return tuple(self._by_ref.values())

    @property
    def default(self) -> BGPConfiguration | None:
        """The settings of the whole cluster, where somebody made any."""
        return self.get(BGPConfiguration, "default")


def settle(
    resources: Iterable[Resource],
    problems: Iterable[Problem] = (),
    *,
    previous: Snapshot | None = None,
    secrets: frozenset[SecretRef] | None = None,
) -> Snapshot:
    """The snapshot of these resources. `problems` are the decoder's; `previous` gives last good versions."""
    found = list(problems)
    now: dict[Ref, Resource] = {}
    for each in resources:
        ref = ref_of(each)
        if (first := now.setdefault(ref, each)) is not each:
            text = f"is there twice, first at {first.meta.where or 'an unknown place'}"
            kind = BY_CLASS[type(each)].name
            found.append(Problem(kind, each.meta.name, "metadata.name", text, each.meta.where, Cause.DUPLICATE))
    earlier = _Earlier(previous or Snapshot())
    for problem in found:
        earlier.keep_refused(problem, now)
    while True:  # what falls may be what another one needs
        verdicts = judge.judge(now.values())
        found += [verdict.problem for verdict in verdicts]
        if not any([earlier.fall(verdict, now) for verdict in verdicts if verdict.falls]):  # noqa: C419 - all of them
            break
    return Snapshot(now.values(), dict.fromkeys(found), frozenset(earlier.kept), secrets)


class _Earlier:
    """The last good versions, and which of them are in force again. Each is tried once."""

    def __init__(self, previous: Snapshot) -> None:
        self._previous: Final = previous
        self._tried: Final[set[Ref]] = set()
        self.kept: Final[set[Ref]] = set()

    def keep_refused(self, problem: Problem, now: dict[Ref, Resource]) -> None:
        """The decoder refused it: its last good version stays."""
        for each in self._previous.resources:
            ref = ref_of(each)
            if ref not in now and each.meta.name == problem.name and BY_CLASS[type(each)].name == problem.kind:
                self._restore(ref, each, now)

    def fall(self, verdict: judge.Verdict, now: dict[Ref, Resource]) -> bool:
        """Take a resource out, or put the version before it (or what it lacks) in; whether anything moved."""
        if verdict.needs is not None:
            kind, name = verdict.needs
            lost: Resource | None = self._previous.all(kind).get(name)
            if lost is not None and ref_of(lost) not in self._tried:
                return self._restore(ref_of(lost), lost, now)
        ref = ref_of(verdict.resource)
        if now.get(ref) is not verdict.resource:
            return False  # another verdict was faster
        del now[ref]
        self.kept.discard(ref)
        old = self._previous.find(ref)
        if old is not None and old != verdict.resource and ref not in self._tried:
            self._restore(ref, old, now)
        return True

    def _restore(self, ref: Ref, old: Resource, now: dict[Ref, Resource]) -> bool:
        now[ref] = old
        self._tried.add(ref)
        self.kept.add(ref)
        return True
