"""What a volume's name tells of whose it is."""

import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from piragua.inventory.labels import checked, told_by, with_told

UUID = "123e4567-e89b-12d3-a456-426614174000"


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        (f"prod_shop_data_{UUID}", ("prod", "shop", "data")),
        (f"my_own-prefix_shop_data.mysql-0_{UUID}", ("my_own-prefix", "shop", "data.mysql-0")),
        (f"Prod_shop_data_{UUID}", ("Prod", "shop", "data")),
        (f"shop_data_{UUID}", None),
        (f"_shop_data_{UUID}", None),
        (f"prod__data_{UUID}", None),
        (f"prod_Shop_data_{UUID}", None),
        (f"prod_shop_data_{UUID}0", None),
        (f"prod_shop_data_{UUID.upper()}", None),
        ("prod_shop_data_1", None),
        ("vol_0123456789abcdef0123456789abcdef", None),
        ("", None),
        ("_" * 255, None),
    ],
)
def test_the_provisioners_names_are_taken_apart(name: str, wanted: tuple[str, str, str] | None) -> None:
    found = told_by(name)
    if wanted is None:
        assert found == {}
    else:
        words = ("kubernetes/prefix", "kubernetes/namespace", "kubernetes/claim")
        assert tuple(found[word] for word in words) == wanted
        assert checked(found) == dict(sorted(found.items()))


@given(st.text(max_size=300) | st.from_regex(rf"[a-z_.-]{{0,9}}_[A-Za-z0-9.-]{{0,9}}_[a-z0-9.-]{{0,9}}_{UUID}.?"))
def test_what_any_name_tells_is_what_it_begins_with(name: str) -> None:
    found = list(told_by(name).values())
    assert len(found) in (0, 3)
    if found:
        assert name[: -len(UUID)] == "".join(f"{word}_" for word in found)
        assert str(uuid.UUID(name[-len(UUID) :])) == name[-len(UUID) :]
        assert "_" not in "".join(found[1:])


def test_what_was_set_wins() -> None:
    labels = with_told(f"prod_shop_data_{UUID}", {"kubernetes/claim": "", "team": "blue"})
    assert labels == {
        "kubernetes/claim": "",
        "kubernetes/namespace": "shop",
        "kubernetes/prefix": "prod",
        "team": "blue",
    }
