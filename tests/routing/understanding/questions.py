"""A shop's questions in both languages, made for the tests of what a message is about."""

from routing.understanding.training import Example

ASKED = {
    "returns": (
        "How do I return these earbuds?",
        "I want to send the speaker back",
        "Can I return an opened box?",
        "return label for my order please",
        "怎么退货",
        "买了三天想退货,怎么操作",
        "不想要了可以退吗",
        "拆开了还能退货吗",
    ),
    "invoice": (
        "Can I get an invoice with our VAT number?",
        "please send the invoice again",
        "the invoice shows a wrong company name",
        "I need a VAT invoice for accounting",
        "发票抬头能改吗",
        "什么时候开发票",
        "发票抬头写错了",
        "需要增值税专用发票",
    ),
    "delivery": (
        "Where is my parcel?",
        "the parcel has not arrived yet",
        "track my delivery please",
        "how long does delivery take",
        "快递到哪里了",
        "包裹还没有收到",
        "几天能送到",
        "物流信息不更新",
    ),
}
EXAMPLES = [Example(text, label) for label, texts in ASKED.items() for text in texts]
NAMES = {"returns": "Returns 退货", "invoice": "Invoice 发票", "delivery": "Delivery 快递"}
