"""The ownership rules, one by one."""

import errno
import random

from bgpd.kernel.plan import RETRY_MIN, Fib, Target
from bgpd.kernel.routes import CREATE, DELETE, GUARD_METRIC, REPLACE, RTN_BLACKHOLE, RTN_UNICAST, Batch, Refusal, Route
from bgpd.kernel.wants import BLACKHOLE, Guard, Want, addresses_of

A, B = b"\x0a\x00\x00\x02", b"\x0a\x00\x00\x03"
P, Q = b"\x18\x0a\x01\x00", b"\x18\x0a\x02\x00"
IDLE: set[bytes] = set()


def route(*gateways: bytes, metric: int = 64) -> Route:
    return Route(RTN_UNICAST, tuple((gateway, 3) for gateway in sorted(gateways)), metric)


GUARD = Route(RTN_BLACKHOLE, (), GUARD_METRIC)


def aim(targets: list[Target]) -> None:
    for target in targets:
        target.route = GUARD if isinstance(target.want, Guard) else route(*addresses_of(target.want))


def take(fib: Fib, *wants: tuple[bytes, Want | None]) -> None:
    aim(fib.take(wants))


def ops(batch: Batch) -> list[tuple[int, bytes, Route]]:
    return [(op, prefix, route) for op, route, prefixes in batch.groups for prefix in prefixes]


def write(fib: Fib) -> list[tuple[int, bytes, Route]]:
    batch = fib.plan(100, IDLE)
    fib.landed(batch, ())
    return ops(batch)


def test_create_replace_delete() -> None:
    fib = Fib(64)
    take(fib, (P, (A,)))
    assert write(fib) == [(CREATE, P, route(A))]
    take(fib, (P, (B,)))
    assert write(fib) == [(REPLACE, P, route(B))]
    take(fib, (P, None))
    assert write(fib) == [(DELETE, P, route(B))]
    assert not fib.written
    assert not fib.targets


def test_latest_wins_and_nothing_is_written_twice() -> None:
    fib = Fib(64)
    take(fib, (P, (A,)))
    take(fib, (P, (B,)))
    take(fib, (P, (A,)))
    assert write(fib) == [(CREATE, P, route(A))]
    take(fib, (P, (B,)))
    take(fib, (P, (A,)))
    assert write(fib) == []
    take(fib, (Q, (A,)))
    take(fib, (Q, None))
    assert write(fib) == []


def test_prefixes_in_flight_wait() -> None:
    fib = Fib(64)
    take(fib, (P, (A,)), (Q, (A,)))
    assert ops(fib.plan(100, {P})) == [(CREATE, Q, route(A))]
    assert write(fib) == [(CREATE, P, route(A))]


def test_slices() -> None:
    fib = Fib(64)
    prefixes = [bytes((24, 10, i, 0)) for i in range(10)]
    take(fib, *((p, (A,)) for p in prefixes))
    seen: list[bytes] = []
    while fib.waiting():
        batch = fib.plan(3, IDLE)
        assert len(batch.prefixes) <= 3
        seen += [p for _, p, _ in ops(batch)]
    assert seen[:3] == [prefixes[2], prefixes[1], prefixes[0]]
    assert sorted(seen) == prefixes


def test_guard_to_unicast_writes_before_it_deletes() -> None:
    fib = Fib(64)
    take(fib, (P, BLACKHOLE))
    assert write(fib) == [(CREATE, P, GUARD)]
    take(fib, (P, (A,)))
    assert write(fib) == [(CREATE, P, route(A)), (DELETE, P, GUARD)]


def test_guard_that_would_become_unicast_on_a_held_key_just_goes() -> None:
    fib = Fib(64)
    take(fib, (P, BLACKHOLE))
    write(fib)
    fib.held(P, 64, 4)
    take(fib, (P, (A,)))
    assert write(fib) == [(DELETE, P, GUARD)]
    assert fib.state(P, IDLE)[0] == "conflict"


