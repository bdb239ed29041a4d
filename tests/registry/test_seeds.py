"""The seed model. Its values are part of every recorded result: they never change."""

from __future__ import annotations

from zsg_registry import Seeds, generator, stream_seed


def test_seeds_are_frozen() -> None:
    assert f"{stream_seed('data', 0):064x}" == "d72236a21c48a5392ef18e096983d0d89e4e1c993b74f61c361748c494278cec"
    assert (
        f"{stream_seed('order', 7, 0, 'turn', 3):064x}"
        == "67b8265253063337b290989a0e490a2a934636358ce42249cf96964151313817"
    )
    assert f"{stream_seed('fixed', 0, 'ä'):064x}" == "b5b914c8b22f2a2719e48b6c6127f810ddfd6e3db9092e06caba31b3aa2c49f7"
    assert generator("order", 0, 0).permutation(10).tolist() == [3, 5, 0, 1, 8, 9, 4, 7, 6, 2]
    assert generator("train", 1).integers(0, 1000, 5).tolist() == [941, 161, 785, 979, 445]


def test_every_part_of_the_name_of_a_stream_matters() -> None:
    seeds = [
        stream_seed("data", 0),
        stream_seed("order", 0),
        stream_seed("order", 1),
        stream_seed("order", 0, 1),
        stream_seed("order", 0, "1"),
        stream_seed("order", 0, "a", "bc"),
        stream_seed("order", 0, "ab", "c"),
        stream_seed("order", 0, "abc"),
    ]
    assert len(set(seeds)) == len(seeds)


def test_a_stream_is_not_disturbed_by_another() -> None:
    alone = generator("order", 3, "a").random(4).tolist()
    generator("order", 3, "b").random(100)
    assert generator("order", 3, "a").random(4).tolist() == alone


def test_one_seed_stands_for_all_three() -> None:
    assert Seeds.of(5) == Seeds(data=5, order=5, train=5)
