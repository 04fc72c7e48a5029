import numpy as np

from vitrine.simulator.retailer.noise import uniform

NUMBERS = np.arange(100_000)


def test_an_answer_does_not_depend_on_what_else_was_asked():
    whole = uniform(7, "spell", NUMBERS, 3)
    assert (uniform(7, "spell", NUMBERS[500:600][::-1], 3) == whole[500:600][::-1]).all()
    assert (uniform(7, "spell", NUMBERS, np.full(len(NUMBERS), 3)) == whole).all()


def test_the_answers_are_even_and_within_bounds():
    luck = uniform(7, "spell", NUMBERS, 3)
    assert luck.min() >= 0
    assert luck.max() < 1
    assert np.allclose(np.histogram(luck, 10)[0] / len(luck), 0.1, atol=0.005)


def test_neighbours_parts_purposes_and_seeds_have_nothing_in_common():
    luck = uniform(7, "spell", NUMBERS, 3)
    others = (
        np.roll(luck, 1),
        uniform(7, "spell", NUMBERS, 4),
        uniform(7, "favourite", NUMBERS, 3),
        uniform(8, "spell", NUMBERS, 3),
    )
    assert all(abs(np.corrcoef(luck, other)[0, 1]) < 0.02 for other in others)