def test_unresolved_is_not_written_and_leaves() -> None:
    fib = Fib(64)
    take(fib, (P, (A,)))
    write(fib)
    target = fib.wants[P]
    target.route, target.reason = None, "link eth0 is down"
    fib.moved({target}, [P])
    assert write(fib) == [(DELETE, P, route(A))]
    assert fib.state(P, IDLE) == ("unresolved", "link eth0 is down")
    assert fib.counts(IDLE)["unresolved"] == 1


def test_foreign_key_is_left_alone_until_it_is_vacated() -> None:
    fib = Fib(64)
    fib.held(P, 64, 4)
    take(fib, (P, (A,)))
    assert write(fib) == []
    assert fib.news == [P]
    assert fib.state(P, IDLE)[0] == "conflict"
    assert fib.counts(IDLE)["installed"] == 0
    take(fib, (P, None))
    assert write(fib) == []
    assert not fib.conflicts
    take(fib, (P, (A,)))
    write(fib)
    fib.vacated(P, 64)
    assert write(fib) == [(CREATE, P, route(A))]
    assert not fib.conflicts


def test_foreign_route_over_ours_revokes_it() -> None:
    fib = Fib(64)
    take(fib, (P, (A,)))
    write(fib)
    assert fib.held(P, 64, 4)
    assert write(fib) == []
    take(fib, (P, None))
    assert write(fib) == [], "theirs is never deleted"


def test_foreign_route_that_is_replaced_by_one_of_ours_is_gone() -> None:
    fib = Fib(64)
    fib.held(P, 64, 4)
    take(fib, (P, (A,)))
    write(fib)
    fib.found(P, route(B))
    assert write(fib) == [(REPLACE, P, route(A))]
    assert fib.state(P, IDLE)[0] == "installed"


def test_eexist_is_a_doubt_not_a_failure() -> None:
    fib = Fib(64)
    take(fib, (P, (A,)))
    batch = fib.plan(9, IDLE)
    assert not fib.refused(batch, Refusal(P, CREATE, errno.EEXIST, ""), 0.0)
    assert P in fib.doubts
    assert P not in fib.written
    assert fib.state(P, IDLE)[0] == "pending"
    fib.found(P, route(B))  # it was ours all along
    assert write(fib) == [(REPLACE, P, route(A))]


def test_doubt_that_nothing_explains_is_a_failure() -> None:
    fib = Fib(64)
    take(fib, (P, (A,)))
    batch = fib.plan(9, IDLE)
    fib.refused(batch, Refusal(P, CREATE, errno.EEXIST, ""), 0.0)
    fib.still_in_doubt(P, 0.0)
    assert fib.state(P, IDLE)[0] == "failed"


def test_replace_of_what_is_gone_becomes_create() -> None:
    fib = Fib(64)
    take(fib, (P, (A,)))
    write(fib)
    take(fib, (P, (B,)))
    batch = fib.plan(9, IDLE)
    assert not fib.refused(batch, Refusal(P, REPLACE, errno.ENOENT, ""), 0.0)
    assert write(fib) == [(CREATE, P, route(B))]


def test_refused_replace_keeps_what_was_there() -> None:
    fib = Fib(64)
    take(fib, (P, (A,)))
    write(fib)
    take(fib, (P, (B,)))
    batch = fib.plan(9, IDLE)
    assert fib.refused(batch, Refusal(P, REPLACE, errno.EINVAL, "no"), 0.0)
    assert fib.written[P] == route(A)
    assert fib.state(P, IDLE) == ("failed", "Invalid argument (no)")
    take(fib, (P, None))
    assert write(fib) == [(DELETE, P, route(A))]
    assert not fib.failures


def test_delete_of_what_is_gone_is_fine() -> None:
    fib = Fib(64)
    take(fib, (P, (A,)))
    write(fib)
    take(fib, (P, None))
    batch = fib.plan(9, IDLE)
    assert not fib.refused(batch, Refusal(P, DELETE, errno.ESRCH, ""), 0.0)
    assert not fib.written
    assert not fib.waiting()


