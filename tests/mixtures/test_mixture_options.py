"""What a mixture's options accept, and what they say of what they do not."""

import pytest
from pydantic import ValidationError

from mixtures.options import MixtureOptions, exact, parse_size, parse_tokens


def test_defaults() -> None:
    options = MixtureOptions()
    assert (options.budget, options.weights, options.max_epochs) == (None, None, 1.0)
    assert (options.shard_bytes, options.seed, options.tokenizer) == (256_000_000, None, None)


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("all", "all"),
        (1, 1),
        (10_000, 10_000),
        ("10000", 10_000),
        ("10M", 10_000_000),
        ("2B", 2_000_000_000),
        ("2b", 2_000_000_000),
        ("1.5T", 1_500_000_000_000),
        (" 500 k ", 500_000),
        ("0.0001M", 100),
    ],
)
def test_tokens(written: object, expected: object) -> None:
    assert parse_tokens(written) == expected
    assert MixtureOptions.model_validate({"tokens": written}).tokens == expected


@pytest.mark.parametrize(
    "written", ["", "ALL", "none", 0, "0", -1, "-5M", "1.5", 1.5, True, None, "10Q", "1e9", "M"]
)
def test_tokens_that_are_none(written: object) -> None:
    with pytest.raises(ValidationError, match="expected a number of tokens such as 10000000"):
        MixtureOptions.model_validate({"tokens": written})


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        (1000, 1000),
        ("7B", 7),
        ("512kB", 512_000),
        ("512 KB", 512_000),
        ("256MB", 256_000_000),
        ("256MiB", 256 << 20),
        ("1.5GB", 1_500_000_000),
        ("2GiB", 2 << 30),
        ("4KiB", 4096),
    ],
)
def test_sizes(written: object, expected: int) -> None:
    assert parse_size(written) == expected
    assert MixtureOptions.model_validate({"shard_size": written}).shard_bytes == expected


@pytest.mark.parametrize("written", ["", "big", 0, "0MB", "-1MB", "1.5B", 1.5, "1TB", "10M", None, False])
def test_sizes_that_are_none(written: object) -> None:
    with pytest.raises(ValidationError, match="expected a size in B, kB, MB"):
        MixtureOptions.model_validate({"shard_size": written})


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"weights": {}}, "no weight above 0"),
        ({"weights": {"web": 0, "code": 0.0}}, "no weight above 0"),
        ({"weights": {"web": -0.5}}, "weight of web is -0.5"),
        ({"weights": {"web": float("nan")}}, "weight of web is nan"),
        ({"weights": {"web": float("inf")}}, "weight of web is inf"),
        ({"weights": {"web": "much"}}, "weights.web"),
        ({"max_epochs": 0}, "greater than 0"),
        ({"max_epochs": float("inf")}, "finite"),
        ({"seed": -1}, "greater than or equal to 0"),
        ({"token": 1}, "Extra inputs are not permitted"),
    ],
)
def test_what_makes_no_sense(options: dict[str, object], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        MixtureOptions.model_validate(options)


def test_exact() -> None:
    assert [exact(number) * 10 for number in (0.1, 0.7, 2, 1e-05)] == [1, 7, 20, exact(0.0001)]
