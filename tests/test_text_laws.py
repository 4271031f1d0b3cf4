"""Twenty thousand adversarial posts; `python -m tests.nightly_text` takes a million."""

from __future__ import annotations

import pytest

from tests.text_laws import adversarial, check_text, read_languages, same_in_any_batch


@pytest.mark.parametrize("seed", range(20))
def test_text_keeps_its_laws(seed: int) -> None:
    check_text(adversarial(seed, 1_000))


def test_languages_do_not_depend_on_the_batch() -> None:
    same_in_any_batch(read_languages, adversarial(99, 150))


def test_the_posts_are_adversarial() -> None:
    posts = adversarial(0, 1_000)
    joined = "".join(posts)
    assert "\ud800" in joined
    assert "\n" in joined
    assert any(post == "" for post in posts)
    assert adversarial(0, 50) == adversarial(0, 50)