def test_failures_are_retried_later_and_later() -> None:
    fib = Fib(64)
    take(fib, (P, (A,)))
    now, waits = 0.0, []
    for times in range(10):
        batch = fib.plan(9, IDLE)
        assert ops(batch) == [(CREATE, P, route(A))]
        assert fib.refused(batch, Refusal(P, CREATE, errno.ENETUNREACH, ""), now) == (times == 0)
        soonest = fib.retry(now)
        assert not fib.waiting()
        waits.append(soonest - now)
        now = soonest
        fib.retry(now)
    assert waits[0] == RETRY_MIN
    assert waits == sorted(waits)
    assert waits[-1] == 60.0
    write(fib)
    assert not fib.failures
    assert fib.state(P, IDLE)[0] == "installed"


def test_a_failure_ends_where_there_is_nothing_to_try() -> None:
    """Found by the soak: the date of the next try stayed in the past, and the worker tried nothing for ever."""
    fib = Fib(64)
    take(fib, (P, (A,)), (Q, (A,)))
    write(fib)
    take(fib, (P, (B,)), (Q, (B,)))
    batch = fib.plan(9, IDLE)
    for prefix in (P, Q):
        assert fib.refused(batch, Refusal(prefix, REPLACE, errno.ENETUNREACH, ""), 0.0)
    fib.landed(batch, {P, Q})
    take(fib, (P, (A,)))  # what stands there all the time
    assert fib.held(Q, 64, 4)  # somebody took the key
    assert fib.retry(99.0) == float("inf")
    assert not fib.plan(9, IDLE).groups
    fib.retry(99.0)
    assert not fib.waiting()
    assert (fib.failures, fib.conflicts) == ({}, {Q: 4})
    assert fib.state(P, IDLE)[0] == "installed"


def test_deleted_by_others_is_put_back() -> None:
    fib = Fib(64)
    take(fib, (P, (A,)))
    write(fib)
    assert fib.lost(P, 64)
    assert not fib.lost(P, 64)
    assert write(fib) == [(CREATE, P, route(A))]


def test_changed_by_others_is_replaced() -> None:
    fib = Fib(64)
    take(fib, (P, (A,)))
    write(fib)
    assert not fib.found(P, route(A))
    assert fib.found(P, route(B))
    assert write(fib) == [(REPLACE, P, route(A))]


def test_link_gone_forgets_only_routes_with_no_other_way_out() -> None:
    fib = Fib(64)
    both = Route(RTN_UNICAST, ((A, 3), (B, 4)), 64)
    fib.found(P, route(A))
    fib.found(Q, both)
    fib.adopted.clear()
    assert fib.lost_through(3, [P, Q]) == 1
    assert fib.written == {Q: both}


def test_adopted_routes_stay_until_the_sweep() -> None:
    fib = Fib(64)
    fib.found(P, route(A))
    fib.found(Q, route(A))
    assert write(fib) == []
    take(fib, (P, (A,)))
    assert write(fib) == []
    assert list(fib.adopted) == [Q]
    assert fib.state(Q, IDLE)[0] == "adopted"
    assert fib.sweep() == 1
    assert write(fib) == [(DELETE, Q, route(A))]
    assert fib.found(Q, route(B)), "a route with our mark that nobody wants"
    assert write(fib) == [(DELETE, Q, route(B))]


def test_withdrawing_an_adopted_route_removes_it() -> None:
    fib = Fib(64)
    fib.found(P, route(A))
    take(fib, (P, None))
    assert write(fib) == [(DELETE, P, route(A))]


def test_a_second_metric_of_ours_is_a_stray() -> None:
    fib = Fib(64)
    fib.found(P, route(A))
    fib.found(P, GUARD)
    assert fib.written == {P: route(A)}
    assert fib.strays == {P: GUARD}
    fib.lost(P, GUARD_METRIC)
    assert fib.strays == {}
    assert fib.written == {P: route(A)}


def test_postponed_routes_are_not_written_at_once() -> None:
    fib = Fib(64)
    take(fib, (P, (A,)))
    write(fib)
    fib.lost(P, 64)
    fib.postpone(P, "fought", 0, 5.0)
    assert write(fib) == []
    assert fib.state(P, IDLE) == ("failed", "fought")
    fib.retry(6.0)
    assert write(fib) == [(CREATE, P, route(A))]


