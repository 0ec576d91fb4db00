from bgpd.policy.reasons import Reason


def test_every_reason_is_a_distinct_sentence_for_people() -> None:
    words = [reason.value for reason in Reason]
    assert len(set(words)) == len(words) == len(Reason)
    assert all(word and not word.endswith(".") for word in words)
