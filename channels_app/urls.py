"""What vendors, other sites' pages and the demo shop's visitors ask for."""

from django.urls import include, path

from channels_app import letter_views, shop, webhooks, widget
from channels_app.contact import framing
from channels_app.contact import pages as contact
from channels_app.demo import views as demo

app_name = "channels"
urlpatterns = [
    path("channels/<str:public_id>/", webhooks.receive_call, name="receive"),
    path("widget.js", widget.script, name="widget"),
    path("widget/<str:public_id>/files", widget.upload, name="upload"),
    path("widget/<str:public_id>/files/<uuid:file_id>", widget.visitor_file, name="visitor-file"),
    path("letters/<int:message_id>/", letter_views.letter, name="letter"),
    path(
        "letters/<int:message_id>/inline/<uuid:public_id>",
        letter_views.inline_picture,
        name="inline-picture",
    ),
    path(
        "letters/<int:message_id>/remote/<int:number>",
        letter_views.remote_picture,
        name="remote-picture",
    ),
    path("letters/unread/<int:event_id>/", letter_views.raw, name="raw"),
    path("test-customer/", demo.test_customer, name="test-customer"),
    path("form.js", framing.script, name="form-script"),
    path("forms/confirm/<str:token>", contact.confirm, name="form-confirm"),
    path("forms/<str:public_id>/", contact.form, name="form"),
    path("shop/", shop.home, name="shop"),
    path("api/app/v1/", include("channels_app.app_api.urls")),
]
