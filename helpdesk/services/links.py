"""Where a conversation goes on that was merged or split, and with which messages it begins.

What was merged is closed, and what arrives for it goes on in the other one where whoever writes in one is
answered in the other. What was split off has a thread of its own with us, and the same as before with the vendor.
"""

from collections.abc import Iterable

from django.db.models import F, Q, QuerySet

from helpdesk.models import (
    OPEN,
    SPLIT_KEY,
    STANDING,
    AuditEntry,
    Conversation,
    ConversationLink,
    Entry,
    Identity,
)
from helpdesk.registries import channel_kinds
from helpdesk.services import audit, timeline

Kind = ConversationLink.Kind
# Merges into one another that are followed, and parts of one thread among which what arrives is placed.
MOST_HOPS = 20
MOST_PARTS = 20
MOST_SPLITS = 200


def standing(kind: str) -> QuerySet[ConversationLink]:
    """Return the merges or the splits that were not undone."""
    return ConversationLink.objects.filter(STANDING, kind=kind)


def is_merged(conversation_id: int) -> bool:
    """Tell whether a conversation was merged into another."""
    return bool(standing(Kind.MERGE).filter(source_id=conversation_id).exists())


def said(conversation: Conversation) -> Q:
    """Return what fits the messages of a conversation and, where it was split off, those it begins with."""
    own = Q(conversation_id=conversation.pk)
    if not conversation.is_split_off:
        return own
    link = standing(Kind.SPLIT).filter(target_id=conversation.pk).first()
    if link is None:
        return own
    return own | Q(conversation_id=link.source_id, entry__number__in=link.numbers)


def homes(conversation: Conversation) -> list[int]:
    """Return the conversation and, where it was split off, the one in which its first messages stand."""
    rows = (
        standing(Kind.SPLIT).filter(target_id=conversation.pk) if conversation.is_split_off else ()
    )
    return [conversation.pk, *(row.source_id for row in rows)]


def chat_of(conversation: Conversation) -> Q:
    """Return what fits the rows of a conversation; where it was split off, all of its identity's on the channel.

    The platform does not know that they are several.
    """
    if not conversation.is_split_off:
        return Q(conversation_id=conversation.pk)
    return Q(
        conversation__identity_id=conversation.identity_id,
        conversation__channel_id=conversation.channel_id,
    )


def thread_of(conversation: Conversation) -> str:
    """Return the thread key that the vendor knows: of the one that this was split off, if it was."""
    root_id = _root_id(conversation.thread_key)
    if root_id is None:
        return conversation.thread_key
    same = Conversation.objects.filter(
        pk=root_id, channel_id=conversation.channel_id, identity_id=conversation.identity_id
    )
    root = same.values_list("thread_key", flat=True).first()
    return conversation.thread_key if root is None else root


def part_key(source: Conversation, number: int) -> str:
    """Return the thread key of what is split off by the entry with this number."""
    root_id = _root_id(source.thread_key) or source.pk
    return f"{SPLIT_KEY}{root_id}:{source.pk}-{number}"


def open_part(
    identity: Identity, thread: QuerySet[Conversation], *, after: int = 0
) -> Conversation | None:
    """Return the newest open conversation that was split off one of these, with an id above `after`, locked."""
    parts = Conversation.objects.filter(
        OPEN,
        channel_id=identity.channel_id,
        identity=identity,
        thread_key__startswith=SPLIT_KEY,
        pk__gt=after,
    )
    keys = dict(parts.order_by("-pk").values_list("pk", "thread_key")[:MOST_PARTS])
    roots = {root_id for key in keys.values() if (root_id := _root_id(key))}
    here = set(thread.filter(pk__in=roots).values_list("pk", flat=True)) if keys else set()
    fitting = [pk for pk, key in keys.items() if _root_id(key) in here]
    rows = parts.filter(pk__in=fitting).order_by("-pk").select_for_update(no_key=True)
    return rows.first() if fitting else None