def test_a_dump_is_the_truth() -> None:
    fib = Fib(64)
    take(fib, (P, (A,)), (Q, (A,)))
    write(fib)
    ours = {Q: route(B)}
    assert fib.not_in(ours, list(fib.written)) == 1
    assert fib.found(Q, route(B))
    fib.relearned({}, {})
    assert sorted(write(fib), key=lambda op: op[1]) == [(CREATE, P, route(A)), (REPLACE, Q, route(A))]


def test_unwant_all_deletes_all_of_ours() -> None:
    fib = Fib(64)
    take(fib, (P, (A,)))
    write(fib)
    fib.found(Q, route(B))
    fib.unwant_all()
    assert {(op, prefix) for op, prefix, _ in write(fib)} == {(DELETE, P), (DELETE, Q)}
    assert not fib.written


class _Kernel:
    """A table with the kernel's own rules: keys are (prefix, metric); REPLACE hits whoever is there."""

    def __init__(self) -> None:
        self.table: dict[tuple[bytes, int], tuple[bool, Route]] = {}

    def run(self, op: int, prefix: bytes, route: Route) -> int:
        held = self.table.get((prefix, route.metric))
        if op == CREATE:
            if held is not None:
                return errno.EEXIST
        elif op == REPLACE:
            if held is None:
                return errno.ENOENT
            assert held[0], "REPLACE over a foreign route"
        elif held is None or not held[0]:
            return errno.ESRCH
        else:
            del self.table[prefix, route.metric]
            return 0
        self.table[prefix, route.metric] = (True, route)
        return 0


def test_random_histories_end_in_step_and_never_hurt_others() -> None:
    """Wants, foreign routes, silent and told deletions at random; then the kernel holds what is wanted."""
    for seed in range(200):
        rng = random.Random(seed)
        fib, kernel = Fib(64), _Kernel()
        prefixes = [bytes((24, 10, i, 0)) for i in range(6)]
        foreign: set[bytes] = set()
        wants: dict[bytes, Want] = {}
        for now in map(float, range(60)):
            prefix = rng.choice(prefixes)
            dice = rng.random()
            if dice < 0.5:
                choices: list[Want | None] = [None, (A,), (B,), (A, B), BLACKHOLE]
                want = rng.choice(choices)
                take(fib, (prefix, want))
                if want is None:
                    wants.pop(prefix, None)
                else:
                    wants[prefix] = want
            elif dice < 0.6 and (prefix, 64) not in kernel.table:
                kernel.table[prefix, 64] = (False, route(B))
                foreign.add(prefix)
                believed = prefix in fib.written and fib.written[prefix].metric == 64
                if believed or rng.random() < 0.5:  # otherwise its event is late (netlink has no compare-and-swap)
                    fib.held(prefix, 64, 4)
            elif dice < 0.7 and prefix in foreign:
                del kernel.table[prefix, 64]
                foreign.discard(prefix)
                fib.vacated(prefix, 64)
            elif dice < 0.8 and kernel.table.get((prefix, 64), (False,))[0]:
                del kernel.table[prefix, 64]
                if rng.random() < 0.5:  # otherwise without a word
                    fib.lost(prefix, 64)
            _settle(fib, kernel, foreign, now)
        for (prefix, metric), (mine, held) in list(kernel.table.items()):  # the last word: a dump
            if mine:
                fib.found(prefix, held)
            else:
                fib.held(prefix, metric, 4)
        for prefix, held in list(fib.written.items()):
            if not kernel.table.get((prefix, held.metric), (False,))[0]:
                fib.lost(prefix, held.metric)
        _settle(fib, kernel, foreign, 1e6)
        final = {prefix: held for (prefix, _), (ours, held) in kernel.table.items() if ours}
        expected = {}
        for prefix, asked in wants.items():
            wanted = GUARD if isinstance(asked, Guard) else route(*addresses_of(asked))
            if not (prefix in foreign and wanted.metric == 64):
                expected[prefix] = wanted
        assert {p: r for p, r in final.items() if p in expected} == expected, seed
        assert all((p, 64) in kernel.table for p in foreign), seed


