"""What vendors, other sites' pages and the demo shop's visitors ask for."""

from django.urls import path

from channels_app import shop, webhooks, widget
from channels_app.demo import views as demo

app_name = "channels"
urlpatterns = [
    path("channels/<str:public_id>/", webhooks.receive_call, name="receive"),
    path("widget.js", widget.script, name="widget"),
    path("widget/<str:public_id>/files", widget.upload, name="upload"),
    path("widget/<str:public_id>/files/<uuid:file_id>", widget.visitor_file, name="visitor-file"),
    path("test-customer/", demo.test_customer, name="test-customer"),
    path("shop/", shop.home, name="shop"),
]
