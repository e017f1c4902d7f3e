"""Letters as Chinese mail programs lay them out: name, what was answered, and all that stands below."""

ASK = "你好,我的订单还没有收到,请帮忙查一下。\n订单号 2026112200017"

QUOTED = {
    "QQ mail": """


------------------ 原始邮件 ------------------
发件人: "客服中心" <kefu@example.com>;
发送时间: 2026年11月22日(星期天) 上午10:00
收件人: "张三"<zhangsan@qq.com>;
主题: Re: 订单

您好,请提供订单号。""",
    "QQ mail with a longer title": """

------------------&nbsp;原始邮件&nbsp;------------------
发件人: "客服"<kefu@example.com>
您好""".replace("&nbsp;", "\u00a0"),
    "QQ mail on a phone": """

---原始邮件---
发件人: "客服中心"<kefu@example.com>
发送时间: 2026年11月22日(周日) 上午10:00
收件人: "张三"<zhangsan@qq.com>;
主题: Re: 订单

您好""",
    "QQ mail in English": """

------------------ Original ------------------
From: "客服中心"<kefu@example.com>;
Date: Sun, Nov 22, 2026 10:00 AM
To: "张三"<zhangsan@qq.com>;
Subject: Re: 订单

您好""",
    "WeCom mail": """

------------------ Original message ------------------
From: "客服"<kefu@example.com>;
Sent: 2026-11-22 10:00
To: "张三"<zhangsan@example.cn>;
Subject: 订单

您好""",
    "WeCom mail in one line": """

发件人: 客服<kefu@example.com>  发送时间: 2026-11-22 10:00  收件人: 张三  主题: 订单
您好""",
    "NetEase 163": """





在 2026-11-22 10:00:00,"客服中心" <kefu@example.com> 写道:
您好
请提供订单号。""",
    "NetEase 163, marked": """

在 2026-11-22 10:00:00,"客服中心" <kefu@example.com> 写道:
>您好
>请提供订单号。""",
    "NetEase 126 in English": """

At 2026-11-22 10:00:00, "客服中心" <kefu@example.com> wrote:

您好""",
    "NetEase without an address": """

在2026年11月22日 10:00,客服中心 写道:
您好""",
    "NetEase's app": """

---- 回复的原邮件 ----
| 发件人 | 客服中心<kefu@example.com> |
| 日期 | 2026年11月22日 10:00 |
| 收件人 | 张三<zhangsan@163.com> |
| 主题 | Re:订单 |
您好""",
    "NetEase's app in English": """

---- Replied Message ----
| From | 客服中心<kefu@example.com> |
| Date | 11/22/2026 10:00 |
| To | 张三<zhangsan@163.com> |
| Subject | Re: 订单 |
您好""",
    "NetEase table without a title": """

| 发件人 | 客服中心<kefu@example.com> |
| 日期 | 2026年11月22日 10:00 |
| 收件人 | 张三<zhangsan@163.com> |
| 主题 | Re:订单 |
您好""",
    "Foxmail": """


发件人: 客服中心
发送时间: 2026-11-22 10:00
收件人: 张三
主题: Re: 订单
您好,请提供订单号。""",
    "Foxmail with a rule and copies": """

________________________________
发件人: kefu@example.com
发送时间: 2026-11-22 10:00
收件人: 张三
抄送: 李四; 王五
主题: 回复: 订单

您好""",
    "Outlook": """

发件人: 客服中心 <kefu@example.com>
发送时间: 2026年11月22日 10:00
收件人: 张三 <zhangsan@example.cn>
抄送: 李四 <lisi@example.cn>;
 王五 <wangwu@example.cn>
主题: 答复: 订单

您好""",
    "Outlook, with its line": """

-----邮件原件-----
发件人: 客服中心 [mailto:kefu@example.com]
发送时间: 2026年11月22日 10:00
收件人: 张三
主题: 订单

您好""",
    "Outlook in Taiwan": """

寄件者: 客服中心 <kefu@example.com>
寄件日期: 2026年11月22日 上午 10:00
收件者: 張三 <zhangsan@example.tw>
主旨: 回覆: 訂單

您好""",
    "Outlook in Hong Kong": """

________________________________
寄件者: 客服中心 <kefu@example.com>
已傳送: 2026年11月22日 10:00
收件者: 張三
主旨: 訂單

您好""",
    "Outlook with spread titles": """

发件人: 客服中心 <kefu@example.com>
日 期: 2026-11-22 10:00
收件人: 张三
主 题: 订单

您好""",
    "Aliyun mail": """

------------------------------------------------------------------
发件人:客服中心 <kefu@example.com>
发送时间:2026年11月22日(星期日) 10:00
收件人:张三 <zhangsan@aliyun.com>
主 题:Re: 订单

您好""",
    "Coremail": """

-----原始邮件-----
发件人:"客服中心" <kefu@example.com>
发送时间:2026-11-22 10:00:00 (星期日)
收件人: zhangsan@example.edu.cn
抄送:
主题: 订单

您好""",
    "139 mail": """

----邮件原文----
发件人:客服中心 <kefu@example.com>
收件人:张三 <13800000000@139.com>
抄 送: (无)
发送时间:2026-11-22 10:00:00
主题:订单

您好""",
    "Sina": """

----- 原始邮件 -----
发件人:客服中心 <kefu@example.com>
收件人:zhangsan@sina.com
主题:订单
日期:2026年11月22日 10点00分

您好""",
    "Gmail": """

客服中心 <kefu@example.com> 于2026年11月22日周日 上午10:00写道:

> 您好
> 请提供订单号。""",
    "Gmail, wrapped": """

客服中心 <
kefu@example.com> 于2026年11月22日周日
上午10:00写道:

> 您好""",
    "Gmail, the address on a line of its own": """

客服中心 <kefu@example.com>
于2026年11月22日周日 上午10:00写道:

> 您好""",
    "Gmail without a name": """

于2026年11月22日周日 上午10:00写道:

> 您好""",
    "Gmail in Taiwan": """

客服中心 <kefu@example.com> 於 2026年11月22日 週日 上午10:00寫道:

> 您好""",
    "Apple Mail": """

> 在 2026年11月22日,上午10:00,客服中心 <kefu@example.com> 写道:
>
> 您好""",
    "Apple Mail, not marked": """

在 2026年11月22日,上午10:00,客服中心 <kefu@example.com> 写道:

您好""",
    "Apple Mail in Taiwan": """

> 客服中心 <kefu@example.com> 於 2026年11月22日 上午10:00 寫道:
>
> 您好""",
    "Yahoo in Taiwan": """

在 2026年11月22日 星期日 上午10:00:00 [GMT+8], 客服中心<kefu@example.com> 寫道:

您好""",
    "Thunderbird": """

在 2026/11/22 10:00, 客服中心 写道:
> 您好
> 请提供订单号。""",
    "Feishu mail": """

发件人: 客服中心<kefu@example.com>
日期: 2026年11月22日 (周日) 10:00
主题: 订单
收件人: 张三<zhangsan@example.cn>

您好""",
    "an answer to a forwarded letter": """

-------- 转发邮件信息 --------
发件人: 客服中心 <kefu@example.com>
发送日期: 2026-11-22 10:00
收件人: 张三
主题: 订单

您好""",
}

