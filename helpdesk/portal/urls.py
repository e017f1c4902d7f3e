"""The addresses of the staff portal."""

from django.urls import path

from helpdesk.portal import (
    actions,
    calls,
    customers,
    joining,
    password,
    profile,
    searching,
    sign_in,
    start,
    supervision,
    views,
    writing,
)

app_name = "portal"

urlpatterns = [
    path("", views.workspace, name="workspace"),
    path("favicon.ico", views.favicon),
    path("sign-in/", sign_in.sign_in, name="sign-in"),
    path("sign-out/", sign_in.sign_out, name="sign-out"),
    path("language/", sign_in.set_language, name="language"),
    path("organization/", sign_in.switch_organization, name="organization"),
    path("welcome/<slug:user_id>/<slug:token>/", password.welcome, name="welcome"),
    path("password/", password.change, name="password"),
    path("parts/list/", views.conversation_list, name="list"),
    path("parts/views/", views.views, name="views"),
    path("conversations/<int:conversation_id>/", views.conversation, name="conversation"),
    path("conversations/<int:conversation_id>/context/", views.context, name="context"),
    path("conversations/<int:conversation_id>/earlier/", views.earlier, name="earlier"),
    path("conversations/<int:conversation_id>/snippets/", views.snippets, name="snippets"),
    path("conversations/<int:conversation_id>/colleagues/", views.colleagues, name="colleagues"),
    path("conversations/<int:conversation_id>/write/", writing.write, name="write"),
    path(
        "conversations/<int:conversation_id>/messages/<int:number>/withdraw/",
        writing.withdraw,
        name="withdraw",
    ),
    path(
        "conversations/<int:conversation_id>/messages/<int:number>/resend/",
        writing.resend,
        name="resend",
    ),
    path("conversations/<int:conversation_id>/call/", calls.call, name="call"),
    path("calls/", calls.dock, name="call-dock"),
    path("conversations/<int:conversation_id>/take/", actions.take, name="take"),
    path("conversations/<int:conversation_id>/release/", actions.release, name="release"),
    path("conversations/<int:conversation_id>/keep/", actions.keep, name="keep"),
    path("conversations/<int:conversation_id>/resolve/", actions.resolve, name="resolve"),
    path(
        "conversations/<int:conversation_id>/resolve/undo/",
        actions.undo_resolve,
        name="undo-resolve",
    ),
    path("conversations/<int:conversation_id>/reopen/", actions.reopen, name="reopen"),
    path("conversations/<int:conversation_id>/transfer/", actions.transfer, name="transfer"),
    path(
        "conversations/<int:conversation_id>/transfer/<int:transfer_id>/undo/",
        actions.undo_transfer,
        name="undo-transfer",
    ),
    path("conversations/<int:conversation_id>/assign/", actions.assign, name="assign"),
    path("conversations/<int:conversation_id>/snooze/", actions.snooze, name="snooze"),
    path("conversations/<int:conversation_id>/wake/", actions.wake, name="wake"),
    path("conversations/<int:conversation_id>/escalate/", actions.escalate, name="escalate"),
    path("conversations/<int:conversation_id>/topic/", actions.topic, name="topic"),
    path("conversations/<int:conversation_id>/customer/", actions.customer, name="customer"),
    path("conversations/<int:conversation_id>/known/", customers.known, name="known"),
    path(
        "conversations/<int:conversation_id>/customer/merge/",
        customers.merge,
        name="merge-customer",
    ),
    path(
        "conversations/<int:conversation_id>/customer/merges/<int:merge_id>/undo/",
        customers.undo,
        name="undo-merge",
    ),
    path(
        "conversations/<int:conversation_id>/customer/suggestions/<int:suggestion_id>/accept/",
        customers.accept,
        name="accept-suggestion",
    ),
    path(
        "conversations/<int:conversation_id>/customer/suggestions/<int:suggestion_id>/dismiss/",
        customers.dismiss,
        name="dismiss-suggestion",
    ),
    path(
        "conversations/<int:conversation_id>/customer/consent/", customers.consent, name="consent"
    ),
    path("conversations/<int:conversation_id>/priority/", actions.priority, name="priority"),
    path(
        "conversations/<int:conversation_id>/mentions/<int:mention_id>/end/",
        actions.end_access,
        name="end-access",
    ),
    path("escalations/<int:escalation_id>/claim/", actions.claim, name="claim"),
    path("participants/<int:participant_id>/approve/", joining.approve, name="approve-participant"),
    path("participants/<int:participant_id>/decline/", joining.decline, name="decline-participant"),
    path("participants/<int:participant_id>/remove/", joining.remove, name="remove-participant"),
    path("files/<uuid:public_id>/", writing.attachment, name="attachment"),
    path("search/", searching.search, name="search"),
    path("board/", supervision.board, name="board"),
    path("board/parts/", supervision.board_parts, name="board-parts"),
    path("presence/", profile.presence, name="presence"),
    path("profile/", profile.profile, name="profile"),
    path("profile/leave/", profile.enter_leave, name="enter-leave"),
    path("profile/leave/<int:leave_id>/remove/", profile.remove_leave, name="remove-leave"),
    path("profile/focus/", profile.enter_focus_time, name="enter-focus"),
    path(
        "profile/focus/<int:focus_time_id>/remove/", profile.remove_focus_time, name="remove-focus"
    ),
    path("shortcuts/", views.shortcuts, name="shortcuts"),
    path("start/", start.start, name="start"),
    path("start/name/", start.rename, name="start-name"),
    path("start/step/", start.step_done, name="start-step"),
    path("start/invite/", start.invite, name="start-invite"),
]