def merged_into(conversation_id: int) -> list[int]:
    """Return the conversation and those it was merged into, one after the other."""
    chain = [conversation_id]
    while len(chain) <= MOST_HOPS:
        rows = standing(Kind.MERGE).filter(source_id=chain[-1])
        following = rows.values_list("target_id", flat=True).first()
        if following is None or following in chain:
            break
        chain.append(following)
    return chain


def place_of(conversation_id: int) -> int:
    """Return the conversation that what arrives for this one joins; those it was merged into are locked with it.

    The same one where nobody merged it, or into one behind another door.
    """
    chain = lock_merged(conversation_id)
    if len(chain) == 1:
        return conversation_id
    rows = Conversation.objects.select_related("channel").in_bulk([chain[0], chain[-1]])
    shares = is_one_door(rows[chain[0]], rows[chain[-1]])
    return chain[-1] if shares else conversation_id


def is_one_door(one: Conversation, other: Conversation) -> bool:
    """Tell whether whoever writes in one is answered in the other: a group is another door than a private chat.

    Letters have threads, too, but all of them are read in one place.
    """
    if (one.channel_id, one.identity_id) != (other.channel_id, other.identity_id):
        return False
    kind = one.channel.kind
    has_letters = kind in channel_kinds and not channel_kinds.get(kind).is_chat
    return has_letters or thread_of(one) == thread_of(other)


def lock_merged(conversation_id: int) -> list[int]:
    """Return what `merged_into` does, all of them locked where it is more than one."""
    chain = merged_into(conversation_id)
    while len(chain) > 1:
        timeline.lock_together(chain)
        known, chain = chain, merged_into(conversation_id)
        if known == chain:
            break
    return chain


def split_off(conversation_ids: Iterable[int]) -> dict[tuple[int, int], int]:
    """Return where messages of these conversations go on that were split off, by conversation and number."""
    rows = standing(Kind.SPLIT).filter(source_id__in=list(conversation_ids))
    found = rows.order_by("pk").values_list("source_id", "target_id", "numbers")[:MOST_SPLITS]
    return {(source, number): target for source, target, numbers in found for number in numbers}


def shown_at(conversation_id: int, number: int) -> list[tuple[int, int]]:
    """Return where a message is shown, by conversation and number: where it stands, and in what begins with it.

    There it is shown with the entry by which that was split off.
    """
    part_id = split_off([conversation_id]).get((conversation_id, number))
    places = [(conversation_id, number)]
    if part_id is not None:
        begins = Entry.objects.filter(conversation_id=part_id, kind=Entry.Kind.SPLIT)
        places += begins.order_by("number").values_list("conversation_id", "number")[:1]
    return places


def come_apart(source: Conversation, into_id: int) -> None:
    """End the merge of a conversation that its customer takes up again through its own door; both are locked.

    The caller saves the source.
    """
    into = Conversation.objects.get(pk=into_id)
    rows = standing(Kind.MERGE).filter(source=source)
    link = rows.get()
    for one, other in ((source, into), (into, source)):
        entry = timeline.add_entry(
            one, Entry.Kind.MERGE_UNDONE, link=link.pk, other=other.pk, goes_on=one is source
        )
        audit.record(
            "conversation.unmerged", one, actor=AuditEntry.Actor.CUSTOMER, conversation=other.pk
        )
    into.save(update_fields=["last_number"])
    rows.update(undone_at=entry.at)
    timeline.changed(into)


def of_one_customer(links: QuerySet[ConversationLink]) -> QuerySet[ConversationLink]:
    """Return those whose conversations are still of one customer: two may have been made of one since."""
    return links.filter(source__customer_id=F("target__customer_id"))


def _root_id(thread_key: str) -> int | None:
    """Return the id of the conversation whose thread the vendor knows; None where nothing was split off."""
    if not thread_key.startswith(SPLIT_KEY):
        return None
    written = thread_key.removeprefix(SPLIT_KEY).partition(":")[0]
    return int(written) if written.isdecimal() and len(written) < 16 else None