SIGNED = [
    "发自我的iPhone",
    "发自我的小米手机",
    "发自我的华为 Mate 60 Pro",
    "发自我的 iPad",
    "来自QQ邮箱",
    "来自企业微信",
    "发自 Foxmail for iOS",
    "发自网易邮箱大师",
    "从我的 iPhone 发送",
    "從我的 iPhone 傳送",
    "从 Windows 版邮件发送",
    "从 Windows 版邮件<https://go.microsoft.com/fwlink/?LinkId=550986>发送",
    "获取 Outlook for iOS",
    "获取 Outlook for iOS<https://aka.ms/o0ukef>",
    "获取 Outlook for Android (https://aka.ms/AAb9ysg)",
    "取得 iOS 版 Outlook",
    "由 网易邮箱大师 定制",
    "-- \n张三\n销售部经理",
    "--\n\n张三\n电话: 010-12345678",
    "此致\n敬礼!\n\n张三\n某某科技有限公司\n13800000000",
    "祝商祺!\n张三\n某某科技有限公司",
    "此邮件及其附件含有某某公司的保密信息,仅限于发送给上面地址中列出的个人。\n禁止任何其他人使用。",
    "本邮件及其附件可能含有保密信息,如您误收,请立即删除。",
    "【保密声明】本邮件仅供指定收件人使用。",
    "保密提示: 本邮件含有机密信息。",
    "________________________________\n张三\n某某科技有限公司",
]

# What looks like a mark and belongs to the letter.
WHOLE = [
    "从北京发送的快递坏了,请处理",
    "来自手机用户的投诉很多,你们怎么看?",
    "发件人写错了,能改吗?",
    "收件人: 张三\n地址: 北京市海淀区\n电话: 13800000000",
    "收件人: 李四\n时间: 2026年11月22日\n地址: 上海",
    "主题: 退货\n我想退掉上周买的鞋",
    "时间: 11月22日 10:00\n地点: 北京",
    "他在信中写道:\n我们会退款。",
    "在 2026年11月22日 10:00 之前能送到吗?",
    "张三 <zhangsan@example.com> 是我的新地址,请更新",
    "联系方式如下\n张三\n13800000000\nzhangsan@example.com",
    "谢谢!\n张三",
    "祝好\n张三",
    "原文是这样的",
    "----\n分割线上面没有内容\n----\n下面也是正文。",
]

FORWARDED = [
    "-------- 转发邮件信息 --------\n发件人: 李四 <lisi@example.cn>\n发送日期: 2026-11-22 10:00\n"
    "收件人: 张三\n主题: 发票\n\n请开发票",
    "请看下面\n\n---------- Forwarded message ---------\n发件人: 李四 <lisi@example.cn>\n"
    "Date: 2026年11月22日周日 10:00\nSubject: 发票\nTo: 张三\n\n请开发票",
    "\n发自我的iPhone\n\n以下是转发的邮件:\n\n> 发件人: 李四 <lisi@example.cn>\n"
    "> 日期: 2026年11月22日\n> 主题: 发票\n>\n> 请开发票",
    "---- 转发的邮件 ----\n| 发件人 | 李四<lisi@example.cn> |\n| 主题 | 发票 |\n请开发票",
    "见下\n\n-----转发邮件-----\n发件人: 李四\n发送时间: 2026-11-22\n收件人: 张三\n主题: 发票\n\n请开发票",
]
