import json
from dataclasses import asdict

from training.classifier.plateau import Plateau


def epochs_of(plateau: Plateau, *losses: float) -> int:
    """Let a stage see losses until it is over; return how many it saw."""
    for loss in losses:
        plateau.see(loss)
        if plateau.is_over:
            break
    return plateau.epochs


def test_a_stage_is_over_when_the_loss_has_made_no_progress_for_so_many_epochs():
    plateau = Plateau(patience=2, min_delta=0.1, most_epochs=9)
    assert epochs_of(plateau, 1.0, 0.8, 0.79, 0.75, 0.1) == 4
    assert plateau.lowest == 0.75


def test_progress_in_between_gives_it_time_again():
    plateau = Plateau(patience=2, min_delta=0.1, most_epochs=9)
    assert epochs_of(plateau, 1.0, 1.1, 0.8, 0.9, 0.7, 0.7, 0.7, 0.1) == 7


def test_without_patience_only_the_number_of_epochs_ends_it():
    assert epochs_of(Plateau(patience=0, min_delta=0.1, most_epochs=5), *[1.0] * 9) == 5


def test_the_lowest_loss_is_known_however_small_the_progress():
    plateau = Plateau(patience=2, min_delta=0.5, most_epochs=9)
    assert [plateau.see(loss) for loss in (1.0, 0.9, 0.9, 0.95, 0.8)] == [
        True, True, False, False, True,
    ]  # fmt: skip


def test_a_loss_below_zero_makes_progress_downwards():
    assert epochs_of(Plateau(1, 0.1, 9), -1.0, -1.2, -1.25) == 3
    assert epochs_of(Plateau(1, 0.1, 9), -1.0, -0.95, -2.0) == 2


def test_a_plateau_goes_on_from_what_json_keeps_of_it():
    plateau = Plateau(patience=2, min_delta=0.1, most_epochs=9)
    again = Plateau(**json.loads(json.dumps(asdict(plateau))))
    for loss in (1.0, 0.99):
        plateau.see(loss)
        again = Plateau(**json.loads(json.dumps(asdict(again))))
        again.see(loss)
    assert again == plateau