def _settle(fib: Fib, kernel: _Kernel, foreign: set[bytes], now: float) -> None:
    for _ in range(20):
        fib.retry(now)
        for prefix in list(fib.doubts):
            mine, held = kernel.table.get((prefix, 64), (None, None))
            if mine and held is not None:
                fib.found(prefix, held)
            elif mine is False:
                fib.held(prefix, 64, 4)
            else:
                fib.doubts.pop(prefix)
                fib.dirty[prefix] = None
        if not fib.waiting():
            return
        batch = fib.plan(3, IDLE)
        refusals = [Refusal(p, op, code, "") for op, p, r in ops(batch) if (code := kernel.run(op, p, r))]
        for refusal in refusals:
            fib.refused(batch, refusal, now)
        fib.landed(batch, {refusal.prefix for refusal in refusals})


def test_the_model_above_can_fail() -> None:
    kernel = _Kernel()
    kernel.table[P, 64] = (False, route(B))
    assert [kernel.run(op, P, route(A)) for op in (CREATE, DELETE)] == [errno.EEXIST, errno.ESRCH]


def test_verdicts_for_those_who_wait() -> None:
    fib = Fib(64, judging=True)
    take(fib, (P, (A,)), (Q, (A,)))
    batch = fib.plan(100, IDLE)
    assert fib.verdicts(batch.taken, batch.prefixes) == {}  # in flight
    fib.refused(batch, Refusal(Q, CREATE, errno.ENETUNREACH, ""), 0.0)
    fib.landed(batch, {Q})
    assert fib.verdicts(batch.taken, IDLE) == {((A,), True): [P], ((A,), False): [Q]}
    take(fib, (P, (A,)))  # asked for once more: nothing to write, and an answer all the same
    batch = fib.plan(100, IDLE)
    assert (ops(batch), fib.verdicts(batch.taken, IDLE)) == ([], {((A,), True): [P]})
    fib.held(P, 64, 4)
    batch = fib.plan(100, IDLE)
    assert fib.verdicts(batch.taken, IDLE) == {((A,), False): [P]}  # a conflict
    take(fib, (P, (B,)))
    assert fib.verdicts([P], IDLE) == {((B,), False): [P]}
    assert Fib(64).verdicts([P], IDLE) == {}


def test_repairs_are_planned_without_the_rest() -> None:
    fib = Fib(64)
    take(fib, (P, (A,)), (Q, (A,)))
    write(fib)
    fib.lost(P, 64)
    fib.lost(Q, 64)
    fib.urgent.update({P: None, Q: None})
    take(fib, *[(bytes((24, 11, 0, i)), (A,)) for i in range(9)])
    assert ops(fib.repairs(64, {Q})) == [(CREATE, P, route(A))]
    assert list(fib.urgent) == [Q]
    assert ops(fib.repairs(64, {Q})) == []
    assert ops(fib.repairs(64, IDLE)) == [(CREATE, Q, route(A))]
    assert len(write(fib)) == 9


def test_adopted_routes_go_by_where_they_lead() -> None:
    fib = Fib(64)
    both = Route(RTN_UNICAST, ((A, 3), (B, 3)), 64)
    found = {P: route(A), Q: route(B), b"\x18\x0a\x03\x00": both, b"\x18\x0a\x04\x00": GUARD}
    for prefix, each in found.items():
        fib.found(prefix, each)
    assert fib.let_go(list(found), {A}, lambda each: each.hops) == 1
    assert write(fib) == [(DELETE, P, route(A))]
    assert set(fib.adopted) == set(found) - {P}
    assert fib.let_go(list(found), {A, B}, lambda each: each.hops) == 2
    assert set(fib.adopted) == {b"\x18\x0a\x04\x00"}  # a guard leads nowhere: it waits for the deadline
