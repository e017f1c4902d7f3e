from decimal import Decimal

import pytest

from helpdesk.models import Staff
from routing import offers
from routing.models import Offer, Policy
from tests.channels_app.loops import run
from tests.channels_app.sockets import Screen, in_thread, signed_in
from tests.factories import World
from tests.routing.conftest import route


@pytest.fixture
def offering(world: World) -> World:
    with world.transaction():
        Policy.objects.create(mode="offer", weights={"load": 50})
        Staff.objects.update(languages=["zh", "en"], capacity=Decimal(3))
    world.topic("退货", world.support, name_en="Returns", keywords=["退货"])
    world.online("carol")
    return world


def offered(world: World) -> tuple[int, str]:
    """Let the router offer what a customer wrote; returns the offer and whom it was put before."""
    world.message("怎么退货")
    route(world)
    with world.transaction():
        found = Offer.objects.select_related("staff__user").get(state="pending")
        return found.pk, next(name for name, staff in world.people.items() if staff == found.staff)


def test_an_offer_is_on_the_persons_screens_at_once_and_on_no_other(offering: World) -> None:
    cookies = {name: signed_in(offering, name) for name in ("carol", "dave", "bob")}

    async def work() -> tuple[str, str, str]:
        screens = {name: Screen(cookie) for name, cookie in cookies.items()}
        for screen in screens.values():
            assert await screen.connect()
        offer_id, chosen = await in_thread(offered, offering)
        shown = await screens[chosen].see(f'data-offer="{offer_id}"')
        rest = ""
        for name, screen in screens.items():
            if name != chosen:
                rest += await screen.rest()
            await screen.leave()
        return shown, rest, chosen

    shown, rest, chosen = run(work())
    assert chosen in {"carol", "dave"}
    assert "怎么退货" in shown
    assert "data-offer" not in rest


@pytest.mark.parametrize("answer", ["accept", "decline"])
def test_an_answered_offer_leaves_the_persons_other_screens(offering: World, answer: str) -> None:
    cookie = signed_in(offering, "carol")

    def answered(offer_id: int) -> None:
        carol = offering.access("carol")
        if answer == "accept":
            offers.accept(carol, offer_id)
        else:
            offers.decline(carol, offer_id, "meeting")

    async def work() -> str:
        screens = [Screen(cookie), Screen(cookie)]
        for screen in screens:
            assert await screen.connect()
        offer_id, _chosen = await in_thread(offered, offering)
        for screen in screens:
            await screen.see(f'data-offer="{offer_id}"')
        await in_thread(answered, offer_id)
        gone = [await screen.see('id="offer" hidden') for screen in screens]
        for screen in screens:
            await screen.leave()
        return "".join(gone)

    gone = run(work())
    assert "data-offer" not in gone
